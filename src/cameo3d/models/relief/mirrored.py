"""The mirror image of the half of a head that a turned photo shows well, in the place of the other half."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Float32, Int, Int32, Int64
from scipy.ndimage import distance_transform_edt
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import splu

from cameo3d.geometry.face_model import FaceModel
from cameo3d.geometry.rasterizer import rasterize
from cameo3d.imaging.smoothstep import smoothstep

_TURNED = np.radians(6)
"""Angle from which on a photo shows one half of a head better than the other."""
_MIDDLE = 0.03
"""Metres beyond the middle of the head up to which it is mirrored as well."""
_OF_HEAD = 0.25
"""How far what is mirrored must follow the head."""

_CELL = 4
"""Canvas pixels in a cell of its depths."""
_EVEN = 3.0
"""Cells over which these are made even."""
_STEEP, _FAR = (0.003, 0.015), (0.01, 0.03)
"""Metres from the outline, and on the far side of the middle, between which depth goes over into its."""

_TIED, _ROUNDS = (0.3, 0.7), 4
"""How far points are tied to the face that are made even, and that are so wholly; and how often."""


class Mirrored(NamedTuple):
    """Vertices of the near half, where the far half has theirs."""

    near: Int64[np.ndarray, " mirrored"]
    """Which vertices are mirrored."""
    triangles: Int32[np.ndarray, "triangles 3"]
    """Between these."""
    positions: Float32[np.ndarray, "mirrored 3"]
    """In the crop camera's axes, in the photo's pose, metres."""
    moved: Float32[np.ndarray, "mirrored 3"]
    """How far the face's own far half takes them along from where mirroring puts them."""
    aside: Float32[np.ndarray, " vertices"]
    """How far all vertices lie on the near side of the head's middle, metres."""

    @property
    def edges(self) -> Int64[np.ndarray, "edges 2"]:
        """The triangles' edges, each once."""
        count = len(self.near)
        pairs = np.sort(self.triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2).astype(np.int64), axis=1)
        return np.stack(np.divmod(np.unique(pairs[:, 0] * count + pairs[:, 1]), count), 1)


def mirror_near_half(
    front: Float32[np.ndarray, "vertices 3"],
    head: Float32[np.ndarray, " vertices"],
    triangles: Int32[np.ndarray, "_ 3"],
    pose: tuple[Float32[np.ndarray, "3 3"], Float32[np.ndarray, "3"]],
    carried: tuple[Int32[np.ndarray, "vertices carriers"], Float32[np.ndarray, "vertices carriers"]],
    model: FaceModel,
) -> Mirrored | None:
    """Mirror the near half of a head; None if the photo shows both halves alike.

    The face's own far half stays where the photo shows it, and what is around follows.

    Args:
        front: The person's surface in the crop camera's axes, metres; the first 468 vertices are the face's.
        head: How far vertices follow the head.
        triangles: Between them.
        pose: The head's rotation and position.
        carried: Which of the face's vertices carry each vertex along, and how far.
        model: The face model, which knows the mirrored vertices.
    """
    rotation, position = pose
    angle = seen_from(*pose)
    if abs(angle) < _TURNED:
        return None
    in_head = (front - position) @ rotation
    aside = (in_head[:, 0] * np.sign(angle)).astype(np.float32)
    used = (aside > -_MIDDLE) & (head > _OF_HEAD)
    triangles = triangles[used[triangles].all(1)]
    used[:] = False
    used[triangles] = True
    near, place = np.flatnonzero(used), np.cumsum(used) - 1
    triangles = place[triangles].astype(np.int32)
    positions = (in_head[near] * (-1, 1, 1)) @ rotation.T + position
    face = (in_head[:468] * (-1, 1, 1)) @ rotation.T + position
    moved = front[model.mirror.numpy()] - face
    carriers, weights = carried[0][near], carried[1][near]
    moved = (weights[..., None] * moved[carriers]).sum(1).astype(np.float32)
    return Mirrored(near, triangles, (positions + moved).astype(np.float32), moved, aside)


