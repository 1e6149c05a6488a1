"""Small pictures behind the openings of the face: eyeballs and the inside of the mouth."""

from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np
import torch
from jaxtyping import Float32, Int32, UInt8
from torch import Tensor

from cameo3d.geometry.rasterizer import rasterize
from cameo3d.imaging.cubic import look_up_cubic
from cameo3d.values.limits import IndexOf, Within


@dataclass(frozen=True)
class Patch:
    """A picture on a small sheet that moves rigidly. Its texture is aligned with the canvas."""

    left: Annotated[int, Within(0, 4096)]
    """Canvas pixels from the canvas's left border to the texture."""
    top: Annotated[int, Within(0, 4096)]
    texture: UInt8[Tensor, "height width 4"]
    positions: Annotated[Float32[Tensor, "vertices 3"], Within(-3, 3)]
    """Vertices at rest, in the crop camera's axes, metres."""
    points: Annotated[Float32[Tensor, "vertices 2"], Within(0, 4096)]
    """The same vertices on the texture, pixels."""
    triangles: Annotated[Int32[Tensor, "triangles 3"], IndexOf("vertices")]


def make_patch(
    left: int,
    top: int,
    texture: UInt8[np.ndarray, "height width 4"],
    depths: Float32[np.ndarray, "rows columns"],
    rays: Float32[np.ndarray, "rows_columns 3"],
) -> Patch:
    """Put a texture onto a lattice of depths.

    Args:
        left: Canvas pixels from the canvas's left border to the texture.
        top: The same from the upper border.
        texture: Colours and alpha.
        depths: Depth at the points of `lattice`, metres.
        rays: Directions at depth 1 of the same points.
    """
    rows, columns = depths.shape
    points = lattice(texture.shape[1], texture.shape[0], columns, rows).reshape(-1, 2)
    return Patch(
        left,
        top,
        torch.from_numpy(np.ascontiguousarray(texture)),
        torch.from_numpy((rays * depths.reshape(-1, 1)).astype(np.float32)),
        torch.from_numpy(points.astype(np.float32)),
        torch.from_numpy(grid_triangles(rows, columns)),
    )


def lattice(width: int, height: int, columns: int, rows: int) -> Float32[np.ndarray, "rows columns 2"]:
    """Evenly spaced positions over a picture, corners included, pixels."""
    x, y = np.meshgrid(np.linspace(0, width, columns), np.linspace(0, height, rows))
    return np.stack((x, y), -1).astype(np.float32)


def grid_triangles(rows: int, columns: int) -> Int32[np.ndarray, "triangles 3"]:
    """Triangles over points that are counted row by row."""
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b, c, d = (
        index[:-1, :-1].ravel(),
        index[:-1, 1:].ravel(),
        index[1:, :-1].ravel(),
        index[1:, 1:].ravel(),
    )
    return np.concatenate((np.column_stack((a, b, c)), np.column_stack((b, d, c))))


def texture_positions(
    patch: Patch, pixels: Float32[np.ndarray, "vertices 2"], box: tuple[int, int, int, int]
) -> Float32[np.ndarray, "height width 2"]:
    """Which texture position each pixel of a box of the output sees; far outside where it sees none.

    Args:
        patch: The patch.
        pixels: Its vertices in the output, pixels.
        box: Left, top, right and bottom of the box in the output.
    """
    left, top, right, bottom = box
    raster = rasterize(
        (pixels - (left, top)).astype(np.float32),
        np.ones(len(pixels), np.float32),
        patch.triangles.numpy(),
        patch.points.numpy(),
        bottom - top,
        right - left,
    )
    where = raster.attributes
    where[~np.isfinite(raster.depths)] = -1e4
    return where


def look_up(texture: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Read a texture at pixel positions, transparent outside."""
    return look_up_cubic(texture, np.ascontiguousarray(where, np.float32))


def soft_polygon(
    outline: Float32[np.ndarray, "corners 2"], box: tuple[int, int, int, int]
) -> Float32[np.ndarray, "height width"]:
    """Coverage of a polygon over a box of the output, with smooth edges."""
    left, top, right, bottom = box
    scale = 4  # Supersampling: OpenCV's own anti-aliasing draws the outline one pixel too fat.
    mask = np.zeros(((bottom - top) * scale, (right - left) * scale), np.uint8)
    corners = np.rint(((outline - (left, top)) * scale - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255, shift=4)
    return (
        cv2.resize(mask, (right - left, bottom - top), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    )
