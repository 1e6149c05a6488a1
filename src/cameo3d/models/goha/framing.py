"""GOHA's cameras and crops: from Deep3D's coefficients, and from head poses of ours.

The network only knows heads in the middle of the picture, seen from a distance of 2.7 units. So a head that
moves turns the camera, and where it is in the picture, and how large, is done to the finished frame.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from cameo3d.geometry.basel.bfm import CAMERA_DISTANCE, FaceCoefficients, deep3d_rotation
from cameo3d.geometry.cameras import CROP_FOCAL, crop_intrinsics
from cameo3d.geometry.rotations import angles_from_matrices, matrices_from_angles
from cameo3d.imaging.framing import cut, paste, soften
from cameo3d.values import Crop

RADIUS = 2.7
"""Distance of every camera from the world's origin, in EG3D's world units."""
_REGRESSOR_SHARE = 96 / 102
"""Side of the square that Deep3D was trained on over that of EG3D's crop around the same head."""
_PERIOD, _PI = 240, 3.14
"""Frames of one round of the demo's camera, and the number that it takes for half a turn."""
_FLIP = (1.0, -1.0, -1.0)
"""Between OpenCV's axes and those with y up and z to the viewer."""


class Placement(NamedTuple):
    """Where a frame that shows a centred head lies over the crop."""

    across: float
    """Of its centre from the crop's, in sides of the crop, to the right."""
    down: float
    scale: float
    """Its side over the crop's."""


def regressor_crop(crop: Crop) -> Crop:
    """The square on which Deep3D reads poses, around the same centre as EG3D's crop."""
    return replace(crop, side=crop.side * _REGRESSOR_SHARE)


def cut_square(
    picture: Shaped[np.ndarray, "height width *channels"], crop: Crop, size: int
) -> Shaped[np.ndarray, "{size} {size} *channels"]:
    """Resample a square of a picture; beyond the picture's border its edge goes on."""
    return cut(soften(picture, size / crop.side), crop, size, "lanczos", "edge")


def label_of(coefficients: FaceCoefficients) -> Float[Tensor, "batch 4 4"]:
    """World from camera of faces that Deep3D saw in `regressor_crop`, as GOHA's preparation makes it.

    EG3D's own labels move the origin into the head; GOHA's do not.
    """
    rotation = deep3d_rotation(coefficients.angles)
    offset = coefficients.translation - coefficients.translation.new_tensor((0, 0, CAMERA_DISTANCE))
    position = -(rotation @ offset[..., None])[..., 0]
    pose = torch.eye(4).to(rotation).repeat(len(rotation), 1, 1)
    pose[:, :3, :3] = rotation * rotation.new_tensor(_FLIP)
    pose[:, :3, 3] = RADIUS * torch.nn.functional.normalize(position, dim=-1)
    return pose


def lens(batch: int = 1) -> Float[Tensor, "{batch} 3 3"]:
    """Intrinsics of every camera: those of the crop."""
    return crop_intrinsics().expand(batch, 3, 3)


def moving_view(frame: int) -> Float[Tensor, "4 4"]:
    """World from camera of the release's demo, which goes around the head once in 240 frames."""
    turn = 2 * _PI * (frame % _PERIOD) / _PERIOD
    across, up = _PI / 2 + 0.35 * math.sin(turn), _PI / 2 - 0.05 + 0.25 * math.cos(turn)
    pivot = torch.tensor((0.0, 0.0, 0.2))
    polar = math.acos(1 - 2 * up / math.pi)
    around = math.pi - across
    position = RADIUS * torch.tensor(
        (math.sin(polar) * math.cos(around), math.cos(polar), math.sin(polar) * math.sin(around))
    )
    forward = torch.nn.functional.normalize(pivot - position, dim=0)
    right = -torch.nn.functional.normalize(torch.linalg.cross(torch.tensor((0.0, 1.0, 0.0)), forward), dim=0)
    down = torch.nn.functional.normalize(torch.linalg.cross(forward, right), dim=0)
    pose = torch.eye(4)
    pose[:3, :3], pose[:3, 3] = torch.stack((right, down, forward), dim=1), position
    return pose


def turned(
    eg3d_from_camera: Float[Tensor, "4 4"], photo: Float[Tensor, "3"], now: Float[Tensor, "3"]
) -> Float[Tensor, "4 4"]:
    """The photo's camera as it sees the head after it has turned.

    Args:
        eg3d_from_camera: Of the photo.
        photo: Yaw, pitch and roll of the head in the photo, radians.
        now: Of the head as it should be seen.
    """
    turn = eg3d_from_camera[:3, :3] @ matrices_from_angles(photo) @ matrices_from_angles(now).mT
    pose = eg3d_from_camera.clone()
    pose[:3, :3] = turn
    # The head stays where it was in the camera's own axes.
    pose[:3, 3] = turn @ (eg3d_from_camera[:3, :3].mT @ eg3d_from_camera[:3, 3])
    return pose


def head_rotation(
    eg3d_from_camera: Float[Tensor, "4 4"], photo: Float[Tensor, "3"], driver: Float[Tensor, "4 4"]
) -> Float[Tensor, "3"]:
    """Yaw, pitch and roll with which `turned` gives a driver's own camera, as far as it turns.

    Args:
        eg3d_from_camera: Of the photo.
        photo: Yaw, pitch and roll of the head in the photo, radians.
        driver: World from camera of the driver's picture, by `label_of`.
    """
    return angles_from_matrices(driver[:3, :3].mT @ eg3d_from_camera[:3, :3] @ matrices_from_angles(photo))


def placed(photo: Float[Tensor, "3"], now: Float[Tensor, "3"]) -> Placement:
    """Where the frame lies when the head has moved; both are head origins in the crop camera's axes."""
    shift = CROP_FOCAL * (now[:2] / now[2] - photo[:2] / photo[2])
    scale = float(photo[2] / now[2])
    # The head itself is not in the frame's middle: scaling moves it, too.
    shift = shift + (1 - scale) * CROP_FOCAL * photo[:2] / photo[2]
    return Placement(float(shift[0]), float(shift[1]), scale)


def centred_crop(crop: Crop, usual: Float[Tensor, "3"], now: Float[Tensor, "3"]) -> Crop:
    """The square around a head that has moved, from the one around it where it usually is."""
    return _moved(crop, placed(usual, now))


def paste_placed(
    frame: Shaped[np.ndarray, "side side channels"],
    crop: Crop,
    place: Placement,
    width: int,
    height: int,
    edge: bool,
) -> Shaped[np.ndarray, "{height} {width} channels"]:
    """Put a frame where it belongs in a picture.

    Args:
        frame: Shows the crop when the head is where it was in the photo.
        crop: Where that is, in pixels of the picture.
        place: Where the frame lies over the crop.
        width: Of the picture.
        height: Of the picture.
        edge: Whether the frame's edge goes on beyond it; else there is nothing.
    """
    side = frame.shape[0]
    at = _moved(crop, place)
    if (at.side, at.center_x, at.center_y, width, height) == (side, side / 2, side / 2, side, side):
        return frame
    return paste(frame, at, width, height, "linear", "edge" if edge else "black")


def _moved(crop: Crop, place: Placement) -> Crop:
    return Crop(
        crop.center_x + place.across * crop.side,
        crop.center_y + place.down * crop.side,
        crop.side * place.scale,
    )
