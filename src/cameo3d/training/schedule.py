"""Learning-rate schedules: functions from the step to the rate; a rate of 0 freezes what it belongs to."""

import math
from collections.abc import Callable

Schedule = Callable[[int], float]
"""From the number of steps done to the learning rate."""


def constant(rate: float) -> Schedule:
    """The same rate throughout."""
    return lambda step: rate


def cosine(rate: float, steps: int, warm_up: int) -> Schedule:
    """Up over the warm-up in a straight line, and all the while down along half a cosine to nothing."""
    return lambda step: rate * min(1.0, (step + 1) / warm_up) * (0.5 + 0.5 * math.cos(math.pi * step / steps))


def stepped(rate: float, factor: float, every: int, floor: float = 0.0, warm_up: int = 0) -> Schedule:
    """Up over the warm-up in a straight line from 0, then times a factor every so many steps.

    Steps are counted from the beginning, and the floor already holds during the warm-up, as in the official
    training of Real3D-Portrait.
    """

    def at(step: int) -> float:
        now = rate * step / warm_up if step <= warm_up and warm_up else rate * factor ** (step // every)
        return max(floor, now)

    return at


def smooth_decay(rate: float, factor: float, every: int, floor: float = 0.0, warm_up: int = 0) -> Schedule:
    """As `stepped`, but the decay is continuous, and the floor holds only after the warm-up."""

    def at(step: int) -> float:
        if warm_up and step <= warm_up:
            return rate * step / warm_up
        return max(floor, rate * factor ** (step / every))

    return at


def between(schedule: Schedule, first: int = 0, last: int | None = None) -> Schedule:
    """A schedule that is 0 before its first step, and from its last one on."""
    return lambda step: schedule(step) if first <= step and (last is None or step < last) else 0.0
