"""Networks of Real3D-Portrait that draw the head alone, in the layout of the official checkpoints."""

from collections.abc import Mapping

import torch
from torch import Tensor

from cameo3d.models.real3d.config import FusionSizes, MotionSizes, PlaneSizes, Real3DConfig, TorsoSizes
from cameo3d.weights.conversion.real3d_export import official_generator

TINY = Real3DConfig(
    image_size=128,
    render_size=32,
    plane_channels=4,
    decoder_width=8,
    coarse_samples=4,
    fine_samples=4,
    plane=PlaneSizes((4, 4, 4, 4), (1, 1, 1, 1), 4, 16, 5, 2, 4, 4, 4),
    motion=MotionSizes((4, 4, 4, 4), (1, 1, 1, 1), (1, 1, 1, 1), fused_width=4),
    torso=TorsoSizes((4, 4, 4), 2, 4, 1, 2, 4, (4, 4), 2, (4, 4, 4), 4),
    fusion=FusionSizes(8, 4, 4, 8),
)
"""A few numbers of the published design."""


def official_head(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of a generator without torso under the official names, with what the official code adds."""
    return official_generator(state, TINY.image_size) | {"superresolution.resample_filter": torch.ones(4, 4)}
