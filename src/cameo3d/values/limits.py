"""What a stored field may hold, said at its type: `Annotated[Int32[Tensor, "corners 3"], IndexOf("points")]`.

Values travel between people as files. `storage` checks these limits where it reads one, before anything
indexes with it, divides by it, or takes memory for it. What no single field can say, a class says in a method
`misfits`, which yields what is wrong in words that follow the value's name.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Within:
    """A number, or every number of a tensor, lies between these, which belong to it."""

    low: float | int
    high: float | int

    def misfit(self, item: Tensor | float | int) -> str | None:
        """What is wrong, or None."""
        if not isinstance(item, Tensor):
            low = high = item
        elif item.numel():
            low, high = (x.item() for x in torch.aminmax(item))
        else:
            return None
        if self.low <= low and high <= self.high:
            return None
        wrong = str(low if low < self.low else high)[:12]
        return f"holds {wrong}, which is not within {self.low:g} and {self.high:g}"


@dataclass(frozen=True)
class IndexOf:
    """Every number of a tensor counts along an axis of another field of the same class, or so many things."""

    axis: str | int

    def misfit(self, item: Tensor, axes: dict[str, int]) -> str | None:
        """What is wrong, or None.

        Args:
            item: Indices.
            axes: Lengths of the axes by name.
        """
        count = axes.get(self.axis, 0) if isinstance(self.axis, str) else self.axis
        return Within(0, count - 1).misfit(item)


ANYTHING = Within(-1e6, 1e6)
"""For numbers of which nothing else is said."""
MOST_SAMPLES, MOST_ROWS, MOST_SIDE = 60_000_000, 200_000, 4096
"""Longest list of numbers, such as an hour of sound; of small things, such as points; longest other axis."""
