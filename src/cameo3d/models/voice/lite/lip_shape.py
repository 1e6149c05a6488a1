"""How far the shipped face's lips are apart, and how wide its mouth is, for weights of `MOUTH_SHAPES`."""

import functools

from jaxtyping import Float
from torch import Tensor

from cameo3d.geometry.face_model import load_face_model
from cameo3d.models.voice.lite.motion_decoder import MOUTH_COLUMNS

_LIPS, _CORNERS, _EYES = (13, 14), (78, 308), (33, 263)


def lip_opening(weights: Float[Tensor, "*batch shapes"]) -> Float[Tensor, "*batch"]:
    """Distance of the inner lips' middles on the mean face, in distances of the eyes' outer corners."""
    return _distance(weights, *_LIPS)


def lip_width(weights: Float[Tensor, "*batch shapes"]) -> Float[Tensor, "*batch"]:
    """Distance of the mouth's inner corners, in the same unit."""
    return _distance(weights, *_CORNERS)


def _distance(weights: Tensor, one: int, other: int) -> Tensor:
    neutral, basis = _between(one, other)
    # The addend keeps the gradient finite where the lips touch.
    return ((neutral + weights @ basis).square().sum(-1) + 1e-8).sqrt()


@functools.cache
def _between(one: int, other: int) -> tuple[Float[Tensor, "3"], Float[Tensor, "shapes 3"]]:
    model = load_face_model()
    scale = (model.mean[_EYES[0]] - model.mean[_EYES[1]]).norm()
    basis = model.expression_basis[MOUTH_COLUMNS]
    return (model.mean[other] - model.mean[one]) / scale, (basis[:, other] - basis[:, one]) / scale
