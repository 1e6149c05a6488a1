"""Which sound of speech is heard when, by pocketsphinx's free phone recogniser; only training needs it."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from cameo3d.errors import CameoError
from cameo3d.models.voice.lite.sound import SAMPLE_RATE

SOUNDS = (
    *("SIL", "P", "B", "M", "F", "V", "T", "D", "N", "K", "G", "NG", "TH", "DH", "S", "Z", "SH", "ZH", "CH"),
    *("JH", "L", "R", "ER", "W", "Y", "HH", "AA", "AE", "AH", "AO", "AW", "AY", "EH", "EY", "IH", "IY"),
    *("OW", "OY", "UH", "UW"),
)
"""The sounds of speech that are told apart: silence and breath, and the phones of English."""
_MARGIN = 1600
"""Samples of silence around a sound while it is recognised."""
_NAMES_PER_SECOND = 100


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
