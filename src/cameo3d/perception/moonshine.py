"""A recogniser of English speech, which teaches the voice model's ear what is said; only training needs it.

It is Moonshine tiny (Jeffries et al., "Moonshine: speech recognition for live transcription and voice
commands", arXiv 2410.15608, 2024; MIT), whose networks lie in the wheel of moonshine-voice.
"""

import functools
import importlib.util
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from cameo3d.errors import CameoError
from cameo3d.values.sound import SAMPLE_RATE

RECOGNISED = 288
"""Size of what it hears at a step."""
STEP_SAMPLES = 384
FIRST_SAMPLE = 447
"""The sample in the middle of its first step; further ones are `STEP_SAMPLES` apart."""

_PIECE_STEPS, _MARGIN_STEPS = 333, 42  # it hears 8 s at a time, with 1 s around it
_LAYERS, _HEADS, _HEAD = 6, 8, 36
_BEGIN, _END = 1, 2
_WORDS_PER_SECOND = 6.5  # pieces of words, more of which are nonsense


class Recogniser:
    """What is said, by words and by what its network makes of a sound before it finds words.

    Args:
        folder: Holds the network's encoder, decoder and words.
    """

    def __init__(self, folder: Path) -> None:
        from onnxruntime import InferenceSession  # pyright: ignore[reportMissingImports]

        self._encoder = InferenceSession(str(folder / "encoder_model.ort"))
        self._decoder = InferenceSession(str(folder / "decoder_model_merged.ort"))
        self._pieces = _word_pieces((folder / "tokenizer.bin").read_bytes())

    def hear(self, samples: Float32[np.ndarray, " samples"]) -> Float[Tensor, "steps recognised"]:
        """What its encoder hears, from eight seconds and one around them at a time."""
        steps = max(1, (len(samples) - 2 * FIRST_SAMPLE - 1) // STEP_SAMPLES + 1)
        rows = []
        for first in range(0, steps, _PIECE_STEPS):
            before = min(first, _MARGIN_STEPS)
            start = (first - before) * STEP_SAMPLES
            end = (first + _PIECE_STEPS + _MARGIN_STEPS) * STEP_SAMPLES + 2 * FIRST_SAMPLE
            part = np.pad(samples[start:end], (0, max(0, 2 * FIRST_SAMPLE + 1 - len(samples[start:end]))))
            count = min(_PIECE_STEPS, steps - first)
            heard = self._encode(part)[0, before : before + count]
            rows.append(np.pad(heard, ((0, count - len(heard)), (0, 0)), mode="edge"))
        return torch.from_numpy(np.concatenate(rows))

    def words(self, samples: Float32[np.ndarray, " samples"]) -> list[str]:
        """What is said, in small letters; nonsense if it is not English."""
        count = max(1, round(len(samples) / SAMPLE_RATE / 9))
        said = " ".join(self._read(part) for part in np.array_split(samples, count))
        letters = "".join(one if one.isalpha() or one == "'" else " " for one in said.lower())
        return letters.split()

    def _encode(self, samples: Float32[np.ndarray, " samples"]) -> Float32[np.ndarray, "1 steps recognised"]:
        sound = samples[None]
        given = {"input_values": sound, "attention_mask": np.ones(sound.shape, np.int64)}
        return np.asarray(self._encoder.run(None, given)[0])

    def _read(self, samples: Float32[np.ndarray, " samples"]) -> str:
        nothing = {
            f"past_key_values.{layer}.{network}.{part}": np.zeros((1, _HEADS, length, _HEAD), np.float32)
            for layer in range(_LAYERS)
            for network, length in (("decoder", 0), ("encoder", 1))
            for part in ("key", "value")
        }
        given = {
            "encoder_hidden_states": self._encode(samples),
            "encoder_attention_mask": np.ones((1, len(samples)), np.int64),
            "use_cache_branch": np.zeros(1, bool),
            **nothing,
        }
        said = [_BEGIN]
        for _ in range(int(_WORDS_PER_SECOND * len(samples) / SAMPLE_RATE) + 8):
            [scores] = self._decoder.run(["logits"], {"input_ids": np.array([said], np.int64), **given})
            best = int(np.asarray(scores)[0, -1].argmax())
            if best == _END:
                break
            said.append(best)
        text = b"".join(self._pieces[piece] for piece in said[1:]).decode(errors="replace")
        return text.replace("\N{LOWER ONE EIGHTH BLOCK}", " ")


def _word_pieces(content: bytes) -> list[bytes]:
    """Each with its length before it, in one byte, or in two if it is longer than 127."""
    pieces, place = [], 0
    while place < len(content):
        length, place = content[place], place + 1
        if length >= 128:
            length, place = length - 128 + 128 * content[place], place + 1
        pieces.append(content[place : place + length])
        place += length
    return pieces


@functools.cache
def load_recogniser() -> Recogniser:
    """The one in the installed moonshine-voice.

    Raises:
        CameoError: If moonshine-voice or onnxruntime is not installed, or of a release without the networks.
    """
    found = importlib.util.find_spec("moonshine_voice")
    folder = Path(found.origin).parent / "assets/tiny-en" if found and found.origin else Path()
    if importlib.util.find_spec("onnxruntime") is None or not (folder / "encoder_model.ort").exists():
        raise CameoError(
            "Training the ear needs the recogniser in moonshine-voice; install it with "
            "pip install --no-deps moonshine-voice==0.0.59 and pip install onnxruntime."
        )
    return Recogniser(folder)
