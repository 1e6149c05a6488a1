"""From two channels to one, also where they cancel each other."""

import math

import numpy as np
from jaxtyping import Float32

_CANCELLED, _SOUND_AGAIN = 0.1, 0.2
"""Power of the mean, as a share of the louder channel's, below which it is not believed, and above which it
is again."""
_MEMORY_SECONDS = 0.3
"""Time over which powers are averaged."""


class MonoMixer:
    """Takes the mean of two channels, or the louder one where the mean is far weaker than its channels.

    Channels in opposite phase, as of a wrongly soldered cable or an effect that widens the sound, cancel each
    other in the mean. Going from one to the other is faded over a block.
    """

    def __init__(self, sample_rate: int) -> None:
        self._memory = _MEMORY_SECONDS * sample_rate
        self._powers: np.ndarray | None = None
        self._weights = np.full(2, 0.5)

    def __call__(self, block: Float32[np.ndarray, "2 samples"]) -> Float32[np.ndarray, "1 samples"]:
        """Mix the next block."""
        count = block.shape[1]
        if count == 0:
            return block[:1]
        power = np.array(
            [*np.mean(np.square(block, dtype=np.float64), axis=1), np.mean(block.mean(0) ** 2.0)]
        )
        first = self._powers is None or self._powers[:2].max() == 0
        kept = 0.0 if first or self._powers is None else math.exp(-count / self._memory)
        self._powers = power if self._powers is None else kept * self._powers + (1 - kept) * power
        before, after = self._weights, self._wanted(self._powers)
        self._weights = after
        if first:
            before = after
        share = np.arange(1, count + 1, dtype=np.float32) / count
        weights = before[:, None] + (after - before)[:, None] * share
        return (block * weights.astype(np.float32)).sum(0, keepdims=True)

    def _wanted(self, powers: np.ndarray) -> np.ndarray:
        louder = int(powers[:2].argmax())
        limit = _CANCELLED if self._weights[0] == 0.5 else _SOUND_AGAIN
        if powers[2] >= limit * powers[louder]:
            return np.full(2, 0.5)
        if self._weights[0] != 0.5 and powers[1 - louder] > 0.25 * powers[louder]:
            return self._weights  # of two channels that are about as loud, stay with one
        return np.eye(2)[louder]
