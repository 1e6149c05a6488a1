"""Lips without corners: curves through the rings of vertices around the mouth, where the mesh has chords."""

import numpy as np
from jaxtyping import Float, Float32, Int32

from cameo3d.geometry.face_topology import INNER_LIP_LOWER, INNER_LIP_UPPER, OUTER_LIP_LOWER, OUTER_LIP_UPPER

_STEPS = 4
"""Pieces of each edge of a ring."""


def _ring(upper: tuple[int, ...], lower: tuple[int, ...]) -> tuple[int, ...]:
    return (*upper, *lower[-2:0:-1])


_INNER = _ring(INNER_LIP_UPPER, INNER_LIP_LOWER)
_RINGS = (
    _ring(OUTER_LIP_UPPER, OUTER_LIP_LOWER),
    (76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306, 307, 320, 404, 315, 16, 85, 180, 90, 77),
    (62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292, 325, 319, 403, 316, 15, 86, 179, 89, 96),
    _INNER,
)
"""From the lips' outline inwards, each from the right corner over the upper lip and back over the lower."""


def rounded(ring: Float32[np.ndarray, "corners _"]) -> Float32[np.ndarray, "points _"]:
    """The closed curve through a ring's vertices; its corners, where the lips meet at an angle, get round."""
    corners = len(ring)
    along = np.arange(corners)[:, None] + _PLACES
    weighted = ring[along % corners][:, None] * _WEIGHTS[None, ..., None]
    return weighted.sum(2).reshape(-1, ring.shape[1]).astype(np.float32)


def opening(pixels: Float32[np.ndarray, "468 _"]) -> Float32[np.ndarray, "points _"]:
    """The outline of the opening between the lips."""
    return rounded(pixels[list(_INNER)])


class LipRings:
    """A mesh whose triangles around the mouth follow curves.

    Args:
        triangles: Those of the mesh, whose first 468 vertices are the face's.
        vertices: How many vertices there are.
    """

    def __init__(self, triangles: Int32[np.ndarray, "_ 3"], vertices: int) -> None:
        origins, split = [], {}
        for ring in _RINGS:
            for start, corner in enumerate(ring):
                four = [ring[(start + place) % len(ring)] for place in _PLACES]
                first = vertices + len(origins)
                new = list(range(first, first + _STEPS - 1))
                split[corner, four[2]], split[four[2], corner] = new, new[::-1]
                origins += [four] * (_STEPS - 1)
        self._origins = np.array(origins)
        self._weights = np.tile(_WEIGHTS[1:], (len(origins) // (_STEPS - 1), 1))[..., None]
        ends = np.zeros((468, 468), np.bool_)
        ends[tuple(np.array(list(split)).T)] = True
        near = triangles.max(1) < 468
        a, b, c = triangles[near].T
        near[near] = ends[a, b] | ends[b, c] | ends[c, a]
        cut = [piece for corners in triangles[near].tolist() for piece in _cut(corners, split)]
        self.triangles = np.concatenate((triangles[~near], np.array(cut, np.int32).reshape(-1, 3)))
        """Those of the finer mesh."""

    def refined(self, values: Float[np.ndarray, "*before"]) -> Float[np.ndarray, "*after"]:
        """Values of all vertices, after which come those of the new ones."""
        weights = self._weights if values.ndim > 1 else self._weights[..., 0]
        new = (values[self._origins] * weights).sum(1)
        return np.concatenate((values, new.astype(values.dtype)))


def _cut(corners: list[int], split: dict[tuple[int, int], list[int]]) -> list[list[int]]:
    """Triangles that fill one triangle whose edges got more points; two of its edges at most."""
    sides = [split.get((corners[k], corners[(k + 1) % 3]), []) for k in range(3)]
    # The corner from which two sides start that are walked together; one whole side lies opposite.
    apex = min((k for k in range(3) if not sides[(k + 1) % 3]), key=lambda k: -len(sides[k] + sides[k - 1]))
    one = [corners[apex], *sides[apex], corners[(apex + 1) % 3]]
    other = [corners[apex], *sides[apex - 1][::-1], corners[apex - 1]]
    pieces, i, j = [], 0, 0
    while i < len(one) - 1 or j < len(other) - 1:
        if j == len(other) - 1 or (i < len(one) - 1 and i * (len(other) - 1) <= j * (len(one) - 1)):
            piece, i = [one[i], one[i + 1], other[j]], i + 1
        else:
            piece, j = [one[i], other[j + 1], other[j]], j + 1
        if len(set(piece)) == 3:
            pieces.append(piece)
    return pieces


def _curve(steps: int) -> Float32[np.ndarray, "steps 4"]:
    """Weights of four corners for points from the second to the third (Catmull and Rom's curve)."""
    t = np.arange(steps) / steps
    parts = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2)
    return (np.stack(parts, 1) / 2).astype(np.float32)


_PLACES, _WEIGHTS = np.arange(-1, 3), _curve(_STEPS)
