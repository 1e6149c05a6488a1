"""Networks of Real3D-Portrait that draw the head alone, in the layout of the official checkpoints."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from tiny_real3d import TINY as TINY_REAL3D
from torch import Tensor

from cameo3d.weights.conversion.real3d_export import official_generator

TINY = replace(TINY_REAL3D, plane=replace(TINY_REAL3D.plane, token_depth=5))
"""With as many blocks as the official layout names."""


def official_head(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of a generator without torso under the official names, with what the official code adds."""
    return official_generator(state, TINY.image_size) | {"superresolution.resample_filter": torch.ones(4, 4)}
