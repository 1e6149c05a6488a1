"""Where the mark lives: which coefficients of a small luma picture belong to which chip, with which sign.

A chip is one number that the mark sets positive or negative: the sum over about 25 coefficients, spread over
the band, each with a random sign. The signs are drawn once for all pictures; so on any picture without the
mark the sums are random walks, which is what the false alarm rate of `detection` rests on.
"""

import hashlib
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from jaxtyping import Float, Float32, Int

GRID = 128
"""Every frame is looked at as this many rows and columns of luma, whatever its own size."""
CODE_CHIPS = 96
PRESENCE_CHIPS = 96
CHIPS = PRESENCE_CHIPS + CODE_CHIPS
"""The presence word comes first, then the code word of the id."""

_BAND = 28, 84  # half-periods across the frame: below, pictures are too strong; above, codecs too coarse
_WHITENING = 4.0  # pictures fall off with about this power of frequency, after masking and twice applied
_NAME = "cameo3d mark 1"


@dataclass(frozen=True)
class Pattern:
    """The carriers of all chips."""

    places: Int[np.ndarray, " coefficients"]
    """Index of each coefficient in the flattened transform."""
    chips: Int[np.ndarray, " coefficients"]
    """To which chip it belongs."""
    weights: Float32[np.ndarray, " coefficients"]
    """Its weight with its sign; the squares of a chip's weights sum to one."""

    def chip_values(self, transform: Float32[np.ndarray, "rows columns"]) -> Float[np.ndarray, " chips"]:
        """The value of each chip in a transform."""
        return np.bincount(self.chips, self.weights * transform.ravel()[self.places], CHIPS)

    def chip_variances(self, transform: Float32[np.ndarray, "rows columns"]) -> Float[np.ndarray, " chips"]:
        """The variance that each chip's value would have if its signs were drawn again."""
        return np.bincount(self.chips, (self.weights * transform.ravel()[self.places]) ** 2, CHIPS)

    def transform(self, chip_values: Float[np.ndarray, " chips"]) -> Float32[np.ndarray, "rows columns"]:
        """The smallest transform that has these chip values."""
        spread = np.zeros(GRID * GRID, np.float32)
        spread[self.places] = self.weights * chip_values.astype(np.float32)[self.chips]
        return spread.reshape(GRID, GRID)

    def presence_picture(self) -> Float32[np.ndarray, "rows columns"]:
        """The presence word as a picture, for looking for it at other places and sizes."""
        word = np.concatenate([np.ones(PRESENCE_CHIPS), np.zeros(CODE_CHIPS)])
        return cv2.idct(self.transform(word))


@cache
def mark_pattern() -> Pattern:
    """The one pattern of all outputs. It must never change: files that are out there carry it."""
    rows, columns = np.mgrid[:GRID, :GRID]
    radius = np.hypot(rows, columns).ravel()
    inside = np.flatnonzero((radius >= _BAND[0]) & (radius < _BAND[1]))
    inside = inside[np.argsort(radius[inside], kind="stable")]
    rounds = len(inside) // CHIPS
    places = inside[: rounds * CHIPS]
    # Round by round every chip gets one coefficient, so that all chips have the same spectrum.
    draws = _random_words(2 * rounds * CHIPS)
    chips = np.argsort(draws[: rounds * CHIPS].reshape(rounds, CHIPS), axis=1, kind="stable").ravel()
    signs = np.where(draws[rounds * CHIPS :] >> np.uint64(63), 1.0, -1.0)
    weights = (radius[places] / _BAND[1]) ** _WHITENING
    norms = np.sqrt(np.bincount(chips, weights**2, CHIPS))
    return Pattern(places, chips, (signs * weights / norms[chips]).astype(np.float32))


def _random_words(count: int) -> np.ndarray:
    """64-bit words that are the same for ever, whichever versions of libraries are installed."""
    blocks = (hashlib.sha256(f"{_NAME}/{index}".encode()).digest() for index in range(-(-count // 4)))
    return np.frombuffer(b"".join(blocks), "<u8")[:count]
