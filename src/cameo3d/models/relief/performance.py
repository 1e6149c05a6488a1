"""One clip of a relief avatar, frame by frame."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import cycle
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from cameo3d.models.relief.avatar import ReliefAvatar
from cameo3d.models.relief.view import Window
from cameo3d.values import Motion

_LONG = 8
"""Frames from which on it pays to let several painters draw."""


@runtime_checkable
class FramePainter(Protocol):
    """Whoever draws one frame of a relief."""

    def paint(self, motion: Motion) -> UInt8[np.ndarray, "height width 4"]:
        """The person in a motion's first frame, in straight colours with alpha."""
        ...


class ReliefPerformance:
    """One clip of a relief avatar, drawn frame by frame without look-ahead.

    Beyond the canvas, where a view shows more of the photo, the photo itself stands still.

    Args:
        avatar: Who is drawn.
        window: The part of the view that the canvas fills.
        painters: What draws, longer motions frame by frame in turn; a frame does not depend on those before.
    """

    look_ahead = 0

    def __init__(self, avatar: ReliefAvatar, window: Window, painters: Sequence[FramePainter]) -> None:
        self._window, self._painters = window, painters
        self._still = None if window.is_whole else window.still(avatar)

    def draw(self, motion: Motion) -> Iterator[UInt8[np.ndarray, "height width 4"]]:
        """Draw every frame of a motion."""
        for image in self._painted(motion):
            yield image if self._still is None else self._window.put(image, self._still.copy())

    def _painted(self, motion: Motion) -> Iterator[UInt8[np.ndarray, "height width 4"]]:
        count = len(self._painters)
        if count == 1 or len(motion) < _LONG:
            for index in range(len(motion)):
                yield self._painters[0].paint(motion.frame(index))
            return
        waiting: deque[Future[np.ndarray]] = deque()
        with ThreadPoolExecutor(count, "painter") as pool:
            for index, painter in zip(range(len(motion)), cycle(self._painters), strict=False):
                # The frame that this painter drew last has to be done.
                done = waiting.popleft().result() if len(waiting) == count else None
                waiting.append(pool.submit(painter.paint, motion.frame(index)))
                if done is not None:
                    yield done
            while waiting:
                yield waiting.popleft().result()

    def finish(self) -> Iterator[UInt8[np.ndarray, "height width 4"]]:
        """Nothing is left: every frame was drawn at once."""
        return iter(())
