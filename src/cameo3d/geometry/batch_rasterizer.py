"""A z-buffer rasteriser in PyTorch: many meshes of one topology at once, on any device."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

_SLACK = -1e-4
"""Closes cracks between neighbours, as in `cameo3d.geometry.rasterizer`."""


@torch.no_grad()
def rasterize_batch(
    points: Float[Tensor, "batch vertices 2"],
    depths: Float[Tensor, "batch vertices"],
    triangles: Int64[Tensor, "triangles 3"],
    attributes: Float[Tensor, "batch vertices channels"],
    height: int,
    width: int,
) -> tuple[Float[Tensor, "batch {height} {width} channels"], Float[Tensor, "batch {height} {width}"]]:
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

    Returns:
        Attributes of the nearest surface point, zero where nothing is hit, and its depth, infinite there.
    """
    corners = points[:, triangles] - 0.5
    bound = corners.new_tensor((width, height))
    low = (corners.amin(dim=2) - 1e-4).ceil().clamp(min=0).minimum(bound).long()
    high = (corners.amax(dim=2) + 1e-4).floor().clamp(min=-1).minimum(bound - 1).long()
    spans = (high - low + 1).clamp(min=0)
    area = _cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
    counts = torch.where(area.abs() < 1e-9, 0, spans.prod(dim=-1)).flatten()

    # One fragment for each triangle and each pixel of its box.
    owner = torch.arange(len(counts), device=points.device).repeat_interleave(counts)
    place = torch.arange(len(owner), device=points.device) - (counts.cumsum(0) - counts)[owner]
    columns = spans[..., 0].flatten()[owner]
    pixel = low.flatten(0, 1)[owner] + torch.stack((place % columns, place // columns), dim=-1)
    weights = _weights(corners.flatten(0, 1)[owner], area.flatten()[owner], pixel)
    inside = (weights >= _SLACK).all(dim=-1)
    owner, pixel, weights = owner[inside], pixel[inside], weights[inside]

    batch, face = owner // len(triangles), owner % len(triangles)
    vertices = triangles[face] + (batch * points.shape[1])[:, None]
    fragment_depths = (depths.flatten()[vertices] * weights).sum(dim=-1)
    target = (batch * height + pixel[:, 1]) * width + pixel[:, 0]
    cells = len(points) * height * width
    nearest = depths.new_full((cells,), torch.inf).scatter_reduce(0, target, fragment_depths, "amin")
    front = fragment_depths == nearest[target]
    first = face.new_full((cells,), len(triangles)).scatter_reduce(0, target[front], face[front], "amin")
    won = front & (face == first[target])
    drawn = attributes.new_zeros(cells, attributes.shape[-1])
    seen = attributes.flatten(0, 1)[vertices[won]] * weights[won][..., None]
    drawn[target[won]] = seen.sum(dim=1)
    shape = (len(points), height, width)
    return drawn.unflatten(0, shape), nearest.unflatten(0, shape)


def _weights(
    corners: Float[Tensor, "fragments 3 2"],
    area: Float[Tensor, " fragments"],
    pixel: Int64[Tensor, "fragments 2"],
) -> Float[Tensor, "fragments 3"]:
    """Barycentric coordinates of pixels' centres."""
    a, b, c = corners.unbind(dim=1)
    from_a = pixel.to(corners.dtype) - a
    second = _cross(from_a, c - a) / area
    third = _cross(b - a, from_a) / area
    return torch.stack((1 - second - third, second, third), dim=-1)


def _cross(one: Float[Tensor, "*any 2"], other: Float[Tensor, "*any 2"]) -> Float[Tensor, "*any"]:
    return one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]
