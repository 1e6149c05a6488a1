"""A person's colours as a turned head shows them: what the photo shows edge-on must not stretch to streaks.

Where a surface is seen edge-on, a turn stretches one pixel of the photo over many, across the outline. So
colours there are blurred along the outline before, until detail is as coarse one way as the other.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int32, UInt8

from cameo3d.geometry.compiled import compiled
from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.outward import EDGE, Outward
from cameo3d.models.relief.surface import Heights

_STEEP = 0.5
"""Cosine between surface and the ray to the camera below which it is seen edge-on."""
_LEAST = 0.08
"""The cosine below which nothing gets coarser."""
_GRAIN = 0.7
"""How coarse a photo's own detail is, in its pixels, as a standard deviation."""
_SMOOTH = 1.5
"""Cells over which slopes are smoothed."""
_WHOLE, _UNMIXED = 0.98, 0.3
"""Coverage from which on a pixel is the person's alone, and above which its colour can be unmixed."""
_PURE, _MIXED, _CONTRAST = 0.95, 0.15, 16.0
"""How far on the way from the background's colour to the person's a pure pixel's is, how much less far a
mixed one's is, and how long that way is at least, in grey levels."""
_FAINT = 0.01
"""Coverage below which nothing is seen of a person."""
_LIKE_WALL, _SHALLOW = 0.45, 4
"""How far from the background's colour, in distances to the person's, wall that counts as the person is, and
in how many such edges it may be."""
_DULL = (0.35, 0.15)
"""Cosines from which on grain is missing, and from which on all of it is."""
_FEATURES = (0.01, 0.02)
"""Metres within the face's outline from which on, and beyond which, the face keeps the photo's colours."""
_STEPS = 16
"""In which a turn is seen to grow."""


def turned_colors(
    colors: UInt8[np.ndarray, "side side 3"],
    matte: Float32[np.ndarray, "side side"],
    plate: UInt8[np.ndarray, "side side 3"],
    outward: Outward,
    heights: Heights,
    ears: Bool[np.ndarray, "rows columns"],
    cell_meters: float,
    scale: float,
) -> UInt8[np.ndarray, "side side 4"]:
    """The person's colours for turned views, and what grain these lack: skin's below 128, hair's above.

    Args:
        colors: The person's colours as the photo shows them.
        matte: The person's coverage.
        plate: The canvas without the person.
        outward: What `outward_colors` says.
        heights: The person's surface.
        ears: Cells of it that show an ear.
        cell_meters: Size of a cell of it.
        scale: Pixels of the canvas in one of the photo's.
    """
    size = matte.shape[::-1]
    solid = heights.inside > 0
    down, across = np.gradient(np.where(solid, heights.depths, heights.silhouette), cell_meters)
    facing = 1 / np.sqrt(1 + down**2 + across**2)
    known = solid.astype(np.float32)
    facing = cv2.GaussianBlur(facing.astype(np.float32) * known, (0, 0), _SMOOTH)
    near = cv2.GaussianBlur(known, (0, 0), _SMOOTH)
    facing = np.where(near > 0.01, facing / near.clip(0.01), 1)
    within = cv2.distanceTransform((heights.face > 0).astype(np.uint8), cv2.DIST_L2, 5) * cell_meters
    share = heights.head * (1 - smoothstep((within - _FEATURES[0]) / (_FEATURES[1] - _FEATURES[0])))
    share = share * heights.person * ((facing < _STEEP) | ~solid)
    wide = cv2.GaussianBlur(facing, (0, 0), 2 * _SMOOTH)
    slope = cv2.Sobel(wide, cv2.CV_32F, 1, 0), cv2.Sobel(wide, cv2.CV_32F, 0, 1)
    maps = (facing, share, *slope, ears, outward.hair)
    facing, share, right, up, ear, hair = (cv2.resize(each.astype(np.float32), size) for each in maps)
    lost = smoothstep((_DULL[0] - facing) / (_DULL[0] - _DULL[1]))
    inner = cv2.resize(outward.colors, size)
    result = _own_colors(colors, matte, plate, inner, share, ear, max(1, round(EDGE * scale)), lost)
    source = np.dstack((result, np.rint(matte * 255).astype(np.uint8)))
    _blur(source, share, facing, right, up, np.float32(_GRAIN * scale), result)
    grain = lost * (share * 2 - 1).clip(0) * (1 - ear) * (2 * hair - 1)
    return np.dstack((result, np.rint(128 + 127 * grain).astype(np.uint8)))


