"""How far a head reaches in a picture, also where the picture does not show it: from the face's landmarks."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32

from cameo3d.imaging.smoothstep import smoothstep

_HALF_WIDTH, _HEIGHT, _BOXY = 0.09, 0.129, 2.5
"""Outline of heads with their hair, median of 38 whole ones, metres from the middle of the skull, and the
power of the superellipse that it is (docs/lab.md)."""
_HALF_LENGTH = 0.105
"""Half of what lies between a forehead and the hair behind it, metres."""
_EARS_APART, _FACE_HEIGHT = 0.144, 0.1637
"""Metres between vertices 234 and 454, and 10 and 152, of the mean face."""
_MIDDLE = 0.02
"""Metres by which the middle of the skull lies above the middle of the first two, and behind it."""
_OWN = 60.0
"""Degrees over which an outline keeps what sets it apart from the median: measured on the same heads."""
_STEEP, _MOST_STEEP = 8.0, 0.6
"""Degrees over which it goes on as steeply as it came, and by how much of its radius in a radian at most."""
_NEAR, _FAR = 4.0, 14.0
"""Degrees from its end between which the slope is measured."""
_RAYS = 91


class Skull(NamedTuple):
    """Where a head lies in a picture."""

    center: Float[np.ndarray, "2"]
    """Its middle, pixels."""
    shape: Float[np.ndarray, "2 2"]
    """Its outline: where `x' shape x` is 1 for x from the middle, were it an ellipse."""
    per_meter: float
    """Pixels across a metre."""

    def reach(self, directions: Float[np.ndarray, "*angles 2"]) -> Float[np.ndarray, "*angles"]:
        """Pixels from the middle to where heads end with their hair, in unit directions."""
        values, axes = np.linalg.eigh(self.shape)
        along = np.abs(directions @ axes) * np.sqrt(values)
        return (along**_BOXY).sum(-1) ** (-1 / _BOXY)


def find_skull(landmarks: Float[np.ndarray, "478 3"]) -> Skull:
    """Where the head of a face lies.

    Args:
        landmarks: Pixels; the third axis leads away from the camera.
    """
    across, up = landmarks[454] - landmarks[234], landmarks[10] - landmarks[152]
    wide, high = float(np.linalg.norm(across)), float(np.linalg.norm(up))
    per_meter = max(1.0, (wide / _EARS_APART + high / _FACE_HEIGHT) / 2)
    right = across / wide if wide > 0 else np.array((1.0, 0.0, 0.0))
    up = up - right * (up @ right)
    up = up / max(float(np.linalg.norm(up)), 1e-6)
    back = np.cross(up, right)
    back = back if back[2] > 0 else -back
    center = (landmarks[234] + landmarks[454]) / 2 + (up + back) * (_MIDDLE * per_meter)
    seen = np.stack((right * _HALF_WIDTH, up * _HEIGHT, back * _HALF_LENGTH))[:, :2] * per_meter
    return Skull(center[:2], np.linalg.inv(seen.T @ seen + np.eye(2)), per_meter)


def within_crown(
    solid: Bool[np.ndarray, "rows columns"], length: int, skull: Skull
) -> Float32[np.ndarray, "length columns"]:
    """How far pixels above a picture lie within a head that its upper border cuts, pixels; negative outside.

    The outline begins where the border cuts it, and as steeply, and goes over to that of heads.

    Args:
        solid: Where the picture shows the person; its first row somewhere.
        length: Rows above it.
        skull: Where the head lies in the picture.
    """
    columns = np.flatnonzero(solid[0])
    ends = np.array(((columns[0], 0.0), (columns[-1] + 1.0, 0.0))) - skull.center
    first, last = np.arctan2(ends[:, 0], -ends[:, 1])
    turns = np.linspace(first, last, _RAYS)
    directions = np.stack((np.sin(turns), -np.cos(turns)), -1)
    usual = skull.reach(directions)
    ratio = np.ones(_RAYS)
    share = smoothstep(np.linspace(0, 1, _RAYS))
    for end, side, of_this in ((0, -1, 1 - share), (-1, 1, share)):
        away = np.abs(turns - turns[end])
        own = np.hypot(*ends[end]) / usual[end] - 1
        steep = _slope(solid, skull, float(turns[end]), side) * away * np.exp(-away / np.radians(_STEEP))
        ratio += (own + steep) * np.exp(-((away / np.radians(_OWN)) ** 2)) * of_this
    y, x = np.mgrid[-length:0, : solid.shape[1]] + 0.5
    x, y = x - skull.center[0], y - skull.center[1]
    border = np.abs(skull.center[1] / directions[:, 1].clip(None, -1e-3))
    reach = np.interp(np.arctan2(x, -y), turns, np.maximum(usual * ratio, border), left=0, right=0)
    return (reach - np.hypot(x, y)).astype(np.float32)


def _slope(solid: np.ndarray, skull: Skull, end: float, side: int) -> float:
    """By how much of its radius an outline grows towards its end, for each radian; 0 where it is not seen."""
    turns = end + side * np.radians((_NEAR, _FAR))
    directions = np.stack((np.sin(turns), -np.cos(turns)), -1)
    ratios, steps = [], np.arange(0.4, 1.8, 0.01)[:, None]
    for reach in skull.reach(directions)[:, None] * directions:
        places = np.floor(skull.center + steps * reach).astype(int)
        seen = ((places >= 0) & (places < solid.shape[::-1])).all(1)
        empty = np.flatnonzero(~solid[places[seen, 1], places[seen, 0]])
        if not len(empty):
            return 0.0
        ratios.append(steps[seen][empty[0], 0])
    return float(np.clip((ratios[0] - ratios[1]) / np.radians(_FAR - _NEAR), -_MOST_STEEP, _MOST_STEEP))
