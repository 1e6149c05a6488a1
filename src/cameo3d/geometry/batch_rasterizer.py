"""A z-buffer rasteriser in PyTorch: many meshes of one topology at once, on any device."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

_SLACK = -1e-4
"""Closes cracks between neighbours, as in `cameo3d.geometry.rasterizer`."""
_NOTHING = torch.iinfo(torch.int64).max
_LOW_BITS = 0xFFFFFFFF


class BatchRaster(NamedTuple):
    """What each pixel sees."""

    attributes: Float[Tensor, "batch height width channels"]
    """Attributes of the nearest surface point; zero where nothing is hit."""
    depths: Float[Tensor, "batch height width"]
    """Depth of that point; infinite where nothing is hit."""
    fragments: Int64[Tensor, ""]
    """Pixels in the boxes around all triangles. If `slots` were fewer, the last triangles are missing."""


@torch.no_grad()
def rasterize_batch(
    points: Float[Tensor, "batch vertices 2"],
    depths: Float[Tensor, "batch vertices"],
    triangles: Int64[Tensor, "triangles 3"],
    attributes: Float[Tensor, "batch vertices channels"],
    height: int,
    width: int,
    slots: Int64[Tensor, " room"] | None = None,
) -> BatchRaster:
    """Draw meshes as `cameo3d.geometry.rasterizer.rasterize` does; no gradient flows.

    Every triangle is compared with all pixels of its bounding box at once, which suits meshes whose triangles
    are not much larger than pixels.

    Args:
        points: Positions in pixels; pixel `i` has its centre at `i + 0.5`.
        depths: Distance from the camera; the smallest wins, of equal ones the earlier triangle.
        triangles: Vertex indices, any orientation.
        attributes: What to interpolate, linear over the picture.
        height: Rows of the pictures.
        width: Columns of the pictures.
        slots: 0, 1, 2, ...: one for each fragment that there is room for; see `slots_for`. With them all
            shapes are fixed and no number is asked for, which a captured graph needs; without them the device
            is asked how many fragments there are.
    """
    x, y = (points[..., axis][:, triangles] - 0.5 for axis in (0, 1))  # batch triangles 3
    (left, columns), (top, rows) = _span(x, width), _span(y, height)
    area = _cross(_edge(x, y, 1), _edge(x, y, 2))
    counts = (columns * rows).masked_fill(area.abs() < 1e-9, 0).flatten()
    ends = counts.cumsum(0)
    if slots is None:
        slots = torch.arange(int(ends[-1]), device=points.device)

    # One fragment for each triangle and each pixel of its box; slots that are left over lie outside.
    starts = ends - counts
    marks = slots.new_zeros(len(slots) + 1)
    marks = marks.scatter_add(0, starts.clamp(max=len(slots)), torch.ones_like(starts))
    owner = marks[:-1].cumsum(0) - 1
    place = slots - starts[owner]
    across = columns.flatten()[owner].clamp(min=1)
    column, row = left.flatten()[owner] + place % across, top.flatten()[owner] + place // across
    x, y, area = x.flatten(0, 1), y.flatten(0, 1), area.flatten()
    weights = _weights(x[owner], y[owner], area[owner], column, row)
    inside = (weights >= _SLACK).all(dim=-1) & (place < counts[owner])

    batch, face = owner // len(triangles), owner % len(triangles)
    vertices = triangles[face] + (batch * points.shape[1])[:, None]
    far = (depths.float().flatten()[vertices] * weights).sum(dim=-1)
    cells = len(points) * height * width
    target = ((batch * height + row) * width + column).masked_fill(~inside, cells)
    first = far.new_full((cells + 1,), _NOTHING, dtype=torch.int64)
    first = first.scatter_reduce(0, target, (_ordered(far) << 32) + face, "amin")[:-1]

    hit = first != _NOTHING
    pixel = torch.arange(cells, device=points.device)
    face, batch = (first & _LOW_BITS).masked_fill(~hit, 0), pixel // (height * width)
    owner = batch * len(triangles) + face
    column, row = pixel % width, pixel // width % height
    weights = _weights(x[owner], y[owner], area[owner], column, row)
    vertices = triangles[face] + (batch * points.shape[1])[:, None]
    seen = (attributes.flatten(0, 1)[vertices] * weights[..., None]).sum(dim=1)
    shape = (len(points), height, width)
    return BatchRaster(
        seen.masked_fill(~hit[:, None], 0).unflatten(0, shape),
        _number(first >> 32).masked_fill(~hit, torch.inf).to(depths.dtype).unflatten(0, shape),
        ends[-1],
    )


def slots_for(fragments: int, device: torch.device) -> Int64[Tensor, " room"]:
    """Slots for half as many fragments again as were counted, in few different sizes."""
    return torch.arange(-(-fragments * 3 // 2 // 65536) * 65536, device=device)


def _span(
    corners: Float[Tensor, "batch triangles 3"], size: int
) -> tuple[Int64[Tensor, "batch triangles"], Int64[Tensor, "batch triangles"]]:
    """The first pixel of each triangle along one axis, and how many there are."""
    low = (corners.amin(dim=-1) - 1e-4).ceil().clamp(0, size).long()
    high = (corners.amax(dim=-1) + 1e-4).floor().clamp(-1, size - 1).long()
    return low, (high - low + 1).clamp(min=0)


def _weights(
    x: Float[Tensor, "fragments 3"],
    y: Float[Tensor, "fragments 3"],
    area: Float[Tensor, " fragments"],
    column: Int64[Tensor, " fragments"],
    row: Int64[Tensor, " fragments"],
) -> Float[Tensor, "fragments 3"]:
    """Barycentric coordinates of pixels' centres."""
    from_first = column - x[:, 0], row - y[:, 0]
    second = _cross(from_first, _edge(x, y, 2)) / area
    third = _cross(_edge(x, y, 1), from_first) / area
    return torch.stack((1 - second - third, second, third), dim=-1)


def _edge(x: Tensor, y: Tensor, corner: int) -> tuple[Tensor, Tensor]:
    """From the first corner to another."""
    return x[..., corner] - x[..., 0], y[..., corner] - y[..., 0]


def _cross(one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> Tensor:
    return one[0] * other[1] - one[1] * other[0]


def _ordered(numbers: Float[Tensor, " any"]) -> Int64[Tensor, " any"]:
    """Whole numbers of 32 bits in the same order, so that depth and triangle make one number to compare."""
    bits = (numbers + 0.0).view(torch.int32)
    return torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).long()


def _number(ordered: Int64[Tensor, " any"]) -> Float[Tensor, " any"]:
    bits = ordered.int()
    return torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).view(torch.float32)
