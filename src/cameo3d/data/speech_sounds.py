"""Which sound of speech is heard when, by pocketsphinx's free phone recogniser; only training needs it.

Also what every phonetician's table says of them: how far the jaw opens. Spoken by nobody in particular, it
lends voices without a picture a motion to learn from.
"""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from cameo3d.errors import CameoError
from cameo3d.models.voice.lite.mouth import SOUNDS
from cameo3d.models.voice.lite.sound import FEATURES_PER_MOTION_FRAME, SAMPLE_RATE

_MARGIN = 1600
"""Samples of silence around a sound while it is recognised."""
_NAMES_PER_SECOND = 100
_OPENNESS = (
    *(0.15, 0.0, 0.0, 0.0, 0.15, 0.15, 0.3, 0.3, 0.35, 0.4, 0.4, 0.4, 0.3, 0.3, 0.25, 0.25, 0.3, 0.3, 0.3),
    *(0.3, 0.45, 0.35, 0.4, 0.15, 0.35, 0.5, 1.0, 0.95, 0.65, 0.8, 0.9, 0.9, 0.75, 0.65, 0.5, 0.45),
    *(0.6, 0.6, 0.4, 0.25),
)
"""How open the mouth is at the heart of each of `SOUNDS`, from closed to the widest vowel."""
_CLOSED, _WIDEST = 0.01, 0.15
_BLUR_NAMES = 5.0
"""Neighbouring sounds melt into each other over about so many hundredths of a second."""
_AHEAD_NAMES = 2
"""So many hundredths of a second before a sound the mouth has its shape, as on the White House's clips."""


def name_sounds(samples: Float32[np.ndarray, " samples"]) -> Int64[Tensor, " names"]:
    """The sound of speech in every hundredth of a second, as its place in `SOUNDS`.

    Args:
        samples: Speech, 16000 samples a second, in [-1, 1].

    Raises:
        CameoError: If pocketsphinx is not installed.
    """
    decoder = _recogniser()
    padded = np.pad(samples, _MARGIN)
    decoder.start_utt()
    decoder.process_raw((padded.clip(-1, 1) * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()

    labels = torch.zeros(len(samples) * _NAMES_PER_SECOND // SAMPLE_RATE + 1, dtype=torch.int64)
    shift = _MARGIN * _NAMES_PER_SECOND // SAMPLE_RATE
    for segment in decoder.seg():
        if segment.word in SOUNDS:  # everything else is noise or breath
            first, end = max(0, segment.start_frame - shift), max(0, segment.end_frame + 1 - shift)
            labels[first:end] = SOUNDS.index(segment.word)
    return labels


@functools.cache
def pronounced_words() -> list[str]:
    """The English words in pocketsphinx's dictionary, in its order.

    Raises:
        CameoError: If pocketsphinx is not installed.
    """
    lines = Path(_model_path("en-us/cmudict-en-us.dict")).read_text(encoding="utf8").splitlines()
    words = [line.split()[0] for line in lines if line]
    return [word for word in words if word.isalpha()]


@functools.cache
def _recogniser() -> Any:
    phones = _model_path("en-us/en-us-phone.lm.bin")
    from pocketsphinx import Decoder  # pyright: ignore[reportMissingImports]

    return Decoder(lm=None, allphone=phones, lw=2.0, beam=1e-20, pbeam=1e-20, loglevel="FATAL")


def _model_path(name: str) -> str:
    try:
        from pocketsphinx import get_model_path  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise CameoError(
            "Training needs pocketsphinx to name sounds; install it with pip install pocketsphinx."
        ) from error
    return str(get_model_path(name))


def spoken_opening(sounds: Int64[Tensor, " names"]) -> Float[Tensor, " frames"]:
    """How an average mouth opens while it says these sounds, in the unit of `lip_opening`, at 25 fps."""
    openness = np.array(_OPENNESS)[sounds.numpy()]
    blurred = gaussian_filter1d(openness, _BLUR_NAMES)
    ahead = np.append(blurred[_AHEAD_NAMES:], blurred[-_AHEAD_NAMES:])[::FEATURES_PER_MOTION_FRAME]
    return torch.from_numpy(_CLOSED + (_WIDEST - _CLOSED) * ahead).float()


assert len(_OPENNESS) == len(SOUNDS), "every sound has its openness"
