"""Where hair falls below the jaw: colours of hair, skin and clothes, spread as random walks would.

Each pixel is likely hair, skin or clothes by its colour and its place. A walker who starts there and seldom
crosses an edge of the picture meets one of them first (random walks with priors, Grady, CVPR 2005).
"""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8
from scipy import ndimage
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import splu

from cameo3d.geometry.face_topology import OVAL

Mask = Bool[np.ndarray, "side side"]
Lab = Float32[np.ndarray, "side side 3"]

_SIDE = 128
"""Pixels across the picture in which walkers walk."""
_TRUST = 0.02
"""How much a pixel's own likelihood counts against its neighbours."""
_SPREAD, _STRANGE = 9.0, 20.0
"""Of a colour around each main one, in Lab; and from where on a colour is none that was seen."""
_TONES = 5
"""Main colours of hair, skin and clothes, at most."""
_EDGE = 6.0
"""Difference in Lab that counts as an edge."""
_LEAST = 12
"""Pixels from which a kind's colours are learned."""
_BALD = 4.0
"""Difference in Lab between what is above the forehead and the cheeks below which a head is bald."""
_CHIN, _BROW, _BRIDGE, _ABOVE_LIP = 152, 9, 197, 164
_JAW = (58, 288)


class Parts(NamedTuple):
    """What of the picture is surely what."""

    hair: Bool[np.ndarray, "side side"]
    skin: Bool[np.ndarray, "side side"]
    clothes: Bool[np.ndarray, "side side"]


def below_the_jaw(
    image: UInt8[np.ndarray, "side side 3"],
    person: Bool[np.ndarray, "side side"],
    face: Bool[np.ndarray, "side side"],
    above: Bool[np.ndarray, "side side"],
    landmarks: Float32[np.ndarray, "478 3"],
) -> tuple[Bool[np.ndarray, "side side"], Bool[np.ndarray, "side side"]]:
    """Which pixels below the jaw are hair, and which are skin; the person's others are clothes.

    Args:
        image: The picture.
        person: Where the person is.
        face: The face's oval.
        above: What lies above the line of the jaw.
        landmarks: The face mesh in pixels of the picture.
    """
    side = len(image)
    small = cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    masks = (
        cv2.resize(x.astype(np.float32), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
        for x in (person, face, above)
    )
    within, inner, line = (x > 0.5 for x in masks)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)
    points = landmarks[:, :2] * (_SIDE / side)
    parts = _sure(lab, within, inner, line, points)
    likely = _likelihoods(lab, parts, points, _hangs(within & ~inner & line, points))
    met = _walked(lab, likely, parts, within)
    large = [cv2.resize(x, (side, side), interpolation=cv2.INTER_LINEAR) for x in met]
    hair, skin, clothes = large
    below = person & ~face & ~above
    is_hair = below & (hair >= np.maximum(skin, clothes))
    is_hair = _hanging(is_hair, above & person & ~face) & below
    return is_hair, below & ~is_hair & (skin > clothes)


