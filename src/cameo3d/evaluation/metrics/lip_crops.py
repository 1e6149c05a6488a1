"""The square around a face that SyncNet looks at, steadied over time."""

from collections import deque
from collections.abc import Iterator

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from cameo3d.evaluation.measures import Picture, SeenFace

_REACH = 6
"""Frames before and after over which the square's place is the median."""
_MARGIN = 0.4
_GREY = (110, 110, 110)

Crop = UInt8[np.ndarray, "side side 3"]
Box = Float[np.ndarray, "3"]
"""Middle (x, y) and half the longer side of the box around the landmarks, in pixels."""


class LipCrops:
    """Cuts the square out of every frame; answers come six frames late.

    The release takes the box of a face detector; ours is the box around the landmarks, from the middle of the
    forehead to the chin.

    Args:
        side: Of the crops, in pixels.
    """

    def __init__(self, side: int) -> None:
        self._side = side
        self._frames: deque[Picture] = deque()
        self._boxes: deque[Box] = deque(maxlen=2 * _REACH + 1)
        self._last: Box | None = None

    def add(self, frame: Picture, face: SeenFace | None) -> Iterator[Crop]:
        """See the next frame; where its face is not seen, the square stays where it was."""
        height, width = frame.shape[:2]
        box = np.array((width / 2, height / 2, min(width, height) / 4)) if self._last is None else self._last
        if face is not None:
            low, high = face.landmarks[:, :2].min(0), face.landmarks[:, :2].max(0)
            box = np.array((*((low + high) / 2), float((high - low).max()) / 2))
        self._last = box
        self._frames.append(frame)
        self._boxes.append(box)
        if len(self._frames) > _REACH:
            yield self._cut_oldest()

    def rest(self) -> Iterator[Crop]:
        """The last frames' crops, after the last frame."""
        while self._frames:
            if len(self._boxes) > len(self._frames) + _REACH:
                self._boxes.popleft()
            yield self._cut_oldest()

    def _cut_oldest(self) -> Crop:
        x, y, half = np.median(np.stack(self._boxes), axis=0)
        frame = self._frames.popleft()
        pad = int(half * (1 + 2 * _MARGIN)) + 1
        padded = cv2.copyMakeBorder(frame, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=_GREY)
        top, bottom = int(y + pad - half), int(y + pad + half * (1 + 2 * _MARGIN))
        left, right = int(x + pad - half * (1 + _MARGIN)), int(x + pad + half * (1 + _MARGIN))
        return cv2.resize(padded[max(top, 0) : bottom, max(left, 0) : right], (self._side, self._side))
