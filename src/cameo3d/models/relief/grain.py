"""Grain for the sides of a turned head, which the photo shows edge-on, and so only the soft colours of.

A few pixels of the photo are seen as wide as half a hand there. The texture of hair and skin, which they do
not show, is taken from where the photo shows it well, and laid out evenly over depth and along the outline.
"""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from cameo3d.geometry.compiled import compiled, inlined
from cameo3d.geometry.face_topology import OVAL
from cameo3d.geometry.rasterizer import rasterize
from cameo3d.imaging.inpainting import cloth_likeness
from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.avatar import ReliefAvatar

_HALF = 2
"""Canvas pixels in one of the maps."""
_TILE, _LEAST_TILE, _SKIN_TILE = 0.011, 0.003, 0.006
"""Metres from the middle of what lends grain to its sides: for hair at most and at least, and for skin."""
_COARSEST = 0.0015
"""Metres: what is coarser is no grain."""
_HAIR, _FEW = 0.7, 0.2
"""How unlike skin hair is, and the share of what is around a face that must be hair."""
_MOST, _MOST_SKIN = 0.09, 0.025
"""Standard deviation of the strongest grain of hair and skin."""
_TRAGI, _EARS = (234, 454), -0.02
"""Vertices next to the ears, and metres below them above which nothing but hair is expected."""
_SKIN = (50, 280, 151, 117, 346)
"""Vertices on cheeks and forehead."""
_TOP = (0.35, 0.65)
"""Radians from the top of a head, where strands are painted, from which on grain is drawn, and all of it."""
_TURNED = 0.15
"""How far a head must be turned, of what `turned` means, to lack grain."""
_BLOCK, _NEAR = 8, 8
"""Pixels of a picture that are looked at together, and of the canvas that count as one for it."""
_LEAST = 0.06
"""Share of missing grain below which nothing is drawn."""