def _sure(lab: Lab, within: Mask, inner: Mask, line: Mask, points: Float32[np.ndarray, "478 2"]) -> Parts:
    rows, columns = np.mgrid[:_SIDE, :_SIDE] + 0.5
    oval, chin = points[list(OVAL)], points[_CHIN]
    width, height = float(np.ptp(oval[:, 0])), float(np.ptp(oval[:, 1]))
    aside = np.abs(columns - chin[0])
    beyond = cv2.dilate(inner.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0
    near = np.hypot((columns - oval[:, 0].mean()) / width, (rows - oval[:, 1].mean()) / height) < 1.0
    hair = within & beyond & near & line & (rows < points[_BROW, 1] + 0.25 * height)
    skin = cv2.erode(inner.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    skin &= (rows > points[_BRIDGE, 1]) & (rows < points[_ABOVE_LIP, 1])  # cheeks and nose
    unlike = _distance(lab, _tones(lab[skin])) > _STRANGE if skin.any() else np.ones_like(skin)
    clothes = within & (rows > chin[1] + 0.55 * height) & (aside < 0.25 * width) & unlike
    if hair.sum() < _LEAST or not skin.any() or _middles_apart(lab, hair, skin) < _BALD:
        return Parts(np.zeros_like(hair), skin, clothes)
    # Hair may fall over the chest, too.
    unlike_hair = clothes & (_distance(lab, _tones(lab[hair])) > _SPREAD)
    return Parts(hair, skin, unlike_hair if unlike_hair.sum() >= _LEAST else clothes)


def _hangs(beside: Mask, points: Float32[np.ndarray, "478 2"]) -> Bool[np.ndarray, " side"]:
    """In which columns hair, or what is taken for it, reaches down to the jaw."""
    low = points[list(_JAW), 1].min()
    reach = max(2, round(0.15 * np.ptp(points[list(OVAL), 1])))
    columns = beside[max(0, int(low) - reach) : int(low) + 1].any(axis=0)
    wider = max(1, round(0.12 * np.ptp(points[list(OVAL), 0])))
    return ndimage.binary_dilation(columns, np.ones(2 * wider + 1, bool))


def _likelihoods(
    lab: Lab, parts: Parts, points: Float32[np.ndarray, "478 2"], hangs: Bool[np.ndarray, " side"]
) -> Float[np.ndarray, "3 side side"]:
    """How likely each pixel is hair, skin and clothes, by colour and place; they add up to 1."""
    rows, columns = np.mgrid[:_SIDE, :_SIDE] + 0.5
    oval, chin = points[list(OVAL)], points[_CHIN]
    width, height = float(np.ptp(oval[:, 0])), float(np.ptp(oval[:, 1]))
    aside, down = np.abs(columns - chin[0]) / width, (rows - chin[1]) / height
    strange = np.exp(-0.5 * (_STRANGE / _SPREAD) ** 2)
    colors = [_likeness(lab, _tones(lab[part])) if part.sum() >= _LEAST else None for part in parts]
    hair = np.zeros_like(aside) if colors[0] is None else colors[0]
    skin = colors[1] if colors[1] is not None else np.full_like(aside, strange)
    clothes = (
        np.maximum(0.7 * colors[2], strange) if colors[2] is not None else np.full_like(aside, 2 * strange)
    )
    # Hair falls below where it is beside the jaw; skin is the neck's and the shoulders'; clothes begin lower.
    falls = np.where(hangs, 1.0, 0.12) * np.where(aside < 0.2, 0.1, 1.0) * np.exp(-np.clip(down, 0, 3) / 1.2)
    neck = np.where(aside < 0.45 + 0.5 * np.clip(down, 0, 1), 0.8, 0.35)
    worn = np.clip(0.15 + 0.9 * down, 0.02, 0.9)
    likely = np.stack((hair * falls, skin * neck, clothes * worn)) + 1e-4
    return likely / likely.sum(axis=0)


def _walked(
    lab: Lab, likely: Float[np.ndarray, "3 side side"], parts: Parts, within: Mask
) -> list[Float32[np.ndarray, "side side"]]:
    """Shares of walkers from each pixel who meet hair, skin and clothes first; they stay on the person."""
    index = np.full(within.shape, -1)
    index[within] = np.arange(within.sum())
    ends, weights = [], []
    for axis in (0, 1):
        one = [slice(None)] * 2
        other = [slice(None)] * 2
        one[axis], other[axis] = slice(None, -1), slice(1, None)
        both = within[tuple(one)] & within[tuple(other)]
        apart = np.linalg.norm(lab[tuple(one)] - lab[tuple(other)], axis=2)[both]
        ends.append((index[tuple(one)][both], index[tuple(other)][both]))
        weights.append(np.exp(-0.5 * (apart / _EDGE) ** 2) + 1e-3)
    first, second = (np.concatenate(x) for x in zip(*ends, strict=True))
    strength, count = np.concatenate(weights), int(within.sum())
    joined = coo_matrix((strength, (first, second)), (count, count))
    joined = joined + joined.T
    trust, told = np.full(within.shape, _TRUST), likely.copy()
    for number, part in enumerate(parts):
        trust[part] = 1.0
        told[:, part] = np.eye(3)[number][:, None]
    own = trust[within]
    system = diags(np.asarray(joined.sum(axis=1)).ravel() + own) - joined
    solved = splu(system.tocsc()).solve((own * told[:, within]).T)
    met = np.zeros((3, *within.shape), np.float32)
    met[:, within] = solved.T
    return [met[0], met[1], met[2]]


def _hanging(hair: Mask, head: Mask) -> Mask:
    """Of what looks like hair, that which hangs on the head's."""
    _, parts = cv2.connectedComponents((hair | head).astype(np.uint8))
    return hair & np.isin(parts, np.unique(parts[head]))


def _middles_apart(lab: Lab, one: Mask, other: Mask) -> float:
    return float(np.linalg.norm(np.median(lab[one], axis=0) - np.median(lab[other], axis=0)))


def _likeness(lab: Lab, tones: Float32[np.ndarray, "tones 3"]) -> Float[np.ndarray, "side side"]:
    return np.exp(-0.5 * (_distance(lab, tones) / _SPREAD) ** 2)


def _distance(lab: Lab, tones: Float32[np.ndarray, "tones 3"]) -> Float[np.ndarray, "side side"]:
    """How far each colour is from the nearest main one; brightness counts half, since light varies."""
    return np.linalg.norm((lab[:, :, None] - tones) * (0.6, 1.0, 1.0), axis=3).min(axis=2)


def _tones(colors: Float32[np.ndarray, "pixels 3"]) -> Float32[np.ndarray, "tones 3"]:
    """The main colours."""
    count = min(_TONES, len(colors))
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 1.0)
    cv2.setRNGSeed(0)
    _, which, tones = cv2.kmeans(colors, count, np.empty(0), criteria, 1, cv2.KMEANS_PP_CENTERS)
    return tones[np.bincount(which[:, 0], minlength=count) > 0.06 * len(which)]
