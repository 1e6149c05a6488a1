"""Eyeballs: the photo's own iris and white, completed behind the lids, and moved by the gaze."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from cameo3d.geometry.compiled import compiled
from cameo3d.geometry.face_topology import (
    LEFT_IRIS,
    LEFT_LID_LOWER,
    LEFT_LID_UPPER,
    RIGHT_IRIS,
    RIGHT_LID_LOWER,
    RIGHT_LID_UPPER,
)
from cameo3d.imaging.inpainting import fill_holes
from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.patch import Patch, lattice, look_up, make_patch, soft_polygon, texture_positions
from cameo3d.values.limits import Within

EYEBALL_RADIUS = 0.012
"""Metres."""
LIDS = ((LEFT_LID_UPPER, LEFT_LID_LOWER), (RIGHT_LID_UPPER, RIGHT_LID_LOWER))
"""Upper and lower lid of the left, then the right eye."""
_IRISES = (LEFT_IRIS, RIGHT_IRIS)
_ROWS, _COLUMNS = 5, 7
_UNDER, _OVER = 0.07, 0.03
"""How far from the edges of upper and lower lid their shadow, and lashes, lie on an eye, in its widths."""
_WIDER = 0.3
"""Share of the photo's opening by which lids open further until nothing of those is seen."""
_LASH_LINE = 0.75
"""Light that lashes, and the lid, take away next to the edge of a lid that is wider open."""
_SHADOW, _SHADOW_REACH = 0.4, 0.07
"""Light that a closing lid takes away next to its edge, and how far that reaches, in widths of the eye."""


@dataclass(frozen=True)
class Eye:
    """One eyeball."""

    patch: Patch
    iris: Annotated[Float32[Tensor, "3"], Within(0.25, 4096)]
    """Centre and radius of the iris on the patch's texture, pixels."""


def make_eye(
    side: int,
    image: UInt8[np.ndarray, "height width 3"],
    landmarks: Float32[np.ndarray, "478 3"],
    depths: Float32[np.ndarray, " 468"],
    rays: Callable[[np.ndarray], np.ndarray],
) -> Eye:
    """Cut an eyeball out of the photo.

    Args:
        side: 0 for the left eye, 1 for the right one.
        image: The canvas.
        landmarks: Landmarks on the canvas, pixels.
        depths: Depths of the face's vertices, metres.
        rays: From canvas positions to directions at depth 1.
    """
    upper, lower = LIDS[side]
    outline = np.concatenate((landmarks[list(upper), :2], landmarks[list(lower[1:-1])[::-1], :2]))
    low, high = outline.min(0), outline.max(0)
    width = high[0] - low[0]
    left, top = np.floor(low - (0.35 * width, 0.55 * width)).astype(int)
    right, bottom = np.ceil(high + (0.35 * width, 0.55 * width)).astype(int)
    left, top = max(left, 0), max(top, 0)
    part = image[top:bottom, left:right].astype(np.float32)
    ring = landmarks[list(_IRISES[side]), :2] - (left, top)
    center = ring[0]
    radius = float(np.linalg.norm(ring[1:] - center, axis=1).mean()) * 1.06
    inside = soft_polygon((outline - (left, top)).astype(np.float32), (0, 0, part.shape[1], part.shape[0]))
    filled = _complete(part, inside, center, radius)
    texture = np.dstack((filled, np.full(filled.shape[:2], 255, np.uint8)))

    points = lattice(part.shape[1], part.shape[0], _COLUMNS, _ROWS)
    # A flat sheet through the lids: parallax inside the opening is below a pixel.
    corners = list(upper) + list(lower[1:-1])
    plane, *_ = np.linalg.lstsq(
        np.column_stack((landmarks[corners, :2], np.ones(len(corners)))), depths[corners], rcond=None
    )
    on_canvas = points.reshape(-1, 2) + (left, top)
    sheet = (np.column_stack((on_canvas, np.ones(len(on_canvas)))) @ plane).reshape(_ROWS, _COLUMNS)
    patch = make_patch(int(left), int(top), texture, sheet.astype(np.float32), rays(on_canvas))
    return Eye(patch, torch.tensor([center[0], center[1], radius], dtype=torch.float32))


def bare_eye(
    eye: Eye, points: Float32[np.ndarray, "468 2"], side: int
) -> UInt8[np.ndarray, "height width 4"]:
    """An eyeball's texture without the shadow, and the lashes, that lids leave on it next to their edges.

    Args:
        eye: The eyeball.
        points: The face's vertices on the canvas, pixels.
        side: 0 for the left eye, 1 for the right one.
    """
    upper, lower = LIDS[side]
    outline = points[[*upper, *lower[-2:0:-1]]] - np.array((eye.patch.left, eye.patch.top), np.float32)
    across = outline[len(upper) - 1] - outline[0]
    down = np.array((-across[1], across[0])) * np.sign(across[0])
    texture = eye.patch.texture.numpy()
    box = (0, 0, texture.shape[1], texture.shape[0])
    inside = np.minimum(
        *(soft_polygon((outline + share * down).astype(np.float32), box) for share in (_UNDER, -_OVER))
    )
    center, radius = eye.iris[:2].numpy(), float(eye.iris[2])
    filled = _complete(texture[..., :3].astype(np.float32), inside, center, radius)
    return np.dstack((filled, texture[..., 3]))


