"""Where points in the crop camera's axes are seen in the crop."""

from jaxtyping import Float
from torch import Tensor

from cameo3d.geometry.cameras import crop_intrinsics


def projected(points: Float[Tensor, "*batch points 3"]) -> Float[Tensor, "*batch points 2"]:
    """Positions in [0, 1], y down."""
    image = points @ crop_intrinsics().mT
    return image[..., :2] / image[..., 2:]
