"""Which sound of speech is heard when: words laid over the sound by pocketsphinx; only training needs it."""

import functools
import re
from collections.abc import Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from cameo3d.errors import CameoError
from cameo3d.models.voice.lite.speech_encoder import SOUNDS
from cameo3d.values.sound import SAMPLE_RATE

UNLABELLED = -1
"""Stands where nobody knows which sound is spoken."""
SOUNDS_PER_SECOND = 100

_LEFT_OUT = ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2))
"""First and last words that are given up in turn: a clip may begin or end within one, which fits nothing."""
_BEAMS = (None, 1e-64, 1e-80)
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_GRID = (
    dict(b="bin", l="lay", p="place", s="set"),
    dict(b="blue", g="green", r="red", w="white"),
    dict(a="at", b="by", i="in", w="with"),
    {letter: letter for letter in ascii_lowercase},
    dict(zip("z123456789", _DIGITS, strict=True)),
    dict(a="again", n="now", p="please", s="soon"),
)


def grid_words(name: str) -> list[str]:
    """What a clip of the GRID corpus says, which its name spells; nothing if the name is of another kind."""
    code = re.split(r"[/_]", name.removesuffix(".mp4"))[-1]
    if not name.startswith("grid") or len(code) != len(_GRID):
        return []
    return [table[letter] for table, letter in zip(_GRID, code, strict=True)]


def lay_words(
    samples: Float32[np.ndarray, " samples"], words: Sequence[str]
) -> list[tuple[str, float, float]]:
    """The sounds of words, with the seconds at which each begins and ends.

    Args:
        samples: Speech, 16000 samples a second, in [-1, 1].
        words: What is said, in small letters; those that are in no dictionary are left out.

    Returns:
        Nothing if the words do not fit the sound.

    Raises:
        CameoError: If pocketsphinx is not installed.
    """
    raw = (samples.clip(-1, 1) * 32767).astype("<i2").tobytes()
    words = [word for word in words if _decoder(None).lookup_word(word)]
    for first, left in _LEFT_OUT:
        text = " ".join(words[first : len(words) - left])
        for beam in _BEAMS if text else ():
            decoder = _decoder(beam)
            decoder.set_align_text(text)
            try:
                _hear(decoder, raw)
                decoder.set_alignment()
                _hear(decoder, raw)
            except RuntimeError:
                continue
            phones = [phone for word in decoder.get_alignment() for phone in word]
            seconds = [(phone.start / 100, (phone.start + phone.duration) / 100) for phone in phones]
            return [
                (phone.name, *span)
                for phone, span in zip(phones, seconds, strict=True)
                if phone.name in SOUNDS and phone.name != "SIL"
            ]
    return []


def name_sounds(count: int, laid: list[tuple[str, float, float]]) -> Int64[Tensor, " names"]:
    """The sound of speech in every hundredth of a second, as its place in `SOUNDS`, or `UNLABELLED`.

    Args:
        count: How many.
        laid: From `lay_words`; between these sounds is silence, outside of them nobody knows.
    """
    labels = torch.full((count,), UNLABELLED)
    if laid:
        first, last = round(100 * laid[0][1]), round(100 * laid[-1][2])
        labels[first:last] = SOUNDS.index("SIL")
    for name, start, end in laid:
        labels[round(100 * start) : round(100 * end)] = SOUNDS.index(name)
    return labels


@functools.cache
def pronounced_words() -> list[str]:
    """The English words in pocketsphinx's dictionary, in its order.

    Raises:
        CameoError: If pocketsphinx is not installed.
    """
    lines = Path(_pocketsphinx().get_model_path("en-us/cmudict-en-us.dict")).read_text(encoding="utf8")
    words = [line.split()[0] for line in lines.splitlines() if line]
    return [word for word in words if word.isalpha()]


@functools.cache
def _decoder(beam: float | None) -> Any:
    beams = {} if beam is None else {"beam": beam, "pbeam": beam, "wbeam": beam}
    return _pocketsphinx().Decoder(lm=None, loglevel="FATAL", samprate=SAMPLE_RATE, **beams)


def _hear(decoder: Any, raw: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(raw, full_utt=True)
    decoder.end_utt()


def _pocketsphinx() -> Any:
    try:
        import pocketsphinx  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise CameoError(
            "Training needs pocketsphinx to tell sounds apart; install it with pip install pocketsphinx."
        ) from error
    return pocketsphinx
