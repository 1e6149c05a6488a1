"""A stand-in for the Basel face model, of its layout and size: our face model, resampled on a fine grid."""

from functools import cache

import numpy as np
from scipy.sparse import csr_matrix
from scipy.spatial import Delaunay, KDTree

from cameo3d.geometry.basel.real3d_face import Real3DFace
from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.face_topology import (
    INNER_LIP_LOWER,
    INNER_LIP_UPPER,
    LEFT_LID_LOWER,
    LEFT_LID_UPPER,
    RIGHT_LID_LOWER,
    RIGHT_LID_UPPER,
)
from cameo3d.values import BLENDSHAPES

VERTICES, TRIANGLES = 35709, 70789
UNMATCHED = [93, 127, 132, 234, 323, 356, 361, 454]
EYE_TRIANGLES = {"left": 569, "right": 565}
JAW = [127, 234, 93, 132, 58, 172, 150, 149, 152, 378, 379, 397, 288, 361, 323, 454, 356]
"""MediaPipe's points for the first 17 of the 68 key points, from the person's right ear to the left one."""
OTHERS = [
    *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 168, 197, 5, 4, 75, 97, 2, 326, 305),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87),
]


@cache
def basel_arrays() -> dict[str, np.ndarray]:
    """What `read_real3d_face` gives for the official files, with indices that begin at 1 where theirs do."""
    random = np.random.default_rng(7)
    face = load_face_model()
    # Decimetres, y up, z to the viewer.
    axes = np.array((10.0, -10.0, -10.0))
    mean = face.mean.double().numpy() * axes
    flat = Delaunay(mean[:, :2])
    spacing = np.sqrt(_area(flat) / VERTICES)
    points, cells = _grid(flat, spacing)
    while len(points) < VERTICES:
        spacing *= 0.9995
        points, cells = _grid(flat, spacing)
    points = points[:VERTICES]
    cells = cells[(cells < VERTICES).all(axis=1)]
    blend = _blend(flat, points)

    def resampled(values: np.ndarray) -> np.ndarray:
        """Fields on our vertices, `components 468 3`, on the new ones, `3 * vertices components`."""
        moved = blend @ values.transpose(1, 2, 0).reshape(len(mean), -1)
        return moved.reshape(3 * VERTICES, -1).astype(np.float32)

    lips = {*INNER_LIP_UPPER, *INNER_LIP_LOWER}
    centers = points[cells].mean(axis=1)
    across = flat.simplices[flat.find_simplex(centers)]
    mouth = np.array([lips >= set(corners) for corners in across.tolist()])
    cells, centers = cells[~mouth], centers[~mouth]
    cells = np.concatenate((cells, cells[-1:].repeat(max(TRIANGLES - len(cells), 0), axis=0)))[:TRIANGLES]
    centers = points[cells].mean(axis=1)

    identities = face.identity_basis.double().numpy() * axes
    identities = np.concatenate((identities, 0.01 * _waves(random, mean, 80)))[:80]
    expressions = face.expression_basis.double().numpy() * axes
    # As in the Basel model, no component is one movement alone.
    mixed = np.tensordot(random.normal(size=(64, 52)) / 8, expressions, 1) + 0.005 * _waves(random, mean, 64)
    # Upper and lower lip touch: the right vertex is the one that moves with the jaw as the mark does.
    jaw = face.expression_basis[BLENDSHAPES.index("jawOpen")].double().numpy() * axes
    moving = np.concatenate((points, resampled(jaw[None]).reshape(-1, 3)), axis=1)
    marks = np.asarray(KDTree(moving).query(np.concatenate((mean[:, :2], jaw), axis=1))[1])
    # Off the rim, where the next vertex is not the neighbour.
    key_marks = np.asarray(KDTree(points).query(0.96 * mean[JAW + OTHERS, :2])[1])
    surface = resampled(mean[None]).reshape(-1, 3)
    eyes = {}
    for side, contour in (
        ("left", LEFT_LID_UPPER + LEFT_LID_LOWER),
        ("right", RIGHT_LID_UPPER + RIGHT_LID_LOWER),
    ):
        apart = np.abs((centers - mean[list(contour), :2].mean(axis=0)) * (0.45, 1.0)).sum(axis=1)
        eyes[f"{side}_eye_triangles"] = np.argsort(apart, kind="stable")[: EYE_TRIANGLES[side]] + 1
    low, high = surface.min(axis=0), surface.max(axis=0)
    around = np.full((VERTICES, 8), TRIANGLES)
    return {
        "meanshape": surface.reshape(1, -1) + np.float32(0.3),  # the release is not centred either
        "meantex": np.full((1, 3 * VERTICES), 150, np.float32),
        "idBase": resampled(identities),
        "exBase": resampled(mixed),
        "texBase": np.zeros((3 * VERTICES, 80), np.float32),
        "tri": cells + 1,
        "point_buf": around + 1,
        "keypoints": key_marks[None] + 1,
        "mesh_vertices": np.where(np.isin(np.arange(468), UNMATCHED), -1, marks),
        "map_colors": ((surface - low) / (high - low)).T,
        **eyes,
    }


@cache
def basel_face() -> Real3DFace:
    return Real3DFace.from_arrays(basel_arrays())


def _area(flat: Delaunay) -> float:
    a, b, c = flat.points[flat.simplices].transpose(1, 0, 2)
    (ux, uy), (vx, vy) = (b - a).T, (c - a).T
    return float(np.abs(ux * vy - uy * vx).sum() / 2)


def _grid(flat: Delaunay, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Grid points inside the face from the top down, and two triangles for each full cell between them."""
    (left, low), (right, high) = flat.points.min(axis=0), flat.points.max(axis=0)
    x, y = np.meshgrid(np.arange(left, right, spacing), np.arange(high, low, -spacing))
    points = np.stack((x, y), axis=-1)
    inside = flat.find_simplex(points) >= 0
    number = np.where(inside, np.cumsum(inside).reshape(inside.shape) - 1, -1)
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]
    full = (a >= 0) & (b >= 0) & (c >= 0) & (d >= 0)
    cells = np.stack((a, c, d, a, d, b), axis=-1)[full].reshape(-1, 3)
    return points[inside], cells


def _blend(flat: Delaunay, points: np.ndarray) -> csr_matrix:
    """The matrix that takes values at the corners to values at the points, linear in each triangle."""
    simplices = flat.find_simplex(points)
    transform = flat.transform[simplices]
    first = np.einsum("nij,nj->ni", transform[:, :2], points - transform[:, 2])
    weights = np.concatenate((first, 1 - first.sum(axis=1, keepdims=True)), axis=1)
    places = (np.arange(len(points)).repeat(3), flat.simplices[simplices].reshape(-1))
    return csr_matrix((weights.reshape(-1), places), shape=(len(points), len(flat.points)))


def _waves(random: np.random.Generator, mean: np.ndarray, count: int) -> np.ndarray:
    """Smooth displacement fields."""
    waves = random.normal(size=(count, 3, 3)) * 3
    return np.sin(mean @ waves.transpose(0, 2, 1) + random.uniform(0, 6, size=(count, 1, 3)))
