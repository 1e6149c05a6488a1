"""How lips move together with the true ones: correlation of their openings, and delay."""

import numpy as np
from jaxtyping import Float


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
