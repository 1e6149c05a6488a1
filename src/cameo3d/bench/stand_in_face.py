"""A stand-in for the Basel face model, for measurements and tests without the user's file."""

import numpy as np

from cameo3d.geometry.basel.real3d_face import Real3DFace

BASEL_SIDE = 189
"""Vertices along a side of the sheet that is as large as the Basel face model."""


def sheet_arrays(side: int = BASEL_SIDE) -> dict[str, np.ndarray]:
    """A curved sheet of `side` by `side` vertices that every coefficient bends a little.

    Returns:
        Arrays of the names and layouts of `BFM_model_front.mat`, whose indices begin at 1.
    """
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
    return {
        "meanshape": mean.reshape(1, -1).astype(np.float32),
        "meantex": random.uniform(60, 220, (1, mean.size)).astype(np.float32),
        "idBase": basis(80, 0.01),
        "exBase": basis(64, 0.05),
        "texBase": basis(80, 5.0),
        "tri": triangles + 1,
        "point_buf": _triangles_around(triangles, side * side) + 1,
        "keypoints": random.permutation(side * side)[None, :68] + 1,
    }


def sheet_face(side: int = BASEL_SIDE) -> Real3DFace:
    """The sheet with what Real3D-Portrait adds, MediaPipe's points and the eyes anywhere on it."""
    random, arrays = np.random.default_rng(6), sheet_arrays(side)
    # The next vertex of each key point has to be one, too.
    arrays["keypoints"] = random.permutation(side * side - 2)[None, :68] + 1
    mean = arrays["meanshape"].reshape(-1, 3)
    low, high = mean.min(axis=0), mean.max(axis=0)
    eyes = {"left_eye_triangles": np.arange(1, 101), "right_eye_triangles": np.arange(101, 201)}
    marks = {"mesh_vertices": random.permutation(side * side)[:468]}
    marks["map_colors"] = ((mean - low) / (high - low)).T
    return Real3DFace.from_arrays(arrays | marks | eyes)


def _triangles_around(triangles: np.ndarray, vertices: int) -> np.ndarray:
    """Up to eight triangles at each vertex; the number of triangles stands for none."""
    order = np.argsort(triangles.ravel(), kind="stable")
    owners, found = triangles.ravel()[order], order // 3
    starts = np.searchsorted(owners, np.arange(vertices))
    around = np.full((vertices, 8), len(triangles))
    around[owners, np.arange(len(owners)) - starts[owners]] = found
    return around
