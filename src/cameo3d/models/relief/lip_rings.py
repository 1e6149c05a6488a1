"""Lips without corners: curves through the rings of vertices around the mouth, where the mesh has chords."""

import numpy as np
from jaxtyping import Float, Float32, Int32

from cameo3d.geometry.face_topology import LIP_RINGS_LOWER, LIP_RINGS_UPPER
from cameo3d.imaging.smoothstep import smoothstep

_STEPS = 4
"""Pieces of each edge of a ring."""
_CORNERS = (0, 10)
"""Where in a ring the lips meet."""
_LENS, _OVAL = 0.18, 0.42
"""Openings, in widths of the mouth, up to which its corners are sharp, and from which on they are round."""


def _ring(upper: tuple[int, ...], lower: tuple[int, ...]) -> tuple[int, ...]:
    return (*upper, *lower[-2:0:-1])


_RINGS = tuple(
    _ring(upper, lower) for upper, lower in zip(LIP_RINGS_UPPER[::-1], LIP_RINGS_LOWER[::-1], strict=True)
)
"""From the lips' outline inwards, each from the right corner over the upper lip and back over the lower."""


def sharpness(positions: Float[np.ndarray, "468 _"]) -> float:
    """How sharp the corners of a mouth are: 1 where it is nearly closed, 0 where it is wide open."""
    width = np.linalg.norm(positions[308] - positions[78])
    gap = np.linalg.norm(positions[[14]] - positions[[13]], axis=1) / max(float(width), 1e-9)
    return 1 - float(smoothstep((gap - _LENS) / (_OVAL - _LENS))[0])


def rounded(ring: Float32[np.ndarray, "corners _"], sharp: float = 0.0) -> Float32[np.ndarray, "points _"]:
    """The closed curve through a ring's vertices; its corners, where the lips meet at an angle, get round."""
    weights = _ROUND + np.float32(sharp) * _SHARPER
    weighted = ring[_AROUND][:, None] * weights[..., None]
    return weighted.sum(2).reshape(-1, ring.shape[1]).astype(np.float32)


def opening(pixels: Float32[np.ndarray, "468 _"], sharp: float = 0.0) -> Float32[np.ndarray, "points _"]:
    """The outline of the opening between the lips, whose corners are more or less sharp."""
    return rounded(pixels[list(_RINGS[-1])], sharp)


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
        self._weights, self._sharper = (
            np.tile(each[:, 1:].reshape(-1, 4), (len(_RINGS), 1)) for each in (_ROUND, _SHARPER)
        )
        ends = np.zeros((468, 468), np.bool_)
        ends[tuple(np.array(list(split)).T)] = True
        near = triangles.max(1) < 468
        a, b, c = triangles[near].T
        near[near] = ends[a, b] | ends[b, c] | ends[c, a]
        cut = [piece for corners in triangles[near].tolist() for piece in _cut(corners, split)]
        self.triangles = np.concatenate((triangles[~near], np.array(cut, np.int32).reshape(-1, 3)))
        """Those of the finer mesh."""

    def refined(
        self, values: Float[np.ndarray, "*before"], sharp: float = 0.0
    ) -> Float[np.ndarray, "*after"]:
        """Values of all vertices, after which come those of the new ones, for corners of some sharpness."""
        weights = self._weights + np.float32(sharp) * self._sharper
        weights = weights[..., None] if values.ndim > 1 else weights
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


def _sharp_curves(steps: int) -> Float32[np.ndarray, "edges steps 4"]:
    """The same for each edge of a ring in which every lip's curve ends in the corners."""
    edges = np.tile(_curve(steps), (2 * _CORNERS[1], 1, 1))
    for corner in _CORNERS:
        for edge, beyond, end, before in ((corner, 0, 1, 2), (corner - 1, 3, 2, 1)):
            edges[edge, :, end] += 2 * edges[edge, :, beyond]
            edges[edge, :, before] -= edges[edge, :, beyond]
            edges[edge, :, beyond] = 0
    return edges


_PLACES = np.arange(-1, 3)
_ROUND = np.tile(_curve(_STEPS), (2 * _CORNERS[1], 1, 1))
_SHARPER = _sharp_curves(_STEPS) - _ROUND
_AROUND = (np.arange(len(_ROUND))[:, None] + _PLACES) % len(_ROUND)
