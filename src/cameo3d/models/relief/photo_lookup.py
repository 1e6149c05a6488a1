"""From a coarse rendering of where things were in a photo to a picture as sharp as the photo."""

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from cameo3d.blocks.frustum_kernel import RayTracer, Seen
from cameo3d.geometry.compiled import compiled
from cameo3d.imaging.cubic import look_up_cubic

STRIDE = 4
"""Pixels of the picture between neighbouring rays, where the surface is smooth."""
_FOLD = 2.5
"""Neighbours whose places lie so many times too far apart see different surfaces."""


class Correspondence(NamedTuple):
    """Where in the photo every pixel of a frame looks."""

    places: Float32[np.ndarray, "height width 2"]
    """On the canvas, from 0 to 1."""
    cover: Float32[np.ndarray, "height width"]
    """How much of the pixel the surface covers."""
    through: Float32[np.ndarray, "height width 4"]
    """What is seen through soft borders: cover, place, and whether it is the back, which has own colours."""
    coarse: Seen
    """What the coarse grid of rays saw."""


def correspond(
    tracer: RayTracer, across: Float32[np.ndarray, " width"], down: Float32[np.ndarray, " height"]
) -> Correspondence:
    """Trace every fourth ray of a picture both ways, and all of them where surfaces end.

    Args:
        tracer: Of the frame.
        across: x / z of each column in the crop camera.
        down: y / z of each row.
    """
    width, height = len(across), len(down)
    seen = tracer.grid(_centers(across), _centers(down))
    known = seen.opacity > 0.5
    places = enlarge(_continued(np.where(known[..., None], seen.places, 0), known), width, height)
    cover = enlarge(known.astype(np.float32), width, height)
    edges = _edges(seen, known, across)
    blocks = np.repeat(np.repeat(edges, STRIDE, 0), STRIDE, 1)[:height, :width]
    through = np.zeros((height, width, 4), np.float32)
    rows, columns = np.nonzero(blocks)
    fine = tracer.rays(across[columns], down[rows])
    met = fine[:, 0] > 0.02
    places[rows[met], columns[met]] = fine[met, 1:3]
    cover[rows, columns], through[rows, columns] = fine[:, 0], fine[:, 5:9]
    # A back that nothing soft is before counts as seen through nothing.
    bare = fine[:, 4] > 0.5
    through[rows[bare], columns[bare]] = fine[bare][:, [0, 1, 2, 4]]
    cover[rows[bare], columns[bare]] = 0
    through[..., 0] = cv2.blur(through[..., 0], (3, 3))
    return Correspondence(places, cv2.blur(cover.clip(0, 1), (3, 3)), through, seen)


def look_up_photo(
    found: Correspondence, page: UInt8[np.ndarray, "side side 4"]
) -> UInt8[np.ndarray, "height width 4"]:
    """The page as the frame sees it, straight colours; alpha is the page's."""
    where = found.places * np.float32(page.shape[0])
    return _soften_folds(
        look_up_cubic(page, where), where, np.float32(_FOLD * page.shape[0] / found.places.shape[0])
    )


def lay_over_rest(
    image: UInt8[np.ndarray, "height width 4"],
    found: Correspondence,
    page: UInt8[np.ndarray, "side side 4"],
    back: UInt8[np.ndarray, "canvas canvas 4"],
    firm: float,
) -> None:
    """Lay a frame over what is seen through its soft borders, in place.

    Args:
        image: The frame, straight colours.
        found: Where it looks.
        page: The photo.
        back: The colours of the person's back.
        firm: By how much the photo's coverage is multiplied.
    """
    cover = found.through[..., 0]
    rows, columns = np.flatnonzero(cover.any(1)), np.flatnonzero(cover.any(0))
    if not len(rows):
        return
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    front, through = image[part], found.through[part]
    places = np.ascontiguousarray(through[..., 1:3])
    rest, behind = (_looked_up(each, places) for each in (page, back))
    colors = np.where(through[..., 3:] > 0.5, behind, rest)[..., :3]
    alpha = front[..., 3:] / np.float32(255)
    share = (rest[..., 3:] * np.float32(firm / 255)).clip(0, 1) * through[..., :1] * (1 - alpha)
    total = alpha + share
    mixed = (front[..., :3] * alpha + colors * share) / total.clip(1e-6)
    front[..., :3] = np.where(share > 0, np.rint(mixed), front[..., :3])
    front[..., 3:] = np.rint(255 * total)


def _looked_up(picture: np.ndarray, places: np.ndarray) -> np.ndarray:
    across, down = cv2.split(places * np.float32(len(picture)) - np.float32(0.5))
    return cv2.remap(picture, across, down, cv2.INTER_LINEAR)


def enlarge(
    coarse: Float32[np.ndarray, "rows columns *channels"], width: int, height: int
) -> Float32[np.ndarray, "height width *channels"]:
    """Bring what coarse rays saw to every pixel, by cubic splines that keep straight what is straight."""
    flat = coarse.reshape(*coarse.shape[:2], -1)
    down, across = (
        _spline(count)[:size] for count, size in zip(flat.shape[:2], (height, width), strict=True)
    )
    parts = [down @ flat[..., k] @ across.T for k in range(flat.shape[2])]
    return np.ascontiguousarray(np.stack(parts, -1).reshape(height, width, *coarse.shape[2:]))


