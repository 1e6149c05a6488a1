"""Which items make a batch: shuffled, shared out among processes, and the same again after a restart."""

from functools import lru_cache

import numpy as np


class Shuffled:
    """An endless sequence of items, in a new order every epoch; item `i` depends on `i` and the seed alone.

    Args:
        count: Number of items.
        seed: Of all orders.
    """

    def __init__(self, count: int, seed: int) -> None:
        self._count, self._seed = count, seed
        self._order = lru_cache(maxsize=2)(self._permutation)

    def __getitem__(self, index: int) -> int:
        epoch, place = divmod(index, self._count)
        return int(self._order(epoch)[place])

    def _permutation(self, epoch: int) -> np.ndarray:
        return np.random.default_rng((self._seed, epoch)).permutation(self._count)


def batch_index(step: int, part: int, parts: int, rank: int, processes: int) -> int:
    """The number of a batch: no two processes, parts or steps share one, and none is left out.

    One process that adds up two parts therefore sees what two processes see.
    """
    return (step * parts + part) * processes + rank
