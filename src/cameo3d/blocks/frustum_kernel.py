"""The volume rendering of planes that hold a known surface, compiled: rays look for it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32

from cameo3d.blocks.frustum_planes import (
    ABSORPTION,
    ANCHOR,
    BACK,
    COVER,
    DEPTH_SIDE,
    FRONT,
    HEAD,
    SOFTNESS,
    Bend,
    PlaneFrame,
)
from cameo3d.geometry.compiled import compiled

_STRIDE, _STEP = 0.006, 0.0015
"""Metres between looks for the surface, and between samples around it."""
_TRUST, _LEAP = 0.4, 0.02
"""Share of the distance to the surface ahead that a ray may skip, and the most, metres."""
_BEFORE, _SAMPLES = 0.003, 8
"""Metres before the surface where samples begin, and how many there are."""
_RAYS_PER_TASK = 2048
_FEATURES = 9
"""Where features begin in the values of a ray."""


@dataclass(frozen=True)
class Seen:
    """How much of each ray's light comes from the person, and from which surface most of it."""

    opacity: Float32[np.ndarray, "rows columns"]
    places: Float32[np.ndarray, "rows columns 2"]
    """Where on the canvas the photo saw it, from 0 to 1."""
    depth: Float32[np.ndarray, "rows columns"]
    """Metres along the camera's axis; 0 where nothing is met."""
    behind: Float32[np.ndarray, "rows columns"]
    """1 where that surface is the back, which a ray meets that passed behind the front."""
    through: Float32[np.ndarray, "rows columns 4"]
    """Of a surface seen through that one's soft border: opacity, place, and whether it is the back."""
    features: Float32[np.ndarray, "rows columns features"]
    """The channels behind `COVER`."""


class RayTracer:
    """Rays through planes, for one frame.

    Args:
        planes: What the photo's person is made of; one alone lies over the photo, and the others are ramps of
            depth, which need no look-up.
        frame: Where the planes lie.
        bend: Where points were in the photo.
        near: Depth at which rays begin, metres.
        far: Depth at which they end.
        matted: Whether the first channel behind `COVER` says how much of a person there is. What is less than
            half of one is a soft border, through which rays go on.
    """

    def __init__(
        self,
        planes: Float32[np.ndarray, "planes size size channels"],
        frame: PlaneFrame,
        bend: Bend,
        near: float,
        far: float,
        matted: bool = False,
    ) -> None:
        texels = np.ascontiguousarray(planes)
        placing = np.array((frame.scale, frame.left, frame.top, frame.middle), np.float32)
        bending = np.concatenate((bend.turn.ravel(), bend.shift, bend.sway.ravel(), bend.drift))
        self._scene = (texels, placing, bending.astype(np.float32), np.float32(near), np.float32(far), matted)
        self._width = _FEATURES + texels.shape[-1] - COVER - 1

    def grid(self, across: Float32[np.ndarray, " columns"], down: Float32[np.ndarray, " rows"]) -> Seen:
        """Trace a grid of rays, by the x / z of each column and the y / z of each row in the crop camera."""
        x, y = np.meshgrid(across, down)
        seen = self.rays(x.ravel(), y.ravel()).reshape(len(down), len(across), -1)
        parts = seen[..., 5:_FEATURES], seen[..., _FEATURES:]
        return Seen(seen[..., 0], seen[..., 1:3], seen[..., 3], seen[..., 4], *parts)

    def rays(
        self, across: Float32[np.ndarray, " rays"], down: Float32[np.ndarray, " rays"]
    ) -> Float32[np.ndarray, "rays values"]:
        """Trace rays; the values are those of `Seen`, in its order."""
        values = np.zeros((len(across), self._width), np.float32)
        parts = [slice(start, start + _RAYS_PER_TASK) for start in range(0, len(across), _RAYS_PER_TASK)]
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            list(pool.map(lambda part: _trace(*self._scene, across[part], down[part], values[part]), parts))
        return values


@compiled
def _trace(texels, placing, bending, near, far, matted, across, down, values):
    seen = np.zeros(texels.shape[-1], np.float32)
    place = np.zeros(3, np.float32)
    sums = np.zeros(values.shape[1], np.float32)
    for ray in range(len(across)):
        x, y = across[ray], down[ray]
        _ray(texels, placing, bending, x, y, near, far, matted, seen, place, sums, values[ray])


