"""A z-buffer rasteriser for triangle meshes on the CPU."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int32

from cameo3d.geometry.compiled import compiled


class Raster(NamedTuple):
    """What each pixel sees."""

    attributes: Float32[np.ndarray, "height width channels"]
    """Attributes of the nearest surface point; zero where nothing is hit."""
    depths: Float32[np.ndarray, "height width"]
    """Depth of that point; infinite where nothing is hit."""


def rasterize(
    points: Float32[np.ndarray, "vertices 2"],
    depths: Float32[np.ndarray, " vertices"],
    triangles: Int32[np.ndarray, "triangles 3"],
    attributes: Float32[np.ndarray, "vertices channels"],
    height: int,
    width: int,
) -> Raster:
    """Draw triangles with attributes that run linearly over the picture plane.

    Linear in the picture rather than perspective-correct: for the small triangles of a head seen from a
    metre away the difference stays below a hundredth of a pixel.

    Args:
        points: Positions in pixels; pixel `i` has its centre at `i + 0.5`.
        depths: Distance from the camera; the smallest wins.
        triangles: Vertex indices, any orientation.
        attributes: What to interpolate, for instance texture coordinates.
        height: Rows of the picture.
        width: Columns of the picture.
    """
    image = np.zeros((height, width, attributes.shape[1]), np.float32)
    nearest = np.full((height, width), np.inf, np.float32)
    # Views would be compiled apart.
    arrays = (np.ascontiguousarray(each) for each in (points, depths, triangles, attributes))
    _fill(*arrays, image, nearest)
    return Raster(image, nearest)


@compiled
def _fill(points, depths, triangles, attributes, image, nearest):
    height, width, channels = image.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay = points[a, 0] - 0.5, points[a, 1] - 0.5
        bx, by = points[b, 0] - 0.5, points[b, 1] - 0.5
        cx, cy = points[c, 0] - 0.5, points[c, 1] - 0.5
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(area) < 1e-9:
            continue
        top = max(int(np.ceil(min(ay, by, cy) - 1e-4)), 0)
        bottom = min(int(np.floor(max(ay, by, cy) + 1e-4)), height - 1)
        left_most = max(int(np.ceil(min(ax, bx, cx) - 1e-4)), 0)
        right_most = min(int(np.floor(max(ax, bx, cx) + 1e-4)), width - 1)
        if bottom < top or right_most < left_most:
            continue
        inverse = 1.0 / area
        # Barycentric weights are linear in x and y; the slack closes cracks between neighbours.
        wb_x, wb_y = (cy - ay) * inverse, -(cx - ax) * inverse
        wc_x, wc_y = -(by - ay) * inverse, (bx - ax) * inverse
        slack = -1e-4
        for row in range(top, bottom + 1):
            wb_row = (row - ay) * wb_y - ax * wb_x
            wc_row = (row - ay) * wc_y - ax * wc_x
            for column in range(left_most, right_most + 1):
                wb = wb_row + column * wb_x
                wc = wc_row + column * wc_x
                wa = 1.0 - wb - wc
                if wa < slack or wb < slack or wc < slack:
                    continue
                depth = wa * depths[a] + wb * depths[b] + wc * depths[c]
                if depth >= nearest[row, column]:
                    continue
                nearest[row, column] = depth
                for k in range(channels):
                    image[row, column, k] = (
                        wa * attributes[a, k] + wb * attributes[b, k] + wc * attributes[c, k]
                    )
