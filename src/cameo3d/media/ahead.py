"""Working ahead: what comes next is made in a thread of its own while the last is used."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Generator[Item, None, None] | Iterator[Item], count: int = 2) -> Iterator[Item]:
    """The same items in the same order, made by a thread that is up to so many of them ahead.

    An error comes out where the item would have. The items are closed when the caller stops.
    """
    end = object()
    pool = ThreadPoolExecutor(1, "ahead")
    try:
        waiting = deque(pool.submit(next, items, end) for _ in range(count))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(pool.submit(next, items, end))
            yield item  # type: ignore[misc]
    finally:
        pool.shutdown(cancel_futures=True)
        if isinstance(items, Generator):
            items.close()
