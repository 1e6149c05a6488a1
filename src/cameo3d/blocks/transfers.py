"""Numbers to a GPU and pictures back from it, without either waiting for the other."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

Tag = TypeVar("Tag")
Arrays = tuple[np.ndarray, ...]
Fetch = Callable[[Sequence[Tensor]], Callable[[], Arrays]]
"""Begins to bring tensors to the host; what it gives waits for them."""


def uploaded(x: Tensor, device: torch.device) -> Tensor:
    """A tensor of the host on the device. A GPU's work goes on meanwhile: its copy is put in line."""
    from_host = device.type == "cuda" and x.device.type == "cpu"
    return x.pin_memory().to(device, non_blocking=True) if from_host else x.to(device)


def downloaded(
    made: Iterable[tuple[Tag, Sequence[Tensor]]], fetch: Fetch | None = None, ahead: int = 1
) -> Iterator[tuple[Tag, Arrays]]:
    """Yield what is made as arrays on the host. While a GPU computes one, the host works on the one before.

    Args:
        made: Tensors, each with something that belongs to them.
        fetch: How they come; by default as their device needs it.
        ahead: How many more are begun before the first is waited for; none on a CPU, unless `fetch` is given.
    """
    waiting: deque[tuple[Tag, Callable[[], Arrays]]] = deque()
    for tag, tensors in made:
        on_device = fetch is not None or tensors[0].device.type == "cuda"
        waiting.append((tag, (fetch or _fetch)(tensors)))
        while len(waiting) > (ahead if on_device else 0):
            first, arrive = waiting.popleft()
            yield first, arrive()
    for tag, arrive in waiting:
        yield tag, arrive()


def _fetch(tensors: Sequence[Tensor]) -> Callable[[], Arrays]:
    if tensors[0].device.type != "cuda":
        return lambda: tuple(x.numpy() for x in tensors)
    # Only into pinned memory does a GPU copy by itself; PyTorch keeps it for the next frames.
    landing = [torch.empty(x.shape, dtype=x.dtype, pin_memory=True) for x in tensors]
    for place, x in zip(landing, tensors, strict=True):
        place.copy_(x, non_blocking=True)
    done = torch.cuda.Event()
    done.record()

    def arrive() -> Arrays:
        done.synchronize()
        return tuple(place.numpy() for place in landing)

    return arrive
