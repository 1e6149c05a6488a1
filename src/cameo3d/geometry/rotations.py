"""Rotations as three angles and as matrices, in OpenCV axes (x right, y down, z forward)."""

import torch
from jaxtyping import Float
from torch import Tensor


def matrices_from_angles(angles: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Turn (yaw, pitch, roll) into rotation matrices `Rz(roll) Ry(yaw) Rx(pitch)`.

    Args:
        angles: Radians. Positive yaw turns the nose to the left of the image, positive pitch
            turns it down, positive roll turns the head clockwise as the camera sees it.

    Returns:
        Matrices that act on column vectors.
    """
    (sy, sx, sz), (cy, cx, cz) = angles.sin().unbind(-1), angles.cos().unbind(-1)
    rows = (
        torch.stack((cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx), -1),
        torch.stack((sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx), -1),
        torch.stack((-sy, cy * sx, cy * cx), -1),
    )
    return torch.stack(rows, -2)


def angles_from_matrices(rotations: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3"]:
    """Read (yaw, pitch, roll) in radians off rotation matrices; yaw lies within a quarter turn."""
    yaw = -rotations[..., 2, 0].clamp(-1, 1).asin()
    pitch = torch.atan2(rotations[..., 2, 1], rotations[..., 2, 2])
    roll = torch.atan2(rotations[..., 1, 0], rotations[..., 0, 0])
    return torch.stack((yaw, pitch, roll), -1)
