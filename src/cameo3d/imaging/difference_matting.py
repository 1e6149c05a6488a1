"""Finer mattes before a calm background: what differs from it is the person (Qian and Sezan, ICIP 1992).

A network sees 256 pixels and takes thin hair and wall for one thing. Where the wall can be foretold, colour
tells them apart, down to single hairs.
"""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from cameo3d.imaging.inpainting import fill_holes
from cameo3d.imaging.smoothstep import smoothstep

_FINE, _COARSE = 192, 64
"""Pixels across a head-and-shoulders square in which mattes are judged, and the background is foretold."""
_AWAY, _LEAST = (0.03, 0.015, 0.006), 0.03
"""Sides of that square from the person at which the background begins to be sure: the first that leaves this
share of a square."""
_PERSON, _SURE = 0.1, 0.95
"""Coverage from which on a pixel may show some of the person, and from which on surely nothing else."""
_EVEN = (0.2, 0.1, 0.05)
"""Sides over which the background's colours are averaged, wide at first."""
_LITTLE, _MOSTLY = 0.02, 0.4
"""Share of the surroundings that must be sure background, and share of that which must be wall."""
_ODD, _PATTERN = 2.5, 4.0
"""Spreads from the average from which on a pixel is none of the wall, and by how much the spread seems larger
if all were: few are hairs, many are a pattern."""
_NOISE, _CLEAR = 2.0, 25.0
"""Least spread of a wall, and the least distance to the person's colours that tells them apart."""
_TELLING = 6.0
"""The same distance, in spreads of the wall."""
_UNSURE, _BAND = (0.06, 0.94), 0.03
"""Coverage between which the network is not sure, and sides around such places, and around the outline, in
which colour decides."""
_STRAND = 0.065
"""Sides from there up to which single hairs are found."""
_WHOLE, _STANDS_OUT, _NARROW = 0.95, 0.6, 8.0
"""Shares of the distance between person and background: at which a pixel is all person, and by which a whole
hair stands out from what is around it; and the least levels that either may mean."""
_LINE = 1024


class Backdrop(NamedTuple):
    """The background behind a person, foretold from what is seen of it."""

    colors: Float32[np.ndarray, "rows columns 3"]
    spread: Float32[np.ndarray, "rows columns"]
    """How far its own colours lie from these, in levels."""


def foretell_backdrop(
    image: Float32[np.ndarray, "rows columns 3"], cover: Float32[np.ndarray, "rows columns"], side: float
) -> Backdrop | None:
    """What a smooth wall behind a person looks like; None where too little of it is seen.

    Args:
        image: A small picture.
        cover: The person's coverage.
        side: Pixels across the head-and-shoulders square.
    """
    scale, size = _COARSE / side, image.shape[1::-1]
    small = (max(2, round(size[0] * scale)), max(2, round(size[1] * scale)))
    image, cover = (cv2.resize(each, small, interpolation=cv2.INTER_AREA) for each in (image, cover))
    away = cv2.distanceTransform((cover < _PERSON).astype(np.uint8), cv2.DIST_L2, 5) / _COARSE
    sure = next((away > reach for reach in _AWAY if (away > reach).sum() > _LEAST * _COARSE**2), None)
    if sure is None:
        return None
    known, even = sure.astype(np.float32), sure
    colors, spread, weight = image, known, known
    for reach in _EVEN:  # hairs before the wall are left out bit by bit
        some = even.astype(np.float32)
        weight = _averaged(some, reach).clip(1e-4)
        colors = _averaged(image * some[..., None], reach) / weight[..., None]
        off = _distance(image, colors)
        spread = np.sqrt(_averaged(off**2 * some, reach) / weight).clip(_NOISE)
        even = sure & (off < _ODD * spread)
    kept = weight / _averaged(known, _EVEN[-1]).clip(1e-4)
    spread *= 1 + _PATTERN * (1 - kept)
    unknown = (weight < _LITTLE) | (kept < _MOSTLY)
    filled = fill_holes(np.dstack((colors, spread)).astype(np.float32), unknown)
    filled = cv2.resize(filled, size, interpolation=cv2.INTER_LINEAR)
    return Backdrop(filled[..., :3], filled[..., 3].clip(_NOISE))


