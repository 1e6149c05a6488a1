"""Progress: a bar with rate and time left on a terminal, silence elsewhere, or told to a listener."""

import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Advance = Callable[[int, int | None], None]
"""Called with how many frames are done, and of how many, if that is known."""
Listener = Callable[[str, int, int | None], None]
"""Called with what goes on, such as "Rendering", how many frames of it are done, and of how many."""
T = TypeVar("T")

_listener: Listener | None = None


@contextmanager
def told_to(listener: Listener) -> Iterator[None]:
    """Tell a listener of all progress while the block runs, instead of showing it."""
    global _listener
    before, _listener = _listener, listener
    try:
        yield
    finally:
        _listener = before


@contextmanager
def progress_bar(description: str) -> Iterator[Advance]:
    """Show a bar while the block runs; what it yields moves the bar."""
    if (listener := _listener) is not None:
        yield lambda done, total: listener(description, done, total)
        return
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return

    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:.1f} frames/s" if speed else "")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(description, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def counted(frames: Iterable[T], total: int, description: str) -> Iterator[T]:
    """Pass frames on and show how many have passed. Ctrl-C stops after a frame, a second one at once.

    Within a frame, compiled code calls Python back in places that swallow a KeyboardInterrupt.
    """
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        if stopped:
            raise KeyboardInterrupt
        stopped = True

    before = signal.signal(signal.SIGINT, stop)
    try:
        with progress_bar(description) as advance:
            advance(0, total)
            for done, frame in enumerate(frames, start=1):
                if stopped:
                    raise KeyboardInterrupt
                yield frame
                advance(done, total)
    finally:
        signal.signal(signal.SIGINT, before)
