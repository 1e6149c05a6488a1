"""Head poses of ours as those of the Basel face model under Deep3D's camera, and back."""

import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.geometry.basel.bfm import CAMERA_DISTANCE, FOCAL, PICTURE_SIZE
from cameo3d.geometry.basel.blendshapes import DECIMETRES
from cameo3d.geometry.cameras import CROP_FOCAL
from cameo3d.geometry.rotations import angles_from_matrices, matrices_from_angles

BASEL_ORIGIN = (0.0, -0.022, 0.021)
"""Where the Basel model's origin lies in our head's axes, metres: by the five points of `geometry.crops`."""
_FARTHER = (1.0, 1.0, FOCAL / PICTURE_SIZE / CROP_FOCAL)
"""Deep3D's lens is a little longer than EG3D's; its head is that much farther away."""


def deep3d_poses(
    rotation: Float[Tensor, "frames 3"], translation: Float[Tensor, "frames 3"]
) -> tuple[Float[Tensor, "frames 3"], Float[Tensor, "frames 3"]]:
    """Our yaw, pitch, roll and metres as Deep3D's angles and decimetres, so that the picture is the same."""
    turns, signs = matrices_from_angles(rotation), rotation.new_tensor(DECIMETRES).sign()
    origin = translation * rotation.new_tensor(_FARTHER) + turns @ rotation.new_tensor(BASEL_ORIGIN)
    moved = origin * rotation.new_tensor(DECIMETRES) + rotation.new_tensor((0, 0, CAMERA_DISTANCE))
    yaw, pitch, roll = angles_from_matrices(signs[:, None] * turns * signs).unbind(-1)
    return torch.stack((pitch, yaw, roll), dim=-1), moved


def head_poses(
    euler: Float[Tensor, "frames 3"], translation: Float[Tensor, "frames 3"]
) -> tuple[Float[Tensor, "frames 3"], Float[Tensor, "frames 3"]]:
    """Deep3D's angles about x, y and z and its decimetres as our yaw, pitch, roll and metres."""
    signs = euler.new_tensor(DECIMETRES).sign()
    rotation = torch.stack((euler[:, 1], euler[:, 0], euler[:, 2]), dim=-1) * signs[[1, 0, 2]]
    origin = (translation - euler.new_tensor((0, 0, CAMERA_DISTANCE))) / euler.new_tensor(DECIMETRES)
    offset = matrices_from_angles(rotation) @ euler.new_tensor(BASEL_ORIGIN)
    return rotation, (origin - offset) / euler.new_tensor(_FARTHER)