def draw_eye(
    output: UInt8[np.ndarray, "height width 4"],
    eye: Eye,
    pixels: Float32[np.ndarray, "vertices 2"],
    outline: Float32[np.ndarray, "corners 2"],
    shift: Float32[np.ndarray, "2"],
    closed: float = 0.0,
    bare: UInt8[np.ndarray, "texture_height texture_width 4"] | None = None,
) -> None:
    """Draw an eyeball into the opening of its lids.

    Args:
        output: The picture to draw into, straight colours and alpha.
        eye: The eyeball.
        pixels: The patch's vertices in the output.
        outline: The opening between the lids in the output.
        shift: How far the iris moves, in texture pixels.
        closed: How far the lids have closed since the photo, from 0 to 1; the upper one's shadow goes along.
            Below 0 they are wider open.
        bare: `bare_eye`, which is seen the more the wider they are.
    """
    box = box_around(outline, output.shape[1], output.shape[0])
    if box is None:
        return
    mask = soft_polygon(outline, box)
    where = texture_positions(eye.patch, pixels, box)
    center, radius = eye.iris[:2].numpy(), float(eye.iris[2])
    distance = np.linalg.norm(where - (center + shift), axis=-1) / radius
    fade = smoothstep(1 - (distance - 1.1) / 1.7)
    where = where - shift * fade[..., None].astype(np.float32)
    texture, wider = eye.patch.texture.numpy(), min(1.0, max(0.0, -closed / _WIDER - 0.02))
    if bare is not None and wider > 0:
        texture = cv2.addWeighted(texture, 1 - wider, bare, wider, 0)
    seen = look_up(texture, where)
    shadow = _SHADOW * closed if closed > 0 else _LASH_LINE * wider
    if shadow > 0:
        soft = _SHADOW_REACH * float(np.ptp(outline[:, 0]))
        below = cv2.GaussianBlur(np.maximum.accumulate(mask, 0), (0, 0), soft)
        light = 1 - 2 * shadow * (1 - below).clip(0, 0.5)
        seen[..., :3] = np.rint(seen[..., :3] * light[..., None])
    blend(output, seen, mask, box)


def box_around(outline: np.ndarray, width: int, height: int) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of the pixels that an outline touches; none if it lies outside."""
    left, top, right, bottom = _bounds(outline)
    left, top = max(math.floor(left) - 2, 0), max(math.floor(top) - 2, 0)
    right, bottom = min(math.ceil(right) + 2, width), min(math.ceil(bottom) + 2, height)
    return (left, top, right, bottom) if right > left and bottom > top else None


@compiled
def _bounds(points):
    left, top = right, bottom = points[0, 0], points[0, 1]
    for i in range(1, len(points)):
        left, right = min(left, points[i, 0]), max(right, points[i, 0])
        top, bottom = min(top, points[i, 1]), max(bottom, points[i, 1])
    return left, top, right, bottom


def blend(output: np.ndarray, image: np.ndarray, mask: np.ndarray, box: tuple[int, int, int, int]) -> None:
    """Lay an image with alpha over a box of the output, where the mask allows."""
    _blend(output, image, np.ascontiguousarray(mask, np.float32), box)


@compiled
def _blend(output, image, mask, box):
    left, top = box[0], box[1]
    for row in range(mask.shape[0]):
        for column in range(mask.shape[1]):
            weight = mask[row, column] * np.float32(image[row, column, 3]) / np.float32(255)
            if weight > 0:
                for k in range(3):
                    before = np.float32(output[top + row, left + column, k])
                    mixed = before + (np.float32(image[row, column, k]) - before) * weight
                    output[top + row, left + column, k] = np.uint8(np.rint(mixed))


def _complete(part: np.ndarray, inside: np.ndarray, center: np.ndarray, radius: float) -> np.ndarray:
    """Continue white and iris behind the lids, or whatever else does not count as inside."""
    height, width = part.shape[:2]
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    distance = np.hypot(x - center[0], y - center[1]) / radius
    # Lashes and shadow lie along the edge; trust only what is a little inside.
    safe = cv2.erode(inside, np.ones((3, 3))) > 0.9
    white = fill_holes(part, ~safe | (distance < 1.15))
    bins = np.minimum((distance * 12).astype(int), 14)
    known = safe & (distance < 1.2)
    counts = np.bincount(bins[known], minlength=15).clip(1e-6)
    rings = np.stack(
        [np.bincount(bins[known], part[..., k][known], minlength=15) / counts for k in range(3)], -1
    )
    filled_rings = rings.copy()
    for i in range(15):
        if counts[i] < 1:
            filled_rings[i] = filled_rings[i - 1] if i else part[known].mean(0) if known.any() else 60
    position = np.clip(distance * 12 - 0.5, 0, 14)
    low = np.floor(position).astype(int)
    share = (position - low)[..., None]
    iris = filled_rings[low] * (1 - share) + filled_rings[np.minimum(low + 1, 14)] * share
    edge = np.clip((1.12 - distance) / 0.14, 0, 1)[..., None]
    behind = white + (iris - white) * edge
    keep = np.clip(cv2.GaussianBlur(inside, (0, 0), 1.0) * 2, 0, 1)[..., None]
    return (behind + (part - behind) * keep).clip(0, 255).astype(np.uint8)
