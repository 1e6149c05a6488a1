"""What real clips say about planes: the first frame lifted, later frames with the rays that see them.

A clip is lifted at one frame. Of others of its frames are kept: the photo repainted with their expression,
where rays of their pose meet the surface, and what the camera saw there. A correction of the planes moves
where rays meet the surface, hence where they look at the repainted photo; the real picture judges it.
"""

from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float32, UInt8
from safetensors.torch import load_file
from torch import Tensor

RAYS = 128
"""Rays across the crop, and pixels of truths."""
PLANE = 128
"""Texels of the stored plane."""


@dataclass(frozen=True)
class PlanePairs:
    """One lifted frame, and others of the same clip."""

    plane: Float32[Tensor, "channels plane plane"]
    """Over the lifted frame; `blocks.frustum_planes` says what the channels mean."""
    frame: Float32[Tensor, "4"]
    """`PlaneFrame`: scale, left, top, middle."""
    rays: Float32[Tensor, " rays"]
    """x / z of each column; y / z of each row is the same."""
    pages: UInt8[Tensor, "targets page page 3"]
    """The lifted frame, repainted with the others' expressions."""
    depths: Float32[Tensor, "targets rays rays"]
    """Where rays meet the surface, metres; 0 where they do not."""
    bends: Float32[Tensor, "targets 24"]
    """`Bend`: turn, shift, sway, drift."""
    truths: UInt8[Tensor, "targets rays rays 3"]
    mattes: UInt8[Tensor, "targets rays rays"]
    """How much of each pixel of the truth is the person."""


def read_plane_pairs(path: Path) -> PlanePairs:
    """Read what `plane_pair_making.write_plane_pairs` wrote."""
    tensors = load_file(path)
    return PlanePairs(**tensors | {name: tensors[name].float() for name in ("depths", "plane")})