def pull_outline(
    mirrored: Mirrored,
    there: Float32[np.ndarray, "mirrored 2"],
    points: Float32[np.ndarray, "vertices 2"],
    depths: Float32[np.ndarray, " vertices"],
    inside: Float32[np.ndarray, " vertices"],
    matte: Float32[np.ndarray, "side side"],
) -> Float32[np.ndarray, " vertices"]:
    """How much nearer a far outline is than the plane in which front and back meet, metres.

    That plane lies where heads are widest, and a turned head's far outline is a cheek or a temple. There what
    a photo shows edge-on would be a wall that reaches straight into the picture.

    Args:
        mirrored: The mirror image, which tells.
        there: Where its vertices lie on the canvas, pixels.
        points: Where all vertices do.
        depths: Their depths.
        inside: How far they lie within the person's outline, metres.
        matte: The person's coverage.
    """
    size = -(-len(matte) // _CELL)
    cover = cv2.resize(matte, (size, size), interpolation=cv2.INTER_AREA)
    column, row = (points / _CELL).astype(int).clip(0, size - 1).T
    solid = (cover[row, column] > 0.5)[mirrored.near]
    depth = mirrored.positions[:, 2]
    solid = mirrored.triangles[solid[mirrored.triangles].all(1)]
    drawn = rasterize(there / _CELL, depth, solid, depth[:, None], size, size).depths
    known = np.isfinite(drawn)
    if not known.any():
        return np.zeros(len(points), np.float32)
    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    outline = cv2.GaussianBlur(drawn[tuple(np.asarray(nearest))], (0, 0), _EVEN)
    share = 1 - smoothstep((inside - _STEEP[0]) / (_STEEP[1] - _STEEP[0]))
    share *= smoothstep((-mirrored.aside - _FAR[0]) / (_FAR[1] - _FAR[0]))
    share[:468] = 0
    return (depths - outline[row, column]).clip(0) * share


def evened(
    mirrored: Mirrored,
    depths: Float32[np.ndarray, " vertices"],
    triangles: Int32[np.ndarray, "_ 3"],
    tied: Float32[np.ndarray, " vertices"],
) -> Float32[np.ndarray, " vertices"]:
    """Depths without the steps that cells leave next to a far cheek, which would be seen as a zigzag.

    Args:
        mirrored: The mirror image, which tells the far side.
        depths: Of all vertices, metres.
        triangles: Those around the face.
        tied: How far vertices are tied to the face; 1 for its own.
    """
    share = (
        smoothstep((tied - _TIED[0]) / (_TIED[1] - _TIED[0])) * (mirrored.aside < -_FAR[0]) * (tied < 0.999)
    )
    first, second = triangles[:, [0, 1, 2, 1, 2, 0]].ravel(), triangles[:, [1, 2, 0, 0, 1, 2]].ravel()
    near = share[first] > 0
    around = coo_matrix((np.ones(near.sum()), (first[near], second[near])), shape=(len(depths),) * 2).tocsr()
    count = np.asarray(around.sum(1))[:, 0].clip(1)
    result = depths.astype(float)
    for _ in range(_ROUNDS):
        result += (around @ result / count - result) * share
    return result.astype(np.float32)


def seen_from(rotation: Float32[np.ndarray, "3 3"], position: Float32[np.ndarray, "3"]) -> float:
    """From how far aside a camera sees a head, radians, positive from the head's own positive x."""
    x, _, z = rotation.T @ -position
    return float(np.arctan2(x, -z))


def spread(
    values: Float[np.ndarray, "points channels"],
    trust: Float[np.ndarray, " points"],
    edges: Int[np.ndarray, "edges 2"],
    pull: float,
) -> Float[np.ndarray, "points channels"]:
    """Values that are known as firmly as trusted, continued along edges, and pulled to 0."""
    count, (first, second) = len(values), edges.T
    around = coo_matrix((np.ones(len(edges)), (first, second)), shape=(count, count)).tocsc()
    around = around + around.T
    degree = np.asarray(around.sum(1))[:, 0]
    matrix = (diags(degree + trust + pull) - around).tocsc()
    # Twice as fast as what suits every matrix.
    factors = splu(matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
    return factors.solve(values * trust[:, None])