@lru_cache
def _spline(count: int) -> Float32[np.ndarray, "fine count"]:
    """Catmull and Rom's weights of coarse values in every pixel; beyond the border lines go on."""
    if count < 2:
        return np.ones((STRIDE * count, count), np.float32)
    places = (np.arange(STRIDE * count) + 0.5) / STRIDE - 0.5
    base = np.floor(places).astype(int)
    t = places - base
    weights = np.zeros((len(places), count + 4))
    taps = (
        (-t + 2 * t**2 - t**3) / 2,
        (2 - 5 * t**2 + 3 * t**3) / 2,
        (t + 4 * t**2 - 3 * t**3) / 2,
        (-(t**2) + t**3) / 2,
    )
    for step, tap in zip((-1, 0, 1, 2), taps, strict=True):
        weights[np.arange(len(places)), base + step + 2] += tap
    inner = weights[:, 2:-2].copy()
    for outer, distance in ((1, 1), (0, 2)):
        inner[:, 0] += weights[:, outer] * (1 + distance)
        inner[:, 1] -= weights[:, outer] * distance
        inner[:, -1] += weights[:, -1 - outer] * (1 + distance)
        inner[:, -2] -= weights[:, -1 - outer] * distance
    return inner.astype(np.float32)


def _centers(fine: np.ndarray) -> np.ndarray:
    """The direction in the middle of each group of pixels."""
    step = fine[1] - fine[0]
    return (fine[0] + step * (np.arange(0, len(fine), STRIDE) + (STRIDE - 1) / 2)).astype(np.float32)


def _edges(
    seen: Seen, known: Bool[np.ndarray, "rows columns"], across: np.ndarray
) -> Bool[np.ndarray, "rows columns"]:
    """Which squares lie where one surface ends and another, or nothing, begins."""
    jump = np.zeros(known.shape, np.float32)
    for axis in (0, 1):
        step = np.abs(np.diff(seen.places, axis=axis)).sum(-1)
        below = np.diff(known.astype(np.int8), axis=axis) != 0
        # Places of smooth surfaces go on as they came: what counts is how their step changes.
        bent = np.maximum(step, 0) + 10 * below
        first = (slice(None, -1), slice(None)) if axis == 0 else (slice(None), slice(None, -1))
        last = (slice(1, None), slice(None)) if axis == 0 else (slice(None), slice(1, None))
        jump[first] = np.maximum(jump[first], bent)
        jump[last] = np.maximum(jump[last], bent)
    usual = (
        np.median(np.abs(np.diff(seen.places[..., 0], axis=1))[known[:, 1:] & known[:, :-1]])
        if known.any()
        else 1.0
    )
    second = cv2.dilate(((seen.through[..., 0] > 0) | (seen.behind > 0.5)).astype(np.uint8), np.ones((3, 3)))
    is_edge = (jump > _FOLD * max(float(usual), 1e-6)) | ((seen.opacity > 0.02) & (seen.opacity < 0.98))
    return is_edge | (second > 0)


def _continued(
    places: Float32[np.ndarray, "rows columns 2"], known: Bool[np.ndarray, "rows columns"]
) -> Float32[np.ndarray, "rows columns 2"]:
    """Places for two squares beyond the known ones, so that no place is mixed with none."""
    weight = known.astype(np.float32)
    for _ in range(2):
        total = cv2.blur(places * weight[..., None], (3, 3), borderType=cv2.BORDER_REPLICATE)
        share = cv2.blur(weight, (3, 3), borderType=cv2.BORDER_REPLICATE)
        grown = (share > 0.05) & (weight == 0)
        places = np.where(grown[..., None], total / np.maximum(share, 1e-6)[..., None], places)
        weight = np.where(grown, 1, weight).astype(np.float32)
    return places.astype(np.float32)


@compiled
def _soften_folds(image, where, limit):
    """Blur the picture where one surface hides another, so that the edge is no staircase."""
    result = image.copy()
    height, width = image.shape[:2]
    for row in range(1, height - 1):
        for column in range(1, width - 1):
            u, v = where[row, column, 0], where[row, column, 1]
            jump = max(
                abs(where[row, column + 1, 0] - u) + abs(where[row, column + 1, 1] - v),
                abs(where[row + 1, column, 0] - u) + abs(where[row + 1, column, 1] - v),
                abs(where[row, column - 1, 0] - u) + abs(where[row, column - 1, 1] - v),
                abs(where[row - 1, column, 0] - u) + abs(where[row - 1, column, 1] - v),
            )
            if jump < limit:
                continue
            for k in range(4):
                total = 0
                for down in range(-1, 2):
                    for right in range(-1, 2):
                        weight = (2 - abs(down)) * (2 - abs(right))
                        total += weight * image[row + down, column + right, k]
                result[row, column, k] = np.uint8(total // 16)
    return result
