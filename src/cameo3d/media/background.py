"""Two threads in step: one makes things, the other works on the one before."""

from collections.abc import Callable, Iterable
from queue import Queue
from threading import Thread
from typing import TypeVar

Item = TypeVar("Item")
_WAITING = 2
"""Things that are made before the first of them is worked on; more would only take memory."""


def hand_over(items: Iterable[Item], work: Callable[[Item], object]) -> None:
    """Work on each of `items`, in order, in a second thread, while this one makes the next.

    Both gain where they leave Python's lock, as encoders, compiled loops and waiting for a GPU do. What
    either raises is raised here, after the second thread has ended; then no more items are made.

    Args:
        items: Made in this thread. None of them may change after it was made.
        work: What is done to each.
    """
    queue: Queue[tuple[Item] | None] = Queue(_WAITING)
    failures: list[BaseException] = []

    def run() -> None:
        while (item := queue.get()) is not None:
            try:
                if not failures:
                    work(*item)
            except BaseException as error:  # raised in the thread that waits
                failures.append(error)

    thread = Thread(target=run, name="cameo3d-writing", daemon=True)
    thread.start()
    try:
        for item in items:
            if failures:
                break
            queue.put((item,))
    finally:
        queue.put(None)
        thread.join()
    if failures:
        raise failures[0]
