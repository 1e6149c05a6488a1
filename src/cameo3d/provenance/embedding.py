"""The invisible mark, put into frames: every chip is pushed as far as its sign asks, and no further.

Informed spread spectrum after Malvar and Florencio, "Improved spread spectrum" (IEEE Trans. Signal Processing
51(4), 2003): the picture's own contribution to a chip is known when it is marked, so only what is missing is
added. What is added is spread by `masking` to where texture hides it, and never exceeds a fixed power.
"""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from cameo3d.provenance.code import encode_identity
from cameo3d.provenance.masking import masks_of, small_luma
from cameo3d.provenance.pattern import GRID, PRESENCE_CHIPS, mark_pattern

MARGIN = 5.0
"""How far every chip is pushed to its side, in evened units; less where power does not suffice."""
POWER = 255**2 * 10 ** (-4.3)
"""Mean square of the change in grey levels that no frame exceeds: 43 dB."""


class Mark:
    """The mark of one output. Frames are marked one by one, so a stream carries it as well as a file."""

    def __init__(self, identity: int) -> None:
        """Prepare the mark.

        Args:
            identity: The output's id, 32 bits.
        """
        self._word = np.concatenate([np.ones(PRESENCE_CHIPS), encode_identity(identity)])
        self._wide = self._planes = None

    def apply(
        self, frame: UInt8[np.ndarray, "height width channels"]
    ) -> UInt8[np.ndarray, "height width channels"]:
        """A marked copy of a frame of RGB bytes, with alpha or without; alpha stays as it is."""
        height, width, channels = frame.shape
        shrinks = height < GRID or width < GRID
        way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        # OpenCV fills the arrays of the frame before, which saves a fifth of the time.
        self._wide = cv2.resize(self._change(frame), (width, height), self._wide, interpolation=way)
        planes = [self._wide] * 3 + [np.zeros_like(self._wide)] * (channels - 3)
        self._planes = cv2.merge(planes, self._planes)
        return cv2.add(frame, self._planes, dtype=cv2.CV_8U)

    def _change(self, frame: UInt8[np.ndarray, "height width channels"]) -> np.ndarray:
        pattern, masks = mark_pattern(), masks_of(small_luma(frame))
        # A push of one evened unit arrives as this much, since it is spread by room and read with evenness.
        arrival = float(np.mean(masks.room * masks.evenness))
        own = self._word * pattern.chip_values(cv2.dct(masks.evened)) / arrival
        power = POWER * GRID**2 / float(np.mean(masks.room * masks.room))
        # Spread unevenly, a push leaks a little into the other chips; the second round makes up for that.
        push = _pushes(own, power)
        spread = masks.room * cv2.idct(pattern.transform(self._word * push))
        arrived = self._word * pattern.chip_values(cv2.dct(masks.evenness * spread)) / arrival
        push = _pushes(own + arrived - push, power)
        change = masks.room * cv2.idct(pattern.transform(self._word * push))
        return change * np.float32(min(1.0, np.sqrt(POWER / max(float(np.mean(change * change)), 1e-9))))


def marked(
    frames: Iterable[UInt8[np.ndarray, "height width channels"]], identity: int
) -> Iterator[UInt8[np.ndarray, "height width channels"]]:
    """Mark a stream of frames; see `Mark`."""
    mark = Mark(identity)
    return (mark.apply(frame) for frame in frames)


def _pushes(own: Float[np.ndarray, " chips"], power: float) -> Float[np.ndarray, " chips"]:
    """What lifts all chips to one level: the margin, or the level that this much power reaches."""
    ascending = np.sort(own)
    counts = np.arange(1, len(own) + 1)
    sums, squares = np.cumsum(ascending), np.cumsum(ascending**2)
    # The level that a power reaches if only the first 1, 2, ... chips are lifted: a quadratic equation.
    levels = (sums + np.sqrt(np.maximum(sums**2 - counts * (squares - power), 0))) / counts
    level = levels[np.argmax(np.append(ascending[1:], np.inf) >= levels)]
    return np.maximum(min(level, MARGIN) - own, 0)
