"""From a field of colours and densities to a surface with coloured vertices, by marching cubes."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from skimage.measure import marching_cubes
from torch import Tensor

from cameo3d.errors import InputError
from cameo3d.values.mesh import Mesh

LEVEL = 10.0
"""Density before its activation at which EG3D's own shapes are cut (Chan et al., CVPR 2022)."""
UNIT_METRES = 1 / 2.7
"""Metres in EG3D's unit of length."""

Field = Callable[
    [Float[Tensor, "1 points 3"]], tuple[Float[Tensor, "1 points colors"], Float[Tensor, "1 points"]]
]
"""Colours in [0, 1], of which the first three are RGB, and densities before their activation."""


@torch.inference_mode()
def density_mesh(
    field: Field, box_side: float, resolution: int, device: torch.device, level: float = LEVEL
) -> Mesh:
    """Cut a field in a cube around the origin where its density passes a level.

    Args:
        field: In a world whose y grows upwards and whose z grows to the viewer.
        box_side: Of the cube, in EG3D's units.
        resolution: Points along each side of the cube.
        device: Where the field computes.
        level: Density before its activation.

    Raises:
        InputError: If the density passes the level nowhere.
    """
    across = (torch.arange(resolution, device=device) + 0.5) / resolution * box_side - box_side / 2
    y, z = (x.flatten() for x in torch.meshgrid(across, across, indexing="ij"))
    densities = np.empty((resolution, resolution, resolution), np.float32)
    for index, x in enumerate(across):
        points = torch.stack((x.expand_as(y), y, z), dim=-1)[None]
        densities[index] = field(points)[1][0].float().cpu().numpy().reshape(resolution, resolution)
    low, high = float(densities.min()), float(densities.max())
    if not low < level < high:
        raise InputError(
            f"Densities lie between {low:.3g} and {high:.3g} and nowhere pass {level:g}; give another level."
        )
    # A border of nothing closes the surface where it meets the cube.
    densities = np.pad(densities, 1, constant_values=min(low, level - 1))
    corners, triangles, *_ = marching_cubes(densities, level, gradient_direction="ascent")
    places = ((corners - 0.5) / resolution * box_side - box_side / 2).astype(np.float32)
    colors = [
        field(part[None].to(device))[0][0, :, :3].float().cpu()
        for part in torch.from_numpy(places).split(resolution**2)
    ]
    shown = (torch.cat(colors).clamp(0, 1) * 255).round().to(torch.uint8)
    vertices = torch.from_numpy(places * np.float32(UNIT_METRES))
    return Mesh(vertices, torch.from_numpy(np.ascontiguousarray(triangles, np.int32)), shown)
