"""What a face expresses: 52 ARKit weights from the 478 landmarks of one frame."""

import functools

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from cameo3d.weights.shipped import load_tensors

STABLE = (
    *(33, 133, 263, 362),  # corners of the eyes
    *(168, 6, 197, 195, 5, 4),  # ridge of the nose
    *(10, 109, 338, 67, 297, 103, 332, 54, 284, 9, 151),  # forehead
    *(127, 356, 234, 454, 162, 389),  # temples
    *(129, 358),  # wings of the nose
)
"""Vertices that expressions hardly move; heads are aligned by them."""

_CAMERA_DISTANCE = 1.0
"""Metres from camera to head that every picture is taken to have; it decides how much near parts swell."""


def expression_scores(landmarks: Float32[np.ndarray, "*frames 478 3"]) -> Float32[np.ndarray, "*frames 52"]:
    """Read ARKit weights off landmarks, each frame by itself.

    They are the shipped network's estimates of the teacher's scores, calibrated so that a relaxed face has
    weights near zero and a shut eye an eyeBlink of one (docs/cards/expression.md).

    Args:
        landmarks: Face mesh and irises in pixels, z in the unit of x; any size, place and rotation in the
        image.

    Returns:
        Weights in [0, 1], in the order of `cameo3d.values.BLENDSHAPES`.
    """
    network = load_expression_net()
    with torch.inference_mode():
        return network.weights_from_scores(network(torch.from_numpy(landmarks))).numpy()


@functools.cache
def load_expression_net() -> "ExpressionNet":
    """Load the shipped network, once.

    Raises:
        WeightsError: If its file is missing or damaged.
    """
    network = ExpressionNet()
    network.load_state_dict({name: tensor.float() for name, tensor in load_tensors("expression").items()})
    return network.eval().requires_grad_(False)


class ExpressionNet(nn.Module):
    """Landmarks in head axes -> two hidden layers -> the teacher's 52 scores.

    Args:
        width: Size of the hidden layers.
    """

    target: Tensor
    center: Tensor
    spread: Tensor
    calibration: Tensor

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        size = 478 * 3 + 6
        self.register_buffer("target", torch.zeros(len(STABLE), 3))  # stable vertices of the mean face
        self.register_buffer("center", torch.zeros(size))
        self.register_buffer("spread", torch.ones(size))
        self.register_buffer("calibration", torch.tensor([[0.0], [1.0], [1.0]]).repeat(1, 52))
        self.layers = nn.Sequential(
            nn.Linear(size, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 52)
        )

    def forward(self, landmarks: Float[Tensor, "*frames 478 3"]) -> Float[Tensor, "*frames 52"]:
        """Estimate the teacher's scores, in [0, 1], of landmarks in pixels."""
        return self.logits(self.features(landmarks)).sigmoid()

    def features(self, landmarks: Float[Tensor, "*frames 478 3"]) -> Float[Tensor, "*frames features"]:
        """Landmarks in head axes, and two rows of the head's rotation."""
        points, camera_from_head = in_head_axes(landmarks, self.target)
        return torch.cat((points.flatten(-2), camera_from_head[..., 1:, :].flatten(-2)), -1)

    def logits(self, features: Float[Tensor, "*frames features"]) -> Float[Tensor, "*frames 52"]:
        """Scores before the sigmoid."""
        return self.layers((features - self.center) / self.spread)

    def weights_from_scores(self, scores: Float[Tensor, "*frames 52"]) -> Float[Tensor, "*frames 52"]:
        """Calibrate scores to weights in [0, 1].

        The calibration holds, shape by shape, the score of a relaxed face, the score at weight 1, and an
        exponent.
        """
        rest, full, power = self.calibration
        return ((scores - rest) / (full - rest)).clamp(0, 1) ** power


def in_head_axes(
    landmarks: Float[Tensor, "*frames points 3"], target: Float[Tensor, "stable 3"]
) -> tuple[Float[Tensor, "*frames points 3"], Float[Tensor, "*frames 3 3"]]:
    """Turn, shift and scale landmarks onto the stable vertices of a mean face (Procrustes, with scale).

    MediaPipe's landmarks are nearly a weak-perspective view with depth in the unit of x. So depth first tells
    each point's distance from a camera one metre away, and x and y are multiplied with it.

    Args:
        landmarks: The first 468 points, or all 478, in pixels or any other unit.
        target: The mean face's vertices `STABLE`, in metres.

    Returns:
        Points in head axes, metres, and rotations that turn head axes into camera axes.
    """
    middle = target.mean(0)
    size = (target - middle).norm()
    points = _centred(landmarks, size)
    nearness = 1 + points[..., 2:] / _CAMERA_DISTANCE
    points = _centred(torch.cat((points[..., :2] * nearness, points[..., 2:]), -1), size)
    u, _, vt = torch.linalg.svd(points[..., list(STABLE), :].mT @ (target - middle))
    flip = torch.ones_like(u[..., 0])
    flip[..., 2] = torch.linalg.det(u @ vt)
    camera_from_head = (u * flip[..., None, :]) @ vt
    return points @ camera_from_head + middle, camera_from_head


def _centred(points: Tensor, size: Tensor) -> Tensor:
    """Shift and scale points so that the stable ones have their mean at zero and the given size."""
    points = points - points[..., list(STABLE), :].mean(-2, keepdim=True)
    return points * (size / points[..., list(STABLE), :].flatten(-2).norm(dim=-1))[..., None, None]
