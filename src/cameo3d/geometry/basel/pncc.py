"""PNCC pictures: pictures of an unposed face whose colours say which part of the mean face is where.

Real3D-Portrait calls them PNCC or SECC images; they tell its motion adapter how identity and expression look.
"""

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from cameo3d.geometry.basel.bfm import CAMERA_DISTANCE, FOCAL, PICTURE_SIZE
from cameo3d.geometry.compiled import compiled
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
        self._first = triangles[0].numpy()
        self._colors = np.concatenate((colors.numpy(), np.zeros((3, 3), np.float32)))
        self._triangles = triangles.numpy().astype(np.int32)
        self._triangles[0] = len(colors) + np.arange(3)
        self._size = size

    def __call__(self, shape: Float[Tensor, "vertices 3"]) -> Float[Tensor, "3 size size"]:
        """Draw one face.

        Args:
            shape: The face before it is posed, in axes and units of `cameo3d.geometry.basel.bfm`.

        Returns:
            Colours in [-1, 1]; -1 outside the face and in its holes.
        """
        vertices = shape.numpy()
        vertices = np.concatenate((vertices, vertices[self._first]))
        nearness = 1 / (CAMERA_DISTANCE - vertices[:, 2:])
        points = vertices[:, :2] * nearness * np.array((FOCAL, -FOCAL), np.float32) / PICTURE_SIZE + 0.5
        # Seen through a lens, not colours but colours over depth run linearly over the picture.
        linear = np.concatenate((2 * self._colors * nearness, nearness), axis=1)
        drawn = rasterize(
            points * np.float32(self._size), -nearness[:, 0], self._triangles, linear, self._size, self._size
        )
        planes = np.empty((3, self._size, self._size), np.float32)
        _divide(drawn.attributes, planes)
        return torch.from_numpy(planes)


@compiled
def _divide(linear, planes):
    for row in range(linear.shape[0]):
        for column in range(linear.shape[1]):
            weight = linear[row, column, 3]
            scale = 1 / weight if weight > 0 else 0.0
            for k in range(3):
                planes[k, row, column] = linear[row, column, k] * scale - 1
