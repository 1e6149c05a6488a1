"""What an expression changes that a warped photo cannot know: corrected colours, from PNCC pictures.

Real3D-Portrait's motion adapter sees pictures of the face whose colours are coordinates (PNCC), GOHA's
expression branch a drawing of the face. In the small models PNCC pictures have warped the photo exactly; this
network sees them, the photo and the warped photo, and corrects teeth, lids, folds and shade.
"""

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor, nn

from cameo3d.blocks.small_unet import SmallUNet
from cameo3d.errors import WeightsError
from cameo3d.geometry.face_model import FaceModel
from cameo3d.geometry.face_topology import OPENINGS
from cameo3d.geometry.rasterizer import rasterize
from cameo3d.weights.shipped import load_tensors

SIZE = 128
"""Pixels across the square that the network sees."""
INPUTS = 15
"""The photo, the warped photo, and PNCC pictures of the neutral, the photo's and the new expression."""
_SOFT = 0.03
"""Share of the square over which corrections fade out at the face's border."""


class FacePncc:
    """Draws PNCC pictures of the shipped face model."""

    def __init__(self, model: FaceModel) -> None:
        mean = model.mean.numpy()
        low, high = mean.min(0), mean.max(0)
        self._colors = ((mean - low) / (high - low)).astype(np.float32)
        self.depths = np.ascontiguousarray(self._colors[:, 2])
        self._triangles = model.triangles.numpy().astype(np.int32)
        self.closed = np.concatenate((self._triangles, np.array(OPENINGS, np.int32)))

    def draw(self, points: Float32[np.ndarray, "468 2"]) -> Float32[np.ndarray, "size size 3"]:
        """Coordinates of the mean face in [0, 1]; zero around the face and in its openings.

        Args:
            points: The face's vertices in the square, pixels.
        """
        return rasterize(points, self.depths, self._triangles, self._colors, SIZE, SIZE).attributes

    def cover(self, points: Float32[np.ndarray, "468 2"]) -> Float32[np.ndarray, "size size"]:
        """1 on the face's skin, softly going to 0 at its border and towards openings."""
        ones = np.ones((len(points), 1), np.float32)
        face = rasterize(points, self.depths, self.closed, ones, SIZE, SIZE).attributes[..., 0]
        inner = cv2.erode(face, np.ones((3, 3)), iterations=round(_SOFT * SIZE))
        skin = rasterize(points, self.depths, self._triangles, ones, SIZE, SIZE).attributes[..., 0]
        return cv2.GaussianBlur(inner, (0, 0), _SOFT * SIZE / 2) * skin_share(face - skin)


def skin_share(
    holes: Float32[np.ndarray, "size size"],
) -> Float32[np.ndarray, "size size"]:
    """How much of each pixel is no opening; what is behind openings the prior draws more sharply."""
    return 1 - cv2.GaussianBlur(cv2.dilate(holes, np.ones((3, 3))), (0, 0), 0.8)


def conditions(
    photo: UInt8[np.ndarray, "size size 3"],
    warped: UInt8[np.ndarray, "size size 3"],
    maps: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> Float[Tensor, "15 size size"]:
    """What the network sees, in [-1, 1].

    Args:
        photo: The face's square of the photo.
        warped: The same of the page with the new expression.
        maps: PNCC pictures of the neutral, the photo's and the new expression.
    """
    pictures = np.dstack((photo, warped)).astype(np.float32) / 127.5 - 1
    coordinates = np.dstack(maps) * 2 - 1
    return torch.from_numpy(np.dstack((pictures, coordinates)).transpose(2, 0, 1).astype(np.float32))


class FaceCorrection(nn.Module):
    """The network. A new one corrects nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.network = SmallUNet(INPUTS, 3)

    def forward(
        self, seen: Float[Tensor, "batch 15 size size"], cover: Float[Tensor, "batch 1 size size"]
    ) -> Float[Tensor, "batch 3 size size"]:
        """What to add to the colours of the page, of which 2 is the whole range."""
        return self.network(seen) * cover


def load_face_correction() -> FaceCorrection:
    """The shipped network.

    Raises:
        WeightsError: If the file is missing, damaged, or of another layout.
    """
    tensors = {name: tensor.float() for name, tensor in load_tensors("face_correction").items()}
    network = FaceCorrection()
    expected = {name: tensor.shape for name, tensor in network.state_dict().items()}
    if {name: tensor.shape for name, tensor in tensors.items()} != expected:
        raise WeightsError("The face correction has another layout than expected; install cameo3d again.")
    network.load_state_dict(tensors)
    return network.eval().requires_grad_(False)
