"""How fast a training learns at which step."""

import math


def pace(step: int, steps: int, warm_up_steps: int) -> float:
    """Share of the learning rate: it rises in a line and falls to nothing along half a cosine.

    Args:
        step: The one that is to be done, from 0.
        steps: Of the whole training.
        warm_up_steps: After how many it has risen.
    """
    return min(1.0, (step + 1) / warm_up_steps) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
