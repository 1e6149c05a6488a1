"""Reading the mark: is it there, how sure is that, and which id does it carry.

Every number is an upper bound of how likely a picture without the mark would look like this. The signs of the
pattern were drawn by chance, so the sum of signed coefficients of a picture that does not know them is a
random walk with known steps, and Hoeffding's inequality bounds its tail whatever the picture: exp(-z^2 / 2)
for z standard deviations. Where the best of many attempts is taken, the bound is multiplied by their number.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from cameo3d.provenance.code import IDENTITY_BITS, decode_identity, encode_identity
from cameo3d.provenance.masking import even_texture, small_luma
from cameo3d.provenance.pattern import GRID, PRESENCE_CHIPS, mark_pattern

FALSE_ALARM = 1e-6
"""The mark counts as found if its bound is at most this."""
DOUBT = 1e-3
"""An id counts as read if chance alone would agree so well with some id at most this often."""
WINDOW_SECONDS = 5.0
"""Besides the whole, each stretch of this length is looked at, since a marked clip may stand among others."""
_SMALLEST = 102  # of the grid's 128 rows or columns: crops down to 80 % are looked for

Evened = Float32[np.ndarray, "rows columns"]


@dataclass(frozen=True)
class MarkReading:
    """What was read."""

    p_value: float
    """At most this likely without the mark, all attempts counted."""
    deviations: float
    """How many standard deviations from what a picture without it shows, in the best attempt."""
    identity: int | None
    """The id, if it is sure enough (`DOUBT`)."""
    kept: tuple[float, float]
    """Which share of the marked picture's width and height is left; less than one after a crop."""

    @property
    def found(self) -> bool:
        """Whether the mark is there."""
        return self.p_value <= FALSE_ALARM


def average_texture(
    frames: Iterable[UInt8[np.ndarray, "height width channels"]], frame_rate: float | int
) -> list[Evened]:
    """Average what readers of the mark look at over stretches of five seconds; a shorter rest joins the last.

    Args:
        frames: Pictures, one after the other.
        frame_rate: How many a second.
    """
    length = max(1, round(WINDOW_SECONDS * frame_rate))
    sums: list[Evened] = []
    counts: list[int] = []
    for index, frame in enumerate(frames):
        if index % length == 0:
            sums.append(np.zeros((GRID, GRID), np.float32))
            counts.append(0)
        sums[-1] += even_texture(small_luma(frame))
        counts[-1] += 1
    if len(sums) > 1 and counts[-1] < length:
        rest, count = sums.pop(), counts.pop()
        sums[-1] += rest
        counts[-1] += count
    return [total / np.float32(count) for total, count in zip(sums, counts, strict=True)]


def read_mark(windows: list[Evened], search: bool = True) -> MarkReading:
    """Look for the mark in averages of `average_texture`, also as a mirror shows them.

    Args:
        windows: One average or more.
        search: Whether to look for a picture of which up to a fifth was cut off on each axis, if it is not
            found as
            it stands, which takes about two seconds.

    Raises:
        ValueError: If there is no average.
    """
    if not windows:
        raise ValueError("There is no picture to look at.")
    whole = np.asarray(np.mean(windows, axis=0), np.float32)
    views = [whole, cv2.flip(whole, 1), *(windows if len(windows) > 1 else [])]
    deviations = [_presence(view) for view in views]
    best = int(np.argmax(deviations))
    reading = _reading(views[best], deviations[best], len(views), (1.0, 1.0))
    if reading.found or not search:
        return reading
    place, looked_at = _find_crop(whole)
    moved = _uncropped(whole, *place)
    searched = _reading(moved, _presence(moved), looked_at + len(views), (place[0], place[1]))
    return min(reading, searched, key=lambda one: one.p_value)


def bound(deviations: float, attempts: float | int = 1) -> float:
    """How likely the best of some attempts is this far off by chance, at most (Hoeffding, 1963)."""
    return min(1.0, attempts * math.exp(-(max(deviations, 0.0) ** 2) / 2))


def _reading(view: Evened, deviations: float, attempts: int, kept: tuple[float, float]) -> MarkReading:
    pattern, transform = mark_pattern(), cv2.dct(view)
    chips = pattern.chip_values(transform)[PRESENCE_CHIPS:]
    spread = float(np.sqrt(pattern.chip_variances(transform)[PRESENCE_CHIPS:].sum())) or 1.0
    identity = decode_identity(chips)
    # The best of all ids was taken.
    doubt = bound(float(encode_identity(identity) @ chips) / spread, attempts * 2.0**IDENTITY_BITS)
    return MarkReading(bound(deviations, attempts), deviations, identity if doubt <= DOUBT else None, kept)


def _presence(view: Evened) -> float:
    """The presence word's sum in standard deviations."""
    pattern, transform = mark_pattern(), cv2.dct(view)
    variance = float(pattern.chip_variances(transform)[:PRESENCE_CHIPS].sum())
    return float(pattern.chip_values(transform)[:PRESENCE_CHIPS].sum()) / math.sqrt(variance or 1.0)


Place = tuple[float, float, float, float]
"""Shares of width and height that are left; grid pixels that are missing at the left and the top."""


def _find_crop(view: Evened) -> tuple[Place, int]:
    """Where in the marked picture this one may be cut from, and how many places were compared."""
    template = np.conj(np.fft.rfft2(mark_pattern().presence_picture()))
    best, attempts, found = -np.inf, 0, (1.0, 1.0, 0.0, 0.0)
    for rows in range(_SMALLEST, GRID + 1):
        for columns in range(_SMALLEST, GRID + 1):
            small = np.zeros((GRID, GRID), np.float32)
            small[:rows, :columns] = cv2.resize(view, (columns, rows), interpolation=cv2.INTER_AREA)
            agreement = np.fft.irfft2(np.conj(np.fft.rfft2(small) * template), (GRID, GRID))
            agreement = agreement[: GRID - rows + 1, : GRID - columns + 1]
            attempts += agreement.size
            top, left = np.unravel_index(int(np.argmax(agreement)), agreement.shape)
            score = agreement[top, left] / max(float(np.linalg.norm(small)), 1e-9)
            if score > best:
                best = score
                found = (columns / GRID, rows / GRID, float(left), float(top))
    return _refined(view, found, attempts)


def _refined(view: Evened, place: Place, attempts: int) -> tuple[Place, int]:
    """Move each edge by fractions of a grid pixel as long as that helps."""
    score = _presence(_uncropped(view, *place))
    for step in (0.5, 0.25, 0.125):
        for _ in range(4):
            before = score
            for axis, share in ((0, 1), (0, -1), (1, 1), (1, -1), (2, 1), (2, -1), (3, 1), (3, -1)):
                trial = list(place)
                trial[axis] += share * step / (GRID if axis < 2 else 1)
                attempts += 1
                trial_score = _presence(_uncropped(view, *trial))
                if trial_score > score:
                    score, place = trial_score, (trial[0], trial[1], trial[2], trial[3])
            if score == before:
                break
    return place, attempts


def _uncropped(view: Evened, width: float, height: float, left: float, top: float) -> Evened:
    """The picture put back to its place in the one that it was cut from, with nothing around it."""
    # Pixel centres are at half-integers: x' + 0.5 = left + width (x + 0.5).
    matrix = np.array([[width, 0, left + width / 2 - 0.5], [0, height, top + height / 2 - 0.5]])
    return cv2.warpAffine(view, matrix, (GRID, GRID), flags=cv2.INTER_CUBIC)
