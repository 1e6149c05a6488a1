"""Find the ears that a photo shows, and how deep they lie, so that a turned head does not stretch them."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8
from scipy.spatial import KDTree

from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.outline import without_ears

_TOP, _BOTTOM = -0.042, 0.034
"""Where ears begin and end, metres below the tragus."""
_WIDEST = 0.035
"""How far from the face's outline an ear may reach in a photo, metres."""
_OUTWARD, _DEEPEST = 0.012, 0.016
"""How far an ear's edge lies to the side of the face's outline and behind it, metres. Real ones reach twice
as deep, but a photo shows no more of them than fits over this."""
_NARROWEST = 0.008
"""Metres over which an ear gets so deep at least."""
_LEAST_HEIGHT, _LEAST_AREA = 0.025, 0.8e-4
"""Of an ear that is seen at all, metres and square metres."""
_HAIR_ABOVE, _SCALP = -0.06, 0.025
"""Where there is hair, if any: metres below the tragus, and from the outline."""
_STRANGE, _NEXT = 0.5, 0.01
"""How unlike the face's skin an ear may be that juts out, and how far from the face its root, metres."""
_ENDS = 0.02
"""Over how many metres an ear may go on beyond where ears end: hair does over more."""
_APART = 15.0
"""Difference in Lab from which on skin and hair can be told apart."""
_SOFT = 0.003
"""Metres over which an ear goes over into what is around it."""
_FEW = 12


class Ears(NamedTuple):
    """Where ears are seen, and how deep they lie."""

    seen: Bool[np.ndarray, "rows columns"]
    """Cells that show an ear."""
    depths: Float32[np.ndarray, "rows columns"]
    """Depth of the nearest ear in the camera, metres; of any value where none is near."""
    edge: Float32[np.ndarray, "rows columns"]
    """How far the person's outline is an ear's, from 0 at its root to 1 at its edge and beyond."""


def find_ears(
    image: UInt8[np.ndarray, "side side 3"],
    matte: Float32[np.ndarray, "side side"],
    strange: Float32[np.ndarray, "half half"],
    oval: Float32[np.ndarray, "oval 3"],
    level: Float32[np.ndarray, "rows columns"],
    rotation: Float[np.ndarray, "3 3"],
    cell_meters: float,
) -> Ears:
    """Find the ears next to a face.

    An ear lies next to the face's outline, as high as ears, and looks more like skin than like hair; where
    these look alike, it juts out.

    Args:
        image: The canvas.
        matte: The person's coverage.
        strange: How little each pixel looks like the face's skin.
        oval: The face's outline, its places in pixels and its depths in metres.
        level: How far each cell lies below the ears' middle, metres.
        rotation: The head's, from head axes to the camera's.
        cell_meters: Size of a cell at the head's depth.
    """
    rows, columns = level.shape
    small, cover, odd = (
        cv2.resize(each.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
        for each in (image, matte, strange)
    )
    scale = len(image) / rows
    face = np.zeros(level.shape, np.uint8)
    cv2.fillPoly(face, [np.rint(oval[:, :2] / scale - 0.5).astype(np.int32)], 1)
    away = cv2.distanceTransform(1 - face, cv2.DIST_L2, 5) * np.float32(cell_meters)
    solid = (cover > 0.5) | (face > 0)
    outside = cv2.distanceTransform(solid.astype(np.uint8), cv2.DIST_L2, 5) * np.float32(cell_meters)
    around, left = solid & (face == 0), np.arange(columns) < oval[:, 0].mean() / scale
    near = around & (away < _WIDEST) & (level > _TOP) & (level < _BOTTOM)
    skin = _like_skin(small, around & (level < _HAIR_ABOVE) & (outside < _SCALP), face > 0)
    bumps = near & (without_ears(solid, cell_meters) == 0) & (odd < _STRANGE)
    beyond = around & skin & ((level < _TOP) | (away > _WIDEST))
    found = np.zeros_like(face)
    for side in (left, ~left):
        ear = _ear_like(near & skin & side, face, beyond, cell_meters)
        if not ear.any():
            bump = _ear_like(bumps & side, face, np.zeros_like(beyond), cell_meters)
            ear = (near & side & bump.any(1, keepdims=True)).astype(np.uint8)
        found |= ear
    seen = (cv2.morphologyEx(found, cv2.MORPH_CLOSE, _kernel(5)) > 0) & near
    depths, edge = np.zeros((2, rows, columns), np.float32)
    if not seen.any():
        return Ears(seen, depths, edge)
    places = np.argwhere(cv2.dilate(seen.astype(np.uint8), _kernel(15)))
    roots = KDTree(oval[:, :2] / scale - 0.5).query(places[:, ::-1])[1]
    depths[tuple(places.T)] = oval[roots, 2]
    whole = cv2.dilate(seen.astype(np.uint8), _kernel(5)) * solid
    for side, sign in ((left, -1), (~left, 1)):
        wide = cv2.GaussianBlur((away * whole * side).max(1), (1, 0), sigmaX=0.1, sigmaY=2)
        depths += side * (away / np.maximum(wide, _NARROWEST)).clip(0, 1) * _depth_of_edge(rotation, sign)
    share = smoothstep(away / (away + outside).clip(1e-6)) * cv2.dilate(seen.astype(np.uint8), _kernel(5))
    edge = cv2.GaussianBlur(share, (0, 0), _SOFT / cell_meters).astype(np.float32)
    return Ears(seen, depths, edge)


def _kernel(side: int) -> np.ndarray:
    return np.ones((side, side), np.uint8)


def _depth_of_edge(rotation: np.ndarray, side: int) -> float:
    """How far behind its root an ear's edge lies in the camera, metres; `side` is -1 on the image's left."""
    return float((rotation @ np.array([side * _OUTWARD, 0, _DEEPEST]))[2].clip(0))


def _like_skin(colors: np.ndarray, hair: np.ndarray, face: np.ndarray) -> Bool[np.ndarray, "rows columns"]:
    """What looks more like the face than like hair; nothing if these look alike."""
    lab = cv2.cvtColor(colors / 255, cv2.COLOR_RGB2LAB) * np.array((0.7, 1, 1), np.float32)
    if hair.sum() < _FEW:
        return np.zeros_like(hair)
    skin, dark = np.median(lab[face], 0), np.median(lab[hair], 0)
    if np.linalg.norm(skin - dark) < _APART:
        return np.zeros_like(hair)
    return ((lab - skin) ** 2).sum(-1) < ((lab - dark) ** 2).sum(-1)


def _ear_like(found: np.ndarray, face: np.ndarray, beyond: np.ndarray, cell_meters: float) -> np.ndarray:
    """Only parts that lie next to the face, are as large as an ear, and do not go on as hair does."""
    whole = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_OPEN, _kernel(3))
    _, labels, facts, _ = cv2.connectedComponentsWithStats(whole, connectivity=4)
    reach = round(_NEXT / cell_meters)
    touches, goes_on = (
        np.bincount(labels[cv2.dilate(each.astype(np.uint8), kernel) > 0], minlength=len(facts)) * cell_meters
        for each, kernel in ((face, _kernel(2 * reach + 1)), (beyond, _kernel(3)))
    )
    high = facts[:, cv2.CC_STAT_HEIGHT] * cell_meters > _LEAST_HEIGHT
    large = facts[:, cv2.CC_STAT_AREA] * cell_meters**2 > _LEAST_AREA
    kept = (touches > 0) & (goes_on < _ENDS) & high & large
    kept[0] = False
    return kept[np.asarray(labels, np.intp)].astype(np.uint8)
