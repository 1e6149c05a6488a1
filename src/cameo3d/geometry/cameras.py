"""Pinhole cameras in OpenCV axes with intrinsics divided by the image size."""

import torch
from jaxtyping import Float
from torch import Tensor

CROP_FOCAL = 2985.29 / 700
"""Focal length of the EG3D head-and-shoulders crop, as a fraction of its side (Chan et al., CVPR 2022)."""

CROP_DISTANCE = 1.0
"""Metres from that camera to the head. EG3D's 2.7 world units are one metre."""


def crop_intrinsics() -> Float[Tensor, "3 3"]:
    """Of the camera of an aligned crop, which looks along z from the origin of its own axes.

    Focal length and principal point are divided by the crop's side; pixel `i` of `n` has `(i + 0.5) / n`.
    """
    return torch.tensor([[CROP_FOCAL, 0.0, 0.5], [0.0, CROP_FOCAL, 0.5], [0.0, 0.0, 1.0]])
