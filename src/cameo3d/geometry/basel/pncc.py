"""PNCC pictures: pictures of an unposed face whose colours say which part of the mean face is where.

Real3D-Portrait calls them PNCC or SECC images; they tell its motion adapter how identity and expression look.
"""

import copy

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from cameo3d.geometry.basel.bfm import CAMERA_DISTANCE, FOCAL, PICTURE_SIZE
from cameo3d.geometry.batch_rasterizer import rasterize_batch
from cameo3d.geometry.compiled import compiled, may_loop
from cameo3d.geometry.rasterizer import rasterize

MAP_SIZE = 512
"""Side in pixels of the maps that the released weights expect."""


class PnccRenderer:
    """Draws PNCC pictures of one mesh.

    Args:
        colors: Of each vertex, in [0, 1].
        triangles: The mesh, with holes where a map is black. The official code takes the first triangle
            for background, and so does this.
        size: Side of the maps in pixels.
    """

    def __init__(
        self,
        colors: Float[Tensor, "vertices 3"],
        triangles: Int64[Tensor, "triangles 3"],
        size: int = MAP_SIZE,
    ) -> None:
        # Black copies of the first triangle's corners: it hides what is behind it, but has no colour.
        self._first, self._size = triangles[0], size
        self._colors = torch.cat((colors, torch.zeros_like(colors[:3])))
        own = len(colors) + torch.arange(3, device=triangles.device)
        self._triangles = torch.cat((own[None], triangles[1:]))
        self._loops = (
            (self._triangles.numpy().astype(np.int32), self._colors.numpy()) if may_loop(colors) else None
        )

    def to(self, device: torch.device) -> "PnccRenderer":
        """The same on another device."""
        other = copy.copy(self)
        for name in ("_first", "_colors", "_triangles"):
            setattr(other, name, getattr(self, name).to(device))
        return other

    def __call__(self, shape: Float[Tensor, "vertices 3"]) -> Float[Tensor, "3 size size"]:
        """Draw one face where its vertices are.

        Args:
            shape: The face before it is posed, in axes and units of `cameo3d.geometry.basel.bfm`.

        Returns:
            Colours in [-1, 1]; -1 outside the face and in its holes.
        """
        if self._loops is None or not may_loop(shape):
            return self.draw(shape)[0]
        triangles, colors = self._loops
        points, nearness = (x.numpy() for x in self._seen(shape))
        linear = np.concatenate((2 * colors * nearness, nearness), axis=1)
        drawn = rasterize(points, -nearness[:, 0], triangles, linear, self._size, self._size)
        planes = np.empty((3, self._size, self._size), np.float32)
        _divide(drawn.attributes, planes)
        return torch.from_numpy(planes)

    def draw(
        self, shape: Float[Tensor, "vertices 3"], slots: Int64[Tensor, " room"] | None = None
    ) -> tuple[Float[Tensor, "3 size size"], Int64[Tensor, ""]]:
        """Draw one face by PyTorch's operations, on any device.

        Args:
            shape: See `__call__`.
            slots: Room for a fixed number of fragments; see `rasterize_batch`.

        Returns:
            The same colours, and how many fragments needed room.
        """
        points, nearness = self._seen(shape)
        linear = torch.cat((2 * self._colors * nearness, nearness), dim=1)
        drawn = rasterize_batch(
            points[None], -nearness[None, :, 0], self._triangles, linear[None], self._size, self._size, slots
        )
        seen = drawn.attributes[0].permute(2, 0, 1)
        return seen[:3] * (1 / seen[3]).masked_fill(seen[3] <= 0, 0) - 1, drawn.fragments

    def _seen(
        self, shape: Float[Tensor, "vertices 3"]
    ) -> tuple[Float[Tensor, "more 2"], Float[Tensor, "more 1"]]:
        """Pixels of all vertices, and one over their distances.

        Seen through a lens, not colours but colours over distance run linearly over the picture.
        """
        vertices = torch.cat((shape, shape[self._first]))
        nearness = 1 / (CAMERA_DISTANCE - vertices[:, 2:])
        x, y = (sign * FOCAL / PICTURE_SIZE * vertices[:, axis] for axis, sign in ((0, 1), (1, -1)))
        return (torch.stack((x, y), dim=-1) * nearness + 0.5) * self._size, nearness


@compiled
def _divide(linear, planes):
    for row in range(linear.shape[0]):
        for column in range(linear.shape[1]):
            weight = linear[row, column, 3]
            scale = 1 / weight if weight > 0 else 0.0
            for k in range(3):
                planes[k, row, column] = linear[row, column, k] * scale - 1
