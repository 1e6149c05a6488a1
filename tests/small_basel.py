"""A stand-in for the Basel face model with few vertices: a curved sheet that all coefficients bend."""

import numpy as np


def small_basel(side: int = 12) -> dict[str, np.ndarray]:
    """Arrays of the official file's names; indices begin at 1."""
    random = np.random.default_rng(5)
    rows, columns = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side), indexing="ij")
    u, v = columns.ravel(), rows.ravel()
    mean = np.stack((0.8 * u, -v, 0.5 * (1 - 0.7 * u**2 - 0.5 * v**2)), axis=1)

    def basis(count: int, size: float) -> np.ndarray:
        waves = random.uniform(0.5, 3, (count, 3, 2))
        bent = np.sin(waves @ np.stack((u, v)) + random.uniform(0, 6, (count, 3, 1)))
        return (size * bent).transpose(2, 1, 0).reshape(-1, count).astype(np.float32)

    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    lower = np.stack((corner, corner + side, corner + 1), axis=1)
    upper = np.stack((corner + 1, corner + side, corner + side + 1), axis=1)
    triangles = np.concatenate((lower, upper))
    around = [np.flatnonzero((triangles == vertex).any(axis=1)) for vertex in range(side * side)]
    padded = np.full((side * side, 8), len(triangles))
    for vertex, found in enumerate(around):
        padded[vertex, : len(found)] = found
    return {
        "meanshape": mean.reshape(1, -1).astype(np.float32),
        "meantex": random.uniform(60, 220, (1, mean.size)).astype(np.float32),
        "idBase": basis(80, 0.01),
        "exBase": basis(64, 0.05),
        "texBase": basis(80, 5.0),
        "tri": triangles + 1,
        "point_buf": padded + 1,
        "keypoints": random.permutation(side * side)[None, :68] + 1,
    }