def _own_colors(
    colors: np.ndarray,
    matte: np.ndarray,
    plate: np.ndarray,
    inner: np.ndarray,
    share: np.ndarray,
    ear: np.ndarray,
    edge: int,
    lost: np.ndarray,
) -> np.ndarray:
    """The person's colours, which go on outwards at a steep outline; adds to what is lost where they do."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * edge + 1,) * 2)
    sure = cv2.erode((matte > _WHOLE).astype(np.uint8), kernel)
    within = cv2.distanceTransform((matte > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    rows, columns = np.nonzero((share > 0) & (within < _SHALLOW * edge) & (matte > _FAINT))
    own, behind, inner = colors[rows, columns], plate[rows, columns].astype(np.float32), inner[rows, columns]
    lead = inner - behind
    length = np.sqrt((lead**2).sum(1))
    way = ((own - behind) * lead).sum(1) / (length**2).clip(1)
    apart = smoothstep(length / _CONTRAST - 1)
    mixed = smoothstep((_PURE - way) / _MIXED) * apart * (sure[rows, columns] == 0)
    mixed = np.maximum(mixed, 1 - smoothstep((matte[rows, columns] - _UNMIXED) / (1 - _UNMIXED)))
    of_wall = np.sqrt(((own - behind) ** 2).sum(1)) / length.clip(1)
    mixed = np.maximum(mixed, smoothstep((_LIKE_WALL - of_wall) / _MIXED) * apart)
    at_edge = (1 - smoothstep(1.5 * within[rows, columns] / edge - 1)) * (1 - ear[rows, columns])
    mixed = np.maximum(mixed, at_edge)
    result = colors.copy()
    result[rows, columns] = np.rint(own + (inner - own) * mixed[:, None])
    lost[rows, columns] = np.maximum(lost[rows, columns], mixed)
    return result


@compiled
def _blur(source, share, facing, across, down, grain, result):
    height, width = facing.shape
    for row in range(height):
        for column in range(width):
            if share[row, column] <= 0:
                continue
            length = np.sqrt(across[row, column] ** 2 + down[row, column] ** 2)
            sigma = grain * (1 / max(facing[row, column], np.float32(_LEAST)) - 1 / np.float32(_STEEP))
            if length < 1e-6 or sigma < 0.3:
                continue
            right, below = -down[row, column] / length, across[row, column] / length
            reach = int(2 * sigma)
            total, red, green, blue = np.float32(1e-6), np.float32(0), np.float32(0), np.float32(0)
            for i in range(-reach, reach + 1):
                y, x = int(np.rint(row + i * below)), int(np.rint(column + i * right))
                if x < 0 or y < 0 or x >= width or y >= height:
                    continue
                cover = np.float32(source[y, x, 3]) / 255
                weight = np.exp(np.float32(-0.5) * (i / sigma) ** 2) * max(cover**4, np.float32(1e-3))
                total += weight
                red += weight * source[y, x, 0]
                green += weight * source[y, x, 1]
                blue += weight * source[y, x, 2]
            part = share[row, column] / total
            keep = 1 - share[row, column]
            result[row, column, 0] = np.uint8(source[row, column, 0] * keep + red * part + np.float32(0.5))
            result[row, column, 1] = np.uint8(source[row, column, 1] * keep + green * part + np.float32(0.5))
            result[row, column, 2] = np.uint8(source[row, column, 2] * keep + blue * part + np.float32(0.5))


@dataclass(frozen=True)
class TurnedColors:
    """What a turn changes in a person's colours."""

    places: Int32[np.ndarray, "pixels 2"]
    """Rows and columns of the canvas."""
    changes: Float32[np.ndarray, "pixels 3"]
    """What is added there when the head is turned, grey levels."""

    @staticmethod
    def between(
        texture: UInt8[np.ndarray, "side side 4"], turned: UInt8[np.ndarray, "side side 3"]
    ) -> "TurnedColors":
        """What is to be added to one to make it the other."""
        photo = cv2.cvtColor(texture, cv2.COLOR_RGBA2RGB)
        alike = cv2.inRange(cv2.absdiff(photo, turned), (0, 0, 0), (0, 0, 0))
        rows, columns = np.nonzero(alike == 0)
        changes = turned[rows, columns].astype(np.float32) - photo[rows, columns]
        return TurnedColors(np.column_stack((rows, columns)).astype(np.int32), changes)

    @staticmethod
    def step(turned: float) -> float:
        """How far a head counts as turned, from 0 to 1, in steps that nobody sees."""
        return round(turned * _STEPS) / _STEPS

    def add(self, texture: UInt8[np.ndarray, "side side 4"], turned: float) -> None:
        """Change a texture, in place, as far as the head is turned."""
        _add(texture, self.places, self.changes, np.float32(turned))


@compiled
def _add(texture, places, changes, share):
    for i in range(len(places)):
        row, column = places[i, 0], places[i, 1]
        for k in range(3):
            color = texture[row, column, k] + changes[i, k] * share
            texture[row, column, k] = np.uint8(
                min(max(color, np.float32(0)), np.float32(255)) + np.float32(0.5)
            )