@compiled
def _ray(texels, placing, bending, x, y, near, far, matted, seen, place, sums, values):
    passed, depth, was, most, step = 1.0, near, -1.0, 0.0, _STRIDE
    beyond, is_through = False, False
    seen[HEAD], seen[ANCHOR] = 1.0, 1.0
    slant = np.sqrt(1 + x * x + y * y)
    while depth < far and passed > 0.02:
        _look(texels, placing, bending, x, y, depth, seen, place)
        within = seen[FRONT]
        if not (seen[COVER] > 0.05 and within > 0 and (was <= 0 or seen[BACK] > 0)):
            was, beyond = within, within > 0 and seen[BACK] <= 0
            step = max(_STRIDE, min(_LEAP, -_TRUST * within))
            depth += step
            continue
        start = depth
        if was <= 0 and within > was:
            start = depth - step * within / (within - was)
        # Around the surface: what light its samples leave over goes on.
        sums[:] = 0
        before = passed
        for sample in range(_SAMPLES):
            depth = start - _BEFORE + _STEP * sample
            _look(texels, placing, bending, x, y, depth, seen, place)
            cover = min(max(seen[COVER], 0.0), 1.0)
            solid = 1 / (1 + np.exp(-seen[FRONT] / SOFTNESS)) / (1 + np.exp(-seen[BACK] / SOFTNESS))
            share = passed * (1 - np.exp(-ABSORPTION * solid * cover * cover * _STEP * slant))
            passed -= share
            sums[0] += share
            sums[1] += share * place[0]
            sums[2] += share * place[1]
            sums[3] += share * depth
            for k in range(COVER + 1, len(seen)):
                sums[_FEATURES + k - COVER - 1] += share * seen[k]
        if matted and most == 0 and sums[_FEATURES] < 0.5 * sums[0]:
            # A soft border: the ray goes on through it, and what it meets is kept apart.
            passed = before
            if not is_through:
                is_through = True
                _keep(values, sums, beyond)
                values[0] = min(1.0, sums[0] / 0.95)
        elif sums[0] > most:  # A mean of two surfaces would be a place between them that nobody sees.
            most = sums[0]
            if is_through:
                values[6], values[7] = sums[1] / most, sums[2] / most
                values[8] = 1.0 if beyond else 0.0
            else:
                _keep(values, sums, beyond)
        was, step = seen[FRONT], _STRIDE
        beyond = was > 0 and seen[BACK] <= 0
        depth += step
    values[5 if is_through else 0] = 1.0 if passed < 0.05 else 1 - passed


@compiled
def _keep(values, sums, beyond):
    for k in range(1, len(sums)):
        values[k] = sums[k] / sums[0]
    values[4] = 1.0 if beyond else 0.0


@compiled
def _look(texels, placing, bending, x, y, depth, seen, place):
    """Bend a point of a ray to where the photo saw it, and look it up; weights begin as the last."""
    qx, qy = x * depth, y * depth
    hx = qx * bending[0] + qy * bending[3] + depth * bending[6] + bending[9]
    hy = qx * bending[1] + qy * bending[4] + depth * bending[7] + bending[10]
    hz = qx * bending[2] + qy * bending[5] + depth * bending[8] + bending[11]
    ax = qx * bending[12] + qy * bending[15] + depth * bending[18] + bending[21]
    ay = qx * bending[13] + qy * bending[16] + depth * bending[19] + bending[22]
    az = qx * bending[14] + qy * bending[17] + depth * bending[20] + bending[23]
    size = texels.shape[1]
    for turn in range(2):
        head, anchor = seen[HEAD], seen[ANCHOR]
        px, py, pz = qx - anchor * ax, qy - anchor * ay, depth - anchor * az
        px, py, pz = px + head * (hx - px), py + head * (hy - py), pz + head * (hz - pz)
        place[0] = (px / pz - placing[1]) * placing[0]
        place[1] = (py / pz - placing[2]) * placing[0]
        place[2] = (pz - placing[3]) / DEPTH_SIDE + 0.5
        if turn == 0:
            _sample(texels[0], place[0] * size - 0.5, place[1] * size - 0.5, seen, HEAD, ANCHOR + 1, 0.0)
    _sample(texels[0], place[0] * size - 0.5, place[1] * size - 0.5, seen, 0, len(seen), 0.0)
    if len(texels) == 1:
        ramp = (min(max(place[2] * size, 0.5), size - 0.501) / size - 0.5) * np.float32(DEPTH_SIDE)
        seen[FRONT] += ramp
        seen[BACK] -= ramp
    else:
        _sample(texels[1], place[0] * size - 0.5, place[2] * size - 0.5, seen, 0, len(seen), 1.0)
        _sample(texels[2], place[1] * size - 0.5, place[2] * size - 0.5, seen, 0, len(seen), 1.0)
    if place[0] < 0 or place[1] < 0 or place[0] > 1 or place[1] > 1:
        seen[COVER] = 0.0


@compiled
def _sample(plane, column, row, seen, start, end, keep):
    size = plane.shape[0]
    column, row = min(max(column, 0.0), size - 1.001), min(max(row, 0.0), size - 1.001)
    left, top = int(column), int(row)
    right_share, low_share = column - left, row - top
    a, b = (1 - right_share) * (1 - low_share), right_share * (1 - low_share)
    c, d = (1 - right_share) * low_share, right_share * low_share
    for k in range(start, end):
        value = (
            a * plane[top, left, k] + b * plane[top, left + 1, k]
            + c * plane[top + 1, left, k] + d * plane[top + 1, left + 1, k]
        )  # fmt: skip
        seen[k] = keep * seen[k] + value
