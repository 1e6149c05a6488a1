"""Losses of the voice of Real3D-Portrait; all are means over frames that count."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from cameo3d.geometry.face_topology import EYES, LIPS, UPPER_LIDS

UNMATCHED = [93, 127, 132, 234, 323, 356, 361, 454]
"""Points of MediaPipe's mesh that no vertex of the Basel model matches."""


def point_weights() -> Float[Tensor, "468"]:
    """What each point of the mesh counts: eyes 3, upper lids 20, lips 5, unmatched ones nothing."""
    weights = torch.ones(468)
    weights[EYES] = 3.0
    weights[UPPER_LIDS] = 20.0
    weights[LIPS] = 5.0
    weights[UNMATCHED] = 0.0
    return weights


def frame_mean(values: Float[Tensor, "batch frames channels"], mask: Float[Tensor, "batch frames"]) -> Tensor:
    """The mean over channels and the frames that count."""
    return (values * mask[..., None]).sum() / (mask.sum() * values.shape[-1]).clamp(min=1)


def mesh_loss(
    points: Float[Tensor, "batch frames 468 3"],
    truth: Float[Tensor, "batch frames 468 3"],
    mask: Float[Tensor, "batch frames"],
) -> Float[Tensor, ""]:
    """Squared error of the mesh, weighted by point."""
    weights = point_weights().to(points.device)[:, None]
    return frame_mean(((points - truth).square() * weights).flatten(2), mask)


def bend_loss(
    values: Float[Tensor, "batch frames channels"], mask: Float[Tensor, "batch frames"]
) -> Float[Tensor, ""]:
    """Squared distance of each frame from the middle of its neighbours; beyond the ends there are zeros."""
    around = functional.pad(values, (0, 0, 1, 1))
    return frame_mean((values - (around[:, :-2] + around[:, 2:]) / 2).square(), mask)


def sync_loss(cosines: Float[Tensor, " batch"], in_step: Bool[Tensor, " batch"]) -> Float[Tensor, ""]:
    """Cross entropy of cosines, taken for the probability of being in step."""
    return functional.binary_cross_entropy(cosines.clamp(1e-7, 1 - 1e-7), in_step.to(cosines.dtype))


def annealed(weight: float, step: int, rises: int, stays: int) -> float:
    """A weight that rises from 0, stays, and begins again (Fu et al., NAACL 2019)."""
    return weight * min(1.0, step % (rises + stays) / rises)
