"""The shots of a video: where it is cut, and the square of each that holds head and shoulders."""

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from cameo3d.perception.landmarks import face_size
from cameo3d.values import Crop

_THUMBNAIL = (64, 36)
"""Columns and rows in which pictures are compared."""
_CHANGED_LEVELS = 12.0
"""Of 255: what changes more in a thumbnail, beyond the brightness of the whole, is another thing."""
_CHANGE, _UNUSUAL = 0.3, 4.0
"""A cut changes such a share of the thumbnail, and so many times as much as usual."""
_USUAL_FRAMES = 12
_JUMP, _GROWTH = 0.5, 1.25
"""No face moves by so many of its sizes, or grows by such a factor, from one frame to the next."""
_CUT_JUMP, _CUT_GROWTH = 0.12, 1.08
"""Where the whole picture changes, so much tells that the face is elsewhere."""
_SHORTEST_SECONDS = 0.3
"""What is shorter belongs to the shot after it: a flash, or a camera that swings around."""


@dataclass(frozen=True)
class Shots:
    """Where each shot of a video begins, and where its head and shoulders are."""

    starts: tuple[int, ...]
    """First frame of each; the first is 0."""
    crops: tuple[Crop, ...]
    """The square that each shot's camera looks at, in pixels."""

    def crop_at(self, frame: int) -> Crop:
        """The square of the shot that a frame belongs to."""
        return self.crops[bisect_right(self.starts, frame) - 1]

    def spans(self, frame_count: int) -> list[tuple[int, int]]:
        """First frame of each shot, and the one after its last."""
        return list(zip(self.starts, (*self.starts[1:], frame_count), strict=True))


class PictureCuts:
    """Tells the frames at which the whole picture changes at once, whatever its brightness."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._changes: deque[float] = deque(maxlen=_USUAL_FRAMES)

    def __call__(self, frame: UInt8[np.ndarray, "height width 3"]) -> bool:
        """Whether the picture was cut just before this frame."""
        small = cv2.resize(frame, _THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32).mean(2)
        small -= np.median(small)
        last, self._last = self._last, small
        if last is None:
            return False
        change = float((np.abs(small - last) > _CHANGED_LEVELS).mean())
        usual = float(np.median(self._changes)) if self._changes else 0.0
        self._changes.append(change)
        return change > max(_CHANGE, _UNUSUAL * usual)


class ShotStarts:
    """Tells the frames with which a new shot of a face begins.

    Args:
        frame_rate: Frames a second.
    """

    def __init__(self, frame_rate: float) -> None:
        self._shortest = max(1, round(_SHORTEST_SECONDS * frame_rate))
        self._last: np.ndarray | None = None
        self._length, self._is_cut = 0, False

    def __call__(self, landmarks: Float[np.ndarray, "478 3"] | None, is_cut: bool) -> bool:
        """Whether a shot begins with the next frame.

        Args:
            landmarks: Its face in pixels, or None where none is seen.
            is_cut: Whether the picture was cut just before it.
        """
        self._length += 1
        self._is_cut |= is_cut
        if landmarks is None:
            return False
        last, self._last = self._last, landmarks
        was_cut, self._is_cut = self._is_cut, False
        if last is None or self._length <= self._shortest or not _is_elsewhere(last, landmarks, was_cut):
            return False
        self._length = 1
        return True


def _is_elsewhere(last: np.ndarray, now: np.ndarray, is_cut: bool) -> bool:
    sizes = face_size(last), face_size(now)
    moved = float(np.linalg.norm(now[:, :2].mean(0) - last[:, :2].mean(0))) / min(sizes)
    growth = max(sizes) / min(sizes)
    return moved > (_CUT_JUMP if is_cut else _JUMP) or growth > (_CUT_GROWTH if is_cut else _GROWTH)