class SideGrain:
    """The grain that one person's sides lack.

    Args:
        avatar: The person.
        per_meter: Pixels of the canvas in a metre.
    """

    def __init__(self, avatar: ReliefAvatar, per_meter: float) -> None:
        texture, turned, points = avatar.texture.numpy(), avatar.turned.numpy(), avatar.points.numpy()
        size = len(texture) // _HALF
        middle = points[list(OVAL)].mean(0)
        depths = np.ascontiguousarray(avatar.depths.numpy())
        triangles, pixels = avatar.triangles.numpy(), depths[:, None] * np.float32(per_meter)
        behind = rasterize(points / _HALF, depths, triangles, pixels, size, size).attributes[..., 0]
        radius = float(np.linalg.norm(points[list(OVAL)] - middle, axis=1).mean())
        y, x = np.mgrid[:size, :size].astype(np.float32) * _HALF
        up = points[10] - points[152]
        across, upwards = x - middle[0], y - middle[1]
        along = np.arctan2(across, upwards)
        aside = np.abs(np.remainder(along - np.arctan2(*up) + np.pi, 2 * np.pi) - np.pi)
        lacks = np.ascontiguousarray(turned[..., 3])
        lacks = cv2.resize(lacks, (size, size), interpolation=cv2.INTER_AREA) * np.float32(1 / 127) - 1
        lacks *= smoothstep((aside - _TOP[0]) / (_TOP[1] - _TOP[0]))
        hair, skin, told = _tiles(texture, points[:468], lacks, per_meter)
        if not told:  # above the ears there is hair, or a bald head
            level = (y - points[list(_TRAGI), 1].mean()) / per_meter
            lacks = np.where(level < _EARS, np.abs(lacks), lacks)
        self._where = np.dstack((behind, along * radius)).astype(np.float32)
        self._tiles, self._lacks = (hair, skin), np.where(np.abs(lacks) > _LEAST, lacks, 0)
        scale = _NEAR // _HALF
        rows = -(-size // scale)
        whole = np.zeros((rows * scale, rows * scale), np.uint8)
        whole[:size, :size] = self._lacks != 0
        near = cv2.dilate(whole.reshape(rows, scale, rows, scale).max((1, 3)), np.ones((5, 5), np.uint8))
        self._near = near.view(np.bool_)

    def draw(
        self,
        image: UInt8[np.ndarray, "height width 4"],
        places: Float32[np.ndarray, "2 height width"],
        turned: float,
    ) -> None:
        """Give a picture its grain, in place.

        Args:
            image: The surface.
            places: Columns and rows of the photo that its pixels show.
            turned: How far the head is turned.
        """
        share = (turned - _TURNED) / (1 - _TURNED)
        if share > 0:
            _draw(image, places, self._near, self._lacks, self._where, *self._tiles, np.float32(share))


def _tiles(
    texture: np.ndarray, points: np.ndarray, lacks: np.ndarray, per_meter: float
) -> tuple[np.ndarray, np.ndarray, bool]:
    """What lends grain to hair, and to skin; and whether these can be told apart."""
    half = cv2.resize(texture, (len(lacks),) * 2, interpolation=cv2.INTER_AREA)
    oval = points[list(OVAL)]
    rows = np.arange(len(lacks), dtype=np.float32)[:, None] * _HALF
    face = np.zeros(lacks.shape, np.uint8)
    cv2.fillPoly(face, [np.rint(oval / _HALF).astype(np.int32)], 1)
    # Below the nose there are beards and clothes.
    around = (half[..., 3] > 250) & (np.abs(lacks) < 0.1) & (face == 0) & (rows < points[4, 1])
    hair = around & (cloth_likeness(half[..., :3].copy(), oval / _HALF) > _HAIR)
    told = bool(hair.sum() >= _FEW * around.sum())
    hair = hair if told else around
    room = cv2.distanceTransform(hair.astype(np.uint8), cv2.DIST_L2, 5) * _HALF
    reach = min(float(room.max()), _TILE * per_meter) / 2
    # Next to the ears, if there is room for half of the largest square.
    row, column = np.unravel_index(np.argmax((room > reach) * (reach + rows)), room.shape)
    reach = min(float(room[row, column]), _TILE * per_meter)
    skins = [_tile(texture, points[place], _SKIN_TILE * per_meter, per_meter) for place in _SKIN]
    skin = _at_most(sorted(skins, key=np.std)[len(skins) // 2], _MOST_SKIN)
    if reach < _LEAST_TILE * per_meter:
        return skin, skin, told
    hair = _tile(texture, np.array((column, row)) * _HALF, reach, per_meter)
    return _at_most(hair, _MOST), skin, told


def _at_most(grain: np.ndarray, spread: float) -> np.ndarray:
    return grain * np.float32(min(1.0, spread / max(float(grain.std()), 1e-6)))


def _tile(texture: np.ndarray, middle: np.ndarray, reach: float, per_meter: float) -> np.ndarray:
    """A square of grain with its mirror images: by which share it is brighter than what is around it."""
    side = 2 ** int(np.log2(max(4.0, 2 * reach)))
    left, top = (np.rint(middle).astype(int) - side // 2).clip(0, len(texture) - side)
    patch = np.ascontiguousarray(texture[top : top + side, left : left + side, :3])
    light = cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY).astype(np.float32)
    soft = cv2.GaussianBlur(light, (0, 0), _COARSEST * per_meter, borderType=cv2.BORDER_REFLECT)
    grain = (light - soft) / soft.clip(16)
    grain = grain.clip(-3 * grain.std(), 3 * grain.std())
    return np.pad(grain - grain.mean(), ((0, side), (0, side)), "symmetric").astype(np.float32)


@inlined
def _grain_at(tile, x, y):
    """Read a tile, whose side is a power of two, and which goes on for ever."""
    last = len(tile) - 1
    left, top = np.floor(x), np.floor(y)
    u, v = np.int32(left), np.int32(top)
    a, b = x - left, y - top
    u, v, right, below = u & last, v & last, (u + 1) & last, (v + 1) & last
    upper = tile[v, u] + (tile[v, right] - tile[v, u]) * a
    lower = tile[below, u] + (tile[below, right] - tile[below, u]) * a
    return upper + (lower - upper) * b


@compiled
def _draw(image, places, near, lacks, where, hair, skin, turned):
    height, width = image.shape[:2]
    for top in range(0, height, _BLOCK):
        for left in range(0, width, _BLOCK):
            bottom, right = min(top + _BLOCK, height), min(left + _BLOCK, width)
            found = False
            for row in (top, bottom - 1):
                for column in (left, right - 1):
                    u = np.int64(places[0, row, column] * np.float32(1 / _NEAR))
                    v = np.int64(places[1, row, column] * np.float32(1 / _NEAR))
                    if u >= 0 and v >= 0 and u < near.shape[1] and v < near.shape[0]:
                        found |= near[v, u]
            if found:
                _draw_block(image, places, lacks, where, hair, skin, turned, top, bottom, left, right)


@inlined
def _draw_block(image, places, lacks, where, hair, skin, turned, top, bottom, left, right):
    half, scale, most = np.float32(0.5), np.float32(1 / _HALF), np.float32(255)
    width, height = np.float32(lacks.shape[1] - 1), np.float32(lacks.shape[0] - 1)
    for row in range(top, bottom):
        for column in range(left, right):
            x = places[0, row, column] * scale - half
            y = places[1, row, column] * scale - half
            if not ((x >= 0) & (y >= 0) & (x < width) & (y < height)):
                continue
            u, v = np.int32(x), np.int32(y)
            missing = lacks[v, u]
            if missing == 0 or image[row, column, 3] == 0:
                continue
            a, b = x - np.float32(u), y - np.float32(v)
            upper = where[v, u, 0] + (where[v, u + 1, 0] - where[v, u, 0]) * a
            lower = where[v + 1, u, 0] + (where[v + 1, u + 1, 0] - where[v + 1, u, 0]) * a
            depth = upper + (lower - upper) * b
            upper = where[v, u, 1] + (where[v, u + 1, 1] - where[v, u, 1]) * a
            lower = where[v + 1, u, 1] + (where[v + 1, u + 1, 1] - where[v + 1, u, 1]) * a
            along = upper + (lower - upper) * b
            if missing > 0:
                grain = missing * _grain_at(hair, depth, along)
            else:
                grain = -missing * _grain_at(skin, depth, along)
            bright = np.float32(1) + turned * grain
            image[row, column, 0] = np.uint8(min(image[row, column, 0] * bright + half, most))
            image[row, column, 1] = np.uint8(min(image[row, column, 1] * bright + half, most))
            image[row, column, 2] = np.uint8(min(image[row, column, 2] * bright + half, most))
