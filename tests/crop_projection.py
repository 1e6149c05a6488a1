"""Where points in the crop camera's axes are seen in the crop, and in the picture."""

import numpy as np
from jaxtyping import Float
from torch import Tensor

from cameo3d.geometry.cameras import crop_intrinsics
from cameo3d.values import Crop


def projected(points: Float[Tensor, "*batch points 3"]) -> Float[Tensor, "*batch points 2"]:
    """Positions in [0, 1], y down."""
    image = points @ crop_intrinsics().mT
    return image[..., :2] / image[..., 2:]


def pixels_from_crop(positions: Float[np.ndarray, "*points 2"], crop: Crop) -> Float[np.ndarray, "*points 2"]:
    """From positions in the crop to pixels of the picture; undoes `crop_from_pixels`."""
    corner = np.array((crop.center_x, crop.center_y), positions.dtype) - positions.dtype.type(crop.side / 2)
    return positions * positions.dtype.type(crop.side) + corner
