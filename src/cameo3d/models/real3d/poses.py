"""Head poses of Deep3D's face model as EG3D cameras, and how the official inference smooths them."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

CAMERA_DISTANCE = 10.0
"""From the face model's camera to its origin, in the model's unit of a decimetre."""

WORLD_SCALE = 0.27
"""EG3D world units in one unit of the face model."""

HEAD_OFFSET = (0.0, 0.006, 0.161)
"""Where the face model's origin lies in EG3D's world."""


def camera_of_pose(
    euler: Float[Tensor, "frames 3"], translation: Float[Tensor, "frames 3"]
) -> Float[Tensor, "frames 4 4"]:
    """World from camera, in OpenCV axes and EG3D's world units, for a head that rests in the world.

    Args:
        euler: Rotations about x, y and z in radians, as Deep3D fits them.
        translation: Of the face model in its camera's axes, in decimetres.
    """
    rotation = pose_rotation(euler)
    away = translation - translation.new_tensor((0, 0, CAMERA_DISTANCE))
    pose = torch.eye(4, dtype=euler.dtype, device=euler.device).repeat(len(euler), 1, 1)
    # The face model's y points up and its z to the camera.
    pose[:, :3, :3] = rotation * rotation.new_tensor((1, -1, -1))
    offset = rotation.new_tensor(HEAD_OFFSET)
    pose[:, :3, 3] = -(rotation @ away[..., None])[..., 0] * WORLD_SCALE + offset
    return pose


def pose_rotation(euler: Float[Tensor, "frames 3"]) -> Float[Tensor, "frames 3 3"]:
    """Deep3D's rotation for row vectors: the transpose of Rz Ry Rx."""
    (cx, cy, cz), (sx, sy, sz) = euler.cos().unbind(-1), euler.sin().unbind(-1)
    one, nil = torch.ones_like(cx), torch.zeros_like(cx)

    def matrix(*entries: Tensor) -> Tensor:
        return torch.stack(entries, dim=-1).unflatten(-1, (3, 3))

    about_x = matrix(one, nil, nil, nil, cx, -sx, nil, sx, cx)
    about_y = matrix(cy, nil, sy, nil, one, nil, -sy, nil, cy)
    about_z = matrix(cz, -sz, nil, sz, cz, nil, nil, nil, one)
    return (about_z @ about_y @ about_x).mT


def smooth_cameras(
    eg3d_from_camera: Float[Tensor, "frames 4 4"], window: int = 7
) -> Float[Tensor, "frames 4 4"]:
    """Mean camera of each frame's neighbours, the window cut off at both ends.

    Positions are averaged, rotations by their chordal mean.
    """
    reach = window // 2
    smoothed = eg3d_from_camera.clone()
    for frame in range(len(eg3d_from_camera)):
        near = eg3d_from_camera[max(frame - reach, 0) : frame + reach + 1].mean(dim=0)
        left, _, right = torch.linalg.svd(near[:3, :3])
        handed = torch.ones(3, dtype=near.dtype, device=near.device)
        handed[2] = torch.linalg.det(left @ right).sign()
        smoothed[frame, :3, :3] = (left * handed) @ right
        smoothed[frame, :3, 3] = near[:3, 3]
    return smoothed


def smooth_points(points: Float[Tensor, "frames values"], window: int = 7) -> Float[Tensor, "frames values"]:
    """Mean over a window of frames; beyond both ends the clip is mirrored with its edge frame repeated."""
    reach = window // 2
    extended = torch.cat((points[:reach].flip(0), points, points[-reach:].flip(0)))
    return functional.avg_pool1d(extended.mT[None], window, stride=1)[0].mT
