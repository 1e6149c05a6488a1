"""Chance that chunks cannot change: noise is numbered by frames, and filtered from a settled start."""

import numpy as np
from jaxtyping import Float64
from numpy.random import Generator, Philox
from scipy.signal import butter, sosfilt

from cameo3d.models.voice.contract import FRAME_RATE

_BLOCK = 256
_SETTLING_FRAMES = 1024


class Noise:
    """Numbers of a seed: frame `i` always has the same, whatever was asked for before."""

    def __init__(self, seed: int, normals: int, uniforms: int) -> None:
        """Choose.

        Args:
            seed: Any integer.
            normals: Standard normal numbers of a frame.
            uniforms: Numbers in [0, 1) of a frame.
        """
        self._seed, self._normals, self._uniforms = seed % 2**64, normals, uniforms
        self._position = 0
        self._block = self._draw(0)

    def take(
        self, count: int
    ) -> tuple[Float64[np.ndarray, "count normals"], Float64[np.ndarray, "count uniforms"]]:
        """The numbers of the next frames."""
        parts = [(np.zeros((0, self._normals)), np.zeros((0, self._uniforms)))]
        while count:
            start = self._position % _BLOCK
            taken = min(count, _BLOCK - start)
            normals, uniforms = self._block
            parts.append((normals[start : start + taken], uniforms[start : start + taken]))
            self._position, count = self._position + taken, count - taken
            if self._position % _BLOCK == 0:
                self._block = self._draw(self._position // _BLOCK)
        normals, uniforms = zip(*parts, strict=True)
        return np.concatenate(normals), np.concatenate(uniforms)

    def earlier(self, columns: int) -> Float64[np.ndarray, "frames columns"]:
        """Normal numbers of the time before the first frame, in which filters settle."""
        return Generator(Philox(key=[self._seed, 1])).standard_normal((_SETTLING_FRAMES, columns))

    def _draw(self, block: int) -> tuple[np.ndarray, np.ndarray]:
        generator = Generator(Philox(key=[self._seed, 0], counter=[0, 0, 0, block]))
        return (
            generator.standard_normal((_BLOCK, self._normals)),
            generator.random((_BLOCK, self._uniforms)),
        )


class Band:
    """White noise to a band of it, with variance 1."""

    def __init__(self, hertz: tuple[float, float], earlier: Float64[np.ndarray, "frames columns"]) -> None:
        """Settle on the noise of earlier frames."""
        self._sections = np.asarray(butter(2, hertz, "bandpass", fs=FRAME_RATE, output="sos"))
        impulse = np.zeros(4096)
        impulse[0] = 1
        self._scale = 1 / float(np.linalg.norm(np.asarray(sosfilt(self._sections, impulse))))
        self._state = np.zeros((len(self._sections), 2, earlier.shape[1]))
        self.filter(earlier)

    def filter(self, noise: Float64[np.ndarray, "frames columns"]) -> Float64[np.ndarray, "frames columns"]:
        """The next frames."""
        if len(noise) == 0:
            return noise
        filtered, self._state = sosfilt(self._sections, noise, axis=0, zi=self._state)
        return filtered * self._scale
