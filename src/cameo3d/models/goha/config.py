"""Sizes and variants of GOHA: the released network, a small one of its design, and the paper's ablations."""

from dataclasses import dataclass
from typing import Literal

ExpressionKind = Literal["rendering", "linear", "modulation", "encoder"]


@dataclass(frozen=True)
class GohaConfig:
    """Everything that fixes the network; the defaults are the release of iteration 825000."""

    image_size: int = 512
    """Side of photos and frames in pixels, a power of two."""
    render_size: int = 224
    """Side of the volume rendering in pixels."""
    lift_size: int = 128
    """Side of the rendering that gives the photo its depth; a quarter of the image, as the encoders' maps."""
    plane_channels: int = 32
    """Channels of each of the three planes, and of the rendered features."""
    decoder_width: int = 64
    """Hidden channels of the network from features to density and colour."""
    coarse_samples: int = 48
    """Even samples along each ray."""
    fine_samples: int = 48
    """Samples where the even ones met matter."""
    near: float = 2.25
    """Where the samples of each ray begin, in world units."""
    far: float = 3.3
    """Where they end."""
    box_side: float = 1.0
    """Side in world units of the cube that the planes span."""
    encoder_widths: tuple[int, int, int, int] = (32, 64, 160, 256)
    """Channels of the stages of the three SegFormers."""
    encoder_depths: tuple[int, int, int, int] = (2, 2, 2, 2)
    """Blocks of those stages."""
    fused_width: int = 256
    """Channels of their fused maps; half as many behind the heads' first two convolutions."""
    parsing_width: int = 64
    """Channels of the first layer of the face parser."""
    super_resolution_widths: tuple[int, ...] = (256, 256, 256, 256, 256, 128, 64, 32)
    """Channels of the super-resolution's U-Net at 4, 8, ... pixels up to the image; its decoder has twice."""
    enlarges: bool = True
    """Whether super-resolution follows the rendering; without it, as in stages 1 and 1b, it is resized."""
    style_width: int = 512
    """Length of the super-resolution's style vectors."""
    appearance: bool = True
    """Whether the photo's own details are lifted onto the planes."""
    expression: ExpressionKind = "rendering"
    """What expression planes are made from: a rendered face, or coefficients in one of three ways."""
    neutral_constraint: bool = True
    """Whether training holds the canonical planes to a neutral expression."""
    train_end_to_end: bool = False
    """Whether the last training stage moves everything instead of the super-resolution only."""


OFFICIAL = GohaConfig()
"""The released network."""

SMALL = GohaConfig(
    render_size=128,
    coarse_samples=24,
    fine_samples=24,
    encoder_widths=(16, 32, 80, 128),
    fused_width=128,
    parsing_width=32,
    super_resolution_widths=(64, 64, 64, 64, 48, 32, 24, 16),
    style_width=64,
)
"""A small network of the same design, below 12 million parameters with its face parser."""

ABLATIONS: dict[str, dict[str, bool | str]] = {
    "without-appearance": {"appearance": False},
    "without-neutral-constraint": {"neutral_constraint": False},
    "linear-expression": {"expression": "linear"},
    "modulation": {"expression": "modulation"},
    "encoder": {"expression": "encoder"},
    "end-to-end": {"train_end_to_end": True},
}
"""Tables 4 and 5 of the paper, as changes of a network of any size."""
