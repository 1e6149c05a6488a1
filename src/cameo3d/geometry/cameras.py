"""Pinhole cameras in OpenCV axes with intrinsics divided by the image size."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

CROP_FOCAL = 2985.29 / 700
"""Focal length of the EG3D head-and-shoulders crop, as a fraction of its side (Chan et al., CVPR 2022)."""

CROP_DISTANCE = 1.0
"""Metres from that camera to the head. EG3D's 2.7 world units are one metre."""


@dataclass(frozen=True)
class Cameras:
    """One camera, or a batch of them."""

    world_from_camera: Float[Tensor, "*batch 4 4"]
    """Rigid transform from camera axes (x right, y down, z forward) to the world, in metres."""
    intrinsics: Float[Tensor, "*batch 3 3"]
    """Focal lengths and principal point, divided by the image's width (x) and height (y)."""

    def project(self, points: Float[Tensor, "*batch points 3"]) -> Float[Tensor, "*batch points 2"]:
        """Project world points to image positions in [0, 1], y down; pixel `i` of `n` has `(i + 0.5) / n`."""
        camera_from_world = torch.linalg.inv(self.world_from_camera)
        seen = points @ camera_from_world[..., :3, :3].mT + camera_from_world[..., None, :3, 3]
        image = seen @ self.intrinsics.mT
        return image[..., :2] / image[..., 2:]


def crop_camera() -> Cameras:
    """The camera of an aligned crop: at the world's origin, looking along z, with EG3D's focal length."""
    intrinsics = torch.tensor([[CROP_FOCAL, 0.0, 0.5], [0.0, CROP_FOCAL, 0.5], [0.0, 0.0, 1.0]])
    return Cameras(torch.eye(4), intrinsics)
