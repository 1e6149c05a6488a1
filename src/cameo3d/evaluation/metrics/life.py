"""What makes a face look alive, or jitter: blinks, and motion while nothing is said."""

import numpy as np
from jaxtyping import Bool, Float

_SHUT, _OPEN = 0.5, 0.3
"""A blink begins above the first eyeBlink weight, and the next one only after it fell below the second."""


def blinks_per_minute(eye_blink: Float[np.ndarray, " frames"], frame_rate: float) -> float:
    """How often the eyes shut.

    Args:
        eye_blink: Mean of both eyes' eyeBlink weights, in [0, 1].
        frame_rate: Frames a second.
    """
    count, shut = 0, False
    for weight in eye_blink:
        if not shut and weight > _SHUT:
            count, shut = count + 1, True
        elif weight < _OPEN:
            shut = False
    return 60 * frame_rate * count / max(len(eye_blink), 1)


def rest_motion(opening: Float[np.ndarray, " frames"], silent: Bool[np.ndarray, " frames"]) -> float:
    """Standard deviation of the lips' opening, in its unit, over the silent frames; nan if none is."""
    return float(opening[silent].std()) if silent.any() else float("nan")
