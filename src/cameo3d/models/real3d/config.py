"""Sizes of Real3D-Portrait: the published network, and a small one of the same design."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class PlaneSizes:
    """Sizes of the network from a photo to its canonical tri-plane."""

    residual_widths: tuple[int, int, int, int] = (64, 128, 256, 512)
    """Channels of the four stages of the residual network."""
    residual_depths: tuple[int, int, int, int] = (3, 4, 6, 3)
    """Blocks of those stages."""
    context_width: int = 256
    """Channels of the pyramid that looks far around."""
    token_width: int = 1024
    """Channels of the transformers' tokens, a multiple of four times the heads."""
    token_depth: int = 5
    """Transformer blocks on the coarse map."""
    heads: int = 4
    """Attention heads."""
    detail_stem: int = 64
    """Channels of the first layer of the branch for details."""
    wide: int = 256
    """Channels of the first convolution behind a concatenation."""
    narrow: int = 128
    """Channels of the convolutions behind that one."""
    sees_silhouette: bool = False
    """Whether a channel of its own says which pixels are not black."""


@dataclass(frozen=True)
class MotionSizes:
    """Sizes of the network from three PNCC pictures to what a motion adds to the tri-plane."""

    widths: tuple[int, int, int, int] = (32, 64, 160, 256)
    """Channels of the stages of the mix transformer."""
    depths: tuple[int, int, int, int] = (2, 2, 2, 2)
    """Blocks of those stages."""
    heads: tuple[int, int, int, int] = (1, 2, 5, 8)
    """Attention heads of those stages."""
    reductions: tuple[int, int, int, int] = (8, 4, 2, 1)
    """How much coarser the keys are than the queries."""
    fused_width: int = 256
    """Channels of the fused map and of the convolutions behind it."""
    sees_source: bool = True
    """Whether it sees the photo's PNCC picture, or only the neutral one and the one to show."""


@dataclass(frozen=True)
class TorsoSizes:
    """Sizes of the network that moves the torso."""

    encoder_widths: tuple[int, int, int] = (64, 128, 256)
    """Channels at a half, a quarter and an eighth of the image."""
    volume_width: int = 32
    """Channels of the volume of appearance."""
    volume_depth: int = 16
    """Slices of that volume."""
    residual_depth: int = 6
    """Residual blocks on the volume, and again on the warped map."""
    compressed_width: int = 4
    """Channels of the volume that is warped by each key point."""
    key_points: int = 4
    """Points that move the torso."""
    motion_widths: tuple[int, ...] = (64, 128, 256, 512, 1024)
    """Channels of the network that estimates the motion, on ever smaller maps."""
    motion_output: int = 32
    """Channels at its end and of the map of the rendered head."""
    generator_widths: tuple[int, int, int] = (256, 128, 64)
    """Channels of the warped map at an eighth, a quarter and a half of the image."""
    occlusion_width: int = 32
    """Channels of the network that predicts the torso's alpha."""
    sees_classes: bool = True
    """Whether the classes of neck and clothes are part of its input."""


@dataclass(frozen=True)
class FusionSizes:
    """Sizes of the network that joins head, torso and background at full size."""

    width: int = 256
    """Channels at half the image's size."""
    last_width: int = 128
    """Channels at the full size."""
    stem: int = 64
    """Channels of the narrow layers."""
    style_width: int = 512
    """Length of the constant style vector."""
    concatenate: bool = False
    """Whether features of head, torso and background are merely laid side by side: an ablation."""


@dataclass(frozen=True)
class Real3DConfig:
    """Everything that fixes the network; the defaults are the published `secc2plane_torso_orig`."""

    image_size: int = 512
    """Side of photos, PNCC pictures and frames in pixels."""
    render_size: int = 128
    """Side of the volume rendering in pixels."""
    plane_channels: int = 32
    """Channels of each of the three planes, and of the rendered features."""
    plane_depth: int = 1
    """Slices of each plane; with more than one it is a grid (the public options take 3)."""
    has_torso: bool = True
    """Whether torso and background are drawn too, or the head alone on black."""
    decoder_width: int = 64
    """Hidden channels of the network from features to density and colour."""
    coarse_samples: int = 48
    """Even samples along each ray."""
    fine_samples: int = 48
    """Samples where the even ones met matter."""
    box_side: float = 1.0
    """Side in world units of the cube that the planes span."""
    head_threshold: float = 0.9
    """Opacity above which a pixel of the head hides the background completely, in [0.1, 1]."""
    plane: PlaneSizes = field(default_factory=PlaneSizes)
    """From the photo to the canonical tri-plane."""
    motion: MotionSizes = field(default_factory=MotionSizes)
    """From PNCC pictures to what a motion adds to it."""
    torso: TorsoSizes = field(default_factory=TorsoSizes)
    """How the torso moves."""
    fusion: FusionSizes = field(default_factory=FusionSizes)
    """How head, torso and background are joined."""


OFFICIAL = Real3DConfig()
"""The published network: 148 million parameters."""

SMALL = Real3DConfig(
    coarse_samples=24,
    fine_samples=24,
    plane=PlaneSizes(
        residual_widths=(24, 48, 96, 160),
        residual_depths=(2, 2, 2, 2),
        context_width=64,
        token_width=256,
        token_depth=2,
        detail_stem=24,
        wide=96,
        narrow=64,
    ),
    motion=MotionSizes(widths=(16, 32, 80, 128), fused_width=96),
    torso=TorsoSizes(
        encoder_widths=(24, 48, 96),
        volume_width=16,
        volume_depth=8,
        residual_depth=2,
        motion_widths=(32, 64, 96, 128),
        motion_output=8,
        generator_widths=(96, 48, 32),
        occlusion_width=16,
    ),
    fusion=FusionSizes(width=64, last_width=32, stem=32, style_width=64),
)
"""A small network of the same design, for training on modest machines."""
