"""Skin that is redrawn over what moved: a texture on a sheet between rows of points."""

import cv2
import numpy as np
from jaxtyping import Float, Real, UInt8

from cameo3d.geometry.rasterizer import rasterize
from cameo3d.models.relief.eyes import blend, box_around
from cameo3d.models.relief.patch import grid_triangles, look_up


def draw_sheet(
    output: UInt8[np.ndarray, "height width 4"],
    texture: UInt8[np.ndarray, "texture_height texture_width 4"],
    places: Float[np.ndarray, "rows columns 2"],
    heights: Real[np.ndarray, " rows"],
    shown: Float[np.ndarray, " columns"],
    soft: float = 0.0,
) -> None:
    """Draw a texture over a picture.

    Args:
        output: The picture to draw into, straight colours and alpha.
        texture: What is drawn; its columns are spread evenly over those of the sheet.
        places: The sheet's points in the output, pixels.
        heights: Where in the texture each row of points lies, pixels from its top.
        shown: How much of the texture is seen at each column, from 0 to 1.
        soft: Pixels of the output by which it is blurred.
    """
    points = places.reshape(-1, 2).astype(np.float32)
    box = box_around(points, output.shape[1], output.shape[0])
    if box is None or shown.max() < 0.02:
        return
    x, y = np.meshgrid(np.linspace(0, texture.shape[1], places.shape[1]), heights)
    corners = np.stack((x, y, np.broadcast_to(shown, x.shape)), -1).reshape(-1, 3)
    left, top, right, bottom = box
    seen = rasterize(
        points - np.array((left, top), np.float32),
        np.ones(len(points), np.float32),
        grid_triangles(*x.shape),
        corners.astype(np.float32),
        bottom - top,
        right - left,
    ).attributes
    drawn = look_up(texture, seen[..., :2])
    blend(output, cv2.GaussianBlur(drawn, (0, 0), soft) if soft else drawn, seen[..., 2], box)