def matte_by_difference(
    image: UInt8[np.ndarray, "height width 3"],
    matte: Float32[np.ndarray, "height width"],
    side: float,
) -> Float32[np.ndarray, "height width"]:
    """A matte that follows single hairs, wherever the background is calm and unlike the person.

    Args:
        image: The picture.
        matte: The person's coverage, as a network sees it.
        side: Pixels across the head-and-shoulders square.
    """
    height, width = matte.shape
    scale = min(1.0, _FINE / side)
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    cover = cv2.resize(matte, size, interpolation=cv2.INTER_AREA)
    backdrop = foretell_backdrop(small, cover, side * scale)
    if backdrop is None:
        return matte
    core = cv2.erode((cover > _SURE).astype(np.uint8), np.ones((3, 3))) > 0
    lead = _distance(fill_holes(small, ~core), backdrop.colors)
    trust = smoothstep(lead / backdrop.spread / _TELLING - 1) * smoothstep(lead / _CLEAR - 1)
    away = _from_the_edge(cover) / (side * scale)
    near, around = (smoothstep((reach - away) / (reach / 2)) * trust for reach in (_BAND, _STRAND))
    calm = cv2.blur(_distance(small, backdrop.colors), (3, 3))
    maps = np.dstack((*cv2.split(backdrop.colors), backdrop.spread, lead, calm, near, around))
    wide = cv2.resize((around > 0).astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    return _decided(image, matte, maps.astype(np.float32), wide > 0)


def _decided(
    image: np.ndarray, matte: np.ndarray, maps: np.ndarray, where: Bool[np.ndarray, "height width"]
) -> np.ndarray:
    """Let colour decide in some places; the maps are small."""
    rows, columns = np.nonzero(where)
    if not len(rows):
        return matte
    # In lines, since OpenCV counts neither rows nor columns beyond 32767; the last one begins again.
    rows, columns = (np.resize(each, (-(-len(each) // _LINE), _LINE)) for each in (rows, columns))
    x, y = (
        ((each + 0.5) * (small / large) - 0.5).astype(np.float32)
        for each, small, large in zip((columns, rows), maps.shape[1::-1], matte.shape[::-1], strict=True)
    )
    colors, rest = (
        cv2.remap(np.ascontiguousarray(part), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for part in (maps[..., :4], maps[..., 4:])
    )
    spread, (lead, calm, near, around) = colors[..., 3], np.moveaxis(rest, -1, 0)
    off = _distance(image[rows, columns].astype(np.float32), colors[..., :3])
    cover = ((off - 2 * spread) / (_WHOLE * lead - 2 * spread).clip(_NARROW)).clip(0, 1)
    strand = ((off - calm - spread) / (_STANDS_OUT * lead).clip(_NARROW)).clip(0, 1)
    before = matte[rows, columns]
    result = matte.copy()
    result[rows, columns] = np.maximum(before + (cover - before) * near, np.minimum(strand, cover) * around)
    return result


def _from_the_edge(cover: np.ndarray) -> Float32[np.ndarray, "rows columns"]:
    """Pixels from the outline, or from where the network is not sure."""
    unsure = ((cover > _UNSURE[0]) & (cover < _UNSURE[1])).astype(np.uint8)
    unsure = cv2.morphologyEx(unsure, cv2.MORPH_OPEN, np.ones((3, 3)))
    edge = cv2.morphologyEx((cover > 0.5).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3)))
    return cv2.distanceTransform(1 - np.maximum(unsure, edge), cv2.DIST_L2, 5)


def _averaged(values: np.ndarray, reach: float) -> np.ndarray:
    return cv2.GaussianBlur(values, (0, 0), reach * _COARSE)


def _distance(first: np.ndarray, second: np.ndarray) -> Float32[np.ndarray, "rows columns"]:
    away = first - second
    return np.sqrt(np.einsum("ijk,ijk->ij", away, away))
