"""Real time: sound leaves every 40 ms whatever happens; pictures are left out when time is short."""

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8

from cameo3d.live.session import LiveSession, Moment
from cameo3d.models.voice.contract import FRAME_RATE
from cameo3d.values import Motion

_FRAME = 1 / FRAME_RATE
_LATEST = _FRAME
"""A moment that waits longer than this while newer ones wait, too, is not drawn."""
_LOST = 0.5
"""If even sound is so late, the machine slept; the clock starts again."""
_WINDOW = 50
"""Frames over which the frame rate is told."""


@runtime_checkable
class Drawn(Protocol):
    """What draws a motion's one frame, such as `LiveHead`."""

    width: int
    height: int
    last: UInt8[np.ndarray, "height width 3"] | None
    """What was drawn last."""

    def draw(self, motion: Motion) -> UInt8[np.ndarray, "height width 3"]:
        """Draw it."""
        ...


@runtime_checkable
class Sink(Protocol):
    """Where sound and pictures go; sound and pictures come from two threads."""

    def sound(self, index: int, samples: Float32[np.ndarray, " samples"]) -> None:
        """The sound of a moment; every moment has one, in order."""
        ...

    def picture(self, moment: Moment, rgb: UInt8[np.ndarray, "height width 3"]) -> None:
        """The picture of a moment, after its sound; some moments have none."""
        ...


@dataclass(frozen=True)
class Health:
    """How it goes."""

    frames_a_second: float
    """Pictures that were drawn in the last two seconds of moments."""
    lateness_seconds: float
    """How late the last moment's sound left."""
    drawing_seconds: float
    """What the last picture took."""
    left_out: int
    """Pictures that were left out since the beginning."""
    restarts: int
    """How often the clock had to start again, which is heard."""


class Pace:
    """Runs a session in real time, sound in one thread and pictures in another.

    Args:
        session: What moves.
        head: What draws it.
        sink: Who gets sound and pictures.
    """

    def __init__(self, session: LiveSession, head: Drawn, sink: Sink) -> None:
        self._session, self._head, self._sink = session, head, sink
        self._waiting: deque[tuple[Moment, float]] = deque()
        self._news = threading.Condition()
        self._drawn: deque[bool] = deque(maxlen=_WINDOW)
        self._late, self._drawing = 0.0, 0.0
        self._left_out, self._restarts = 0, 0
        self._failure: BaseException | None = None

    @property
    def health(self) -> Health:
        """How it goes."""
        drawn = list(self._drawn)
        rate = FRAME_RATE * sum(drawn) / len(drawn) if drawn else 0.0
        return Health(rate, self._late, self._drawing, self._left_out, self._restarts)

    def run(self, stop: threading.Event, moments: int | None = None) -> None:
        """Go on until told to stop, or for so many moments.

        Raises:
            Exception: What drawing or the sink raised.
        """
        painter = threading.Thread(target=self._paint, args=(stop,), name="live pictures", daemon=True)
        painter.start()
        try:
            self._sound(stop, moments)
        finally:
            stop.set()
            with self._news:
                self._news.notify()
            painter.join()
        if self._failure is not None:
            raise self._failure

    def _sound(self, stop: threading.Event, moments: int | None) -> None:
        start, index = time.perf_counter(), 0
        while not stop.is_set() and (moments is None or index < moments):
            early = start + index * _FRAME - time.perf_counter()
            if early > 0:
                time.sleep(early)
            self._late = max(0.0, -early)
            if self._late > _LOST:
                start, self._restarts = start + self._late, self._restarts + 1
            moment = self._session.next()
            self._sink.sound(moment.index, moment.sound)
            with self._news:
                self._waiting.append((moment, time.perf_counter()))
                self._news.notify()
            index += 1

    def _paint(self, stop: threading.Event) -> None:
        try:
            while (moment := self._due(stop)) is not None:
                began = time.perf_counter()
                self._sink.picture(moment, self._head.draw(moment.motion))
                self._drawing = time.perf_counter() - began
        except BaseException as failure:
            self._failure = failure
            stop.set()

    def _due(self, stop: threading.Event) -> Moment | None:
        """The next moment to draw; those whose time is over are left out."""
        with self._news:
            while not self._waiting and not stop.is_set():
                self._news.wait(1)
            if not self._waiting:
                return None
            while len(self._waiting) > 1 and time.perf_counter() - self._waiting[0][1] > _LATEST:
                self._waiting.popleft()
                self._drawn.append(False)
                self._left_out += 1
            self._drawn.append(True)
            return self._waiting.popleft()[0]
