"""From a picture of a face to the coefficients of the Basel face model (Deep3DFaceRecon)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cameo3d.blocks.images import resize
from cameo3d.blocks.resnet import ResNet
from cameo3d.geometry.basel.bfm import PICTURE_SIZE, FaceCoefficients


class FaceRegressor(nn.Module):
    """A ResNet-50 and one linear map for each kind of coefficient."""

    def __init__(self, width: int = 64):
        super().__init__()
        self.backbone = ResNet((3, 4, 6, 3), width, bottleneck=True)
        # Translation is read by two heads: x and y, then z.
        self.heads = nn.ModuleList(nn.Conv2d(32 * width, outputs, 1) for outputs in (80, 64, 80, 3, 27, 2, 1))

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> FaceCoefficients:
        """Read coefficients off images in [-1, 1] of any size."""
        picture = (resize(image, PICTURE_SIZE, PICTURE_SIZE) + 1) / 2
        return FaceCoefficients.from_vectors(self.regress(picture))

    def regress(self, picture: Float[Tensor, "batch 3 224 224"]) -> Float[Tensor, "batch 257"]:
        """All coefficients of pictures in [0, 1]."""
        pooled = self.backbone(picture)[-1].mean(dim=(2, 3), keepdim=True)
        return torch.cat([head(pooled) for head in self.heads], dim=1).flatten(1)
