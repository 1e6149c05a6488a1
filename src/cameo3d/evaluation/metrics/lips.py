"""How lips move together with the true ones: correlation of their openings, and delay."""

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

_SMOOTHING_FRAMES = 0.75
"""Before speeds are taken, against the trembling of landmarks."""


def lip_correlation(output: Float[np.ndarray, " frames"], truth: Float[np.ndarray, " frames"]) -> float:
    """Pearson correlation of two lip openings in any unit; 0 where one of them never moves."""
    one, other = output - output.mean(), truth - truth.mean()
    size = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ other / size) if size > 1e-12 else 0.0


def lip_delay_frames(
    output: Float[np.ndarray, " frames"], truth: Float[np.ndarray, " frames"], most: int = 8
) -> int:
    """By how many frames the output's lips come late (negative: early), from the best correlation.

    Args:
        output: Lip opening in each frame.
        truth: The same of the speaker.
        most: Largest delay that is tried, less than half the frames.
    """
    count = len(truth)
    if count <= 2 * most:
        raise ValueError(f"Delays of {most} frames need more than {2 * most} frames, got {count}.")

    def match(late: int) -> float:
        return lip_correlation(
            output[max(late, 0) : count + min(late, 0)], truth[max(-late, 0) : count - max(late, 0)]
        )

    return max(range(-most, most + 1), key=lambda late: (match(late), -abs(late)))


def voice_match(
    opening: Float[np.ndarray, " frames"], loudness: Float[np.ndarray, " frames"], most: int = 15
) -> Float[np.ndarray, " lags"]:
    """How well the mouth's opening goes with the voice, for each delay of the lips from -most to most frames.

    The sum of two correlations over the whole clip, of the values and of how fast they change; what a delay
    pushes out of the clip counts as nothing, so that large delays are not preferred for being short.

    Args:
        opening: How open the mouth is, in any unit.
        loudness: Decibels of the voice in each frame.
        most: Largest delay in frames, less than half the frames.

    Returns:
        Values in [-2, 2]; the middle one is for no delay.
    """
    count = len(opening)
    if count <= 2 * most:
        raise ValueError(f"Delays of {most} frames need more than {2 * most} frames, got {count}.")

    def matches(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        one, other = one - one.mean(), other - other.mean()
        size = max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-12)
        products = np.correlate(one, other, "full") / size
        return products[count - 1 - most : count + most]

    return matches(opening, loudness) + matches(_speed(opening), _speed(loudness))


def _speed(values: np.ndarray) -> np.ndarray:
    return np.gradient(gaussian_filter1d(values, _SMOOTHING_FRAMES))
