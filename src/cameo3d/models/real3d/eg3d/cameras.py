"""Cameras around a head that look at it, as EG3D draws them."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.geometry.cameras import CROP_FOCAL

LOOKED_AT = (0.0, 0.0, 0.2)
"""Where cameras look, in EG3D's world units: a little in front of the head's middle."""


def orbit_cameras(
    pitch: Float[Tensor, " batch"],
    yaw: Float[Tensor, " batch"],
    distance: Float[Tensor, " batch"],
) -> Float[Tensor, "batch 25"]:
    """Cameras on a sphere that look at `LOOKED_AT`: the pose, row by row, then the intrinsics.

    Args:
        pitch: Radians; heights are spread so that even draws would cover the sphere evenly.
        yaw: Radians; 0 is in front.
        distance: From the origin, in world units.
    """
    about = yaw + math.pi / 2
    down = torch.arccos((1 - 2 * (pitch + math.pi / 2) / math.pi).clamp(-1, 1))
    position = distance[:, None] * torch.stack(
        (down.sin() * (math.pi - about).cos(), down.cos(), down.sin() * (math.pi - about).sin()), dim=1
    )
    forward = torch.nn.functional.normalize(position.new_tensor(LOOKED_AT) - position, dim=1)
    up = position.new_tensor((0.0, 1.0, 0.0)).expand_as(forward)
    right = -torch.nn.functional.normalize(torch.linalg.cross(up, forward), dim=1)
    below = torch.nn.functional.normalize(torch.linalg.cross(forward, right), dim=1)
    pose = torch.eye(4, dtype=position.dtype, device=position.device).repeat(len(position), 1, 1)
    pose[:, :3] = torch.stack((right, below, forward, position), dim=2)
    return camera_vectors(pose)


def camera_vectors(eg3d_from_camera: Float[Tensor, "batch 4 4"]) -> Float[Tensor, "batch 25"]:
    """EG3D's 25 numbers of poses in OpenCV axes, with the intrinsics of its crop."""
    inner = eg3d_from_camera.new_tensor((CROP_FOCAL, 0, 0.5, 0, CROP_FOCAL, 0.5, 0, 0, 1))
    return torch.cat((eg3d_from_camera.flatten(1), inner.expand(len(eg3d_from_camera), -1)), dim=1)


def drawn_cameras(
    generator: torch.Generator, count: int, pitch: float, yaw: float, near: float, far: float
) -> Float[Tensor, "count 25"]:
    """Cameras drawn evenly within an angle of the front, in degrees, and between two distances."""

    def even(low: float, high: float) -> Tensor:
        return torch.rand(count, generator=generator) * (high - low) + low

    up, aside = (even(-math.radians(most), math.radians(most)) for most in (pitch, yaw))
    return orbit_cameras(up, aside, even(near, far))
