"""The torso, moved by key points.

Its appearance is a volume made once from the photo; a network estimates how that volume moves in a frame,
from a few key points and the rendered head (after Wang et al., "One-Shot Free-View Neural Talking-Head", CVPR
2021).
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.gradients import slowed
from cameo3d.blocks.images import channels_innermost, resize
from cameo3d.models.real3d.config import TorsoSizes
from cameo3d.models.real3d.torso_layers import ConvNorm, Residual2d, Residual3d

TORSO_CLASSES = (2, 4)
"""Segmentation classes of the torso: body skin (the neck) and clothes."""

TORSO_KEY_POINTS = (0, 8, 16, 27)
"""Of 68 landmarks: both ends of the jaw, the chin, the bridge of the nose."""


@dataclass(frozen=True)
class TorsoAppearance:
    """What does not change while the torso moves."""

    masked: Float[Tensor, "batch channels depth height width"]
    """Appearance of the torso alone."""
    compressed: Float[Tensor, "batch few depth height width"]
    """The few channels from which motion is estimated."""


@dataclass(frozen=True)
class TorsoMotion:
    """How the volume moves in a frame."""

    deformation: Float[Tensor, "batch depth height width 3"]
    """For each place the (x, y, z) in [-1, 1] that it shows."""
    occlusion: Float[Tensor, "batch 1 height width"]
    """An estimate in [0, 1] that the official release predicts but does not use."""
    alpha: Float[Tensor, "batch 1 height width"]
    """Coarse alpha of the torso in [0, 1]."""


@dataclass(frozen=True)
class TorsoImage:
    """The moved torso at half the image's size."""

    features: Float[Tensor, "batch channels height width"]
    """Features of each pixel."""
    colors: Float[Tensor, "batch 3 height width"]
    """Colours, about [-1, 1] but not clamped."""
    alpha: Float[Tensor, "batch 1 height width"]
    """Alpha in [0, 1]."""
    motion: TorsoMotion
    """How the torso moved."""


class Torso(nn.Module):
    """The torso branch."""

    def __init__(self, sizes: TorsoSizes):
        super().__init__()
        self.sees_classes = sizes.sees_classes
        self.appearance = AppearanceEncoder(sizes)
        self.motion = MotionEstimator(sizes)
        self.generator = WarpedGenerator(sizes)
        width = sizes.occlusion_width
        self.alpha = nn.ModuleList(
            (
                nn.Conv2d(sizes.generator_widths[-1] + 1, width, 3, padding=1),
                nn.Conv2d(width, width, 3, padding=1),
                nn.Conv2d(width, 1, 3, padding=1),
            )
        )

    def encode(
        self,
        image: Float[Tensor, "batch 3 height width"],
        classes: Float[Tensor, "batch 6 full_height full_width"],
    ) -> TorsoAppearance:
        """What of the photo's torso stays the same, once a person.

        Args:
            image: The torso on black at half size, in [-1, 1].
            classes: Segmentation at full size, one channel a class, 0 or 1.
        """
        labels = torch.stack([classes[:, index] for index in TORSO_CLASSES], dim=1)
        seen = (image, resize(labels, *image.shape[2:])) if self.sees_classes else (image,)
        volume = self.appearance(torch.cat(seen, dim=1))
        small = resize(labels, *volume.shape[3:])
        mask = functional.max_pool2d(
            functional.pad(small.sum(dim=1, keepdim=True), (3, 3, 3, 3), "reflect"), 7, stride=1
        )
        masked = volume * mask[:, :, None]
        depths = small[:, :, None].expand(-1, -1, volume.shape[2], -1, -1)
        return TorsoAppearance(masked, self.motion.compress(torch.cat((masked, depths), dim=1)))

    def forward(
        self,
        appearance: TorsoAppearance,
        source: Float[Tensor, "batch 68 3"],
        driving: Float[Tensor, "batch 68 3"],
        head: Float[Tensor, "batch 4 head_height head_width"],
    ) -> TorsoImage:
        """The torso in a frame.

        Args:
            appearance: From `encode`.
            source: Landmarks of the photo, in [-1, 1] with y down, and 0 as their third coordinate.
            driving: Landmarks of the frame.
            head: Rendered colours and opacity, at half the image's size.
        """
        motion = self.motion(appearance.compressed, torso_points(source), torso_points(driving), head)
        features, colors = self.generator(appearance.masked, motion.deformation)
        alpha = resize(motion.alpha, *features.shape[2:])
        x = channels_innermost(torch.cat((features, alpha), dim=1))
        first, second, last = self.alpha
        alpha = last(second(first(x).relu()).relu()).sigmoid()
        return TorsoImage(features, colors, alpha, motion)


class AppearanceEncoder(nn.Module):
    """The photo's torso as a volume at an eighth of the image's size."""

    def __init__(self, sizes: TorsoSizes):
        super().__init__()
        first, second, third = sizes.encoder_widths
        self.stem = ConvNorm(3 + len(TORSO_CLASSES) * sizes.sees_classes, first, kernel=7)
        self.down = nn.ModuleList((ConvNorm(first, second), ConvNorm(second, third)))
        self.lift = nn.Conv2d(third, sizes.volume_width * sizes.volume_depth, 1)
        self.residual = nn.ModuleList(Residual3d(sizes.volume_width) for _ in range(sizes.residual_depth))
        self.slices = sizes.volume_depth

    def forward(
        self, image: Float[Tensor, "batch inputs height width"]
    ) -> Float[Tensor, "batch channels depth rows columns"]:
        """The volume."""
        x = self.stem(image)
        for layer in self.down:
            x = functional.avg_pool2d(layer(x), 2)
        x = self.lift(x).unflatten(1, (-1, self.slices))
        for layer in self.residual:
            x = layer(x)
        return x


class MotionEstimator(nn.Module):
    """How the volume moves: a blend of the motions of the key points."""

    def __init__(self, sizes: TorsoSizes):
        super().__init__()
        candidates = sizes.key_points + 1
        inputs = candidates * (1 + sizes.compressed_width)
        widths = (inputs, *sizes.motion_widths)
        ups = (*sizes.motion_widths[::-1], sizes.motion_output)
        width = sizes.motion_output
        self.compression = nn.Conv3d(sizes.volume_width + 2, sizes.compressed_width, 1)
        self.down = nn.ModuleList(ConvNorm(a, b, axes=3) for a, b in pairwise(widths))
        self.up = nn.ModuleList(ConvNorm(a, b, axes=3) for a, b in pairwise(ups))
        self.head_stem = ConvNorm(4, width, kernel=7)
        self.head_residual = nn.ModuleList(Residual2d(width) for _ in range(3))
        self.fuse = nn.Conv3d(inputs + 2 * width, width, 7, padding=3)
        self.choice = nn.Conv3d(width, candidates, 7, padding=3)
        self.occlusion = nn.Conv2d(width * sizes.volume_depth, 1, 7, padding=3)
        self.alpha = nn.Conv2d(width * sizes.volume_depth, 1, 7, padding=3)

    def compress(
        self, x: Float[Tensor, "batch channels depth height width"]
    ) -> Float[Tensor, "batch few depth height width"]:
        """The few channels from which motion is estimated."""
        return self.compression(x)

    def forward(
        self,
        volume: Float[Tensor, "batch few depth height width"],
        source: Float[Tensor, "batch points 3"],
        driving: Float[Tensor, "batch points 3"],
        head: Float[Tensor, "batch 4 head_height head_width"],
    ) -> TorsoMotion:
        """Estimate the motion of a frame."""
        depth, height, width = volume.shape[2:]
        motions = candidate_motions(source, driving, (depth, height, width))
        inputs = torch.cat(
            (heat_differences(source, driving, (depth, height, width)), _warp_by_each(volume, motions)), dim=2
        ).flatten(1, 2)

        x = inputs
        for layer in self.down:
            x = functional.avg_pool3d(layer(x), (1, 2, 2))
        for layer in self.up:
            x = layer(functional.interpolate(x, scale_factor=(1, 2, 2), mode="nearest"))
        x = self._fuse(torch.cat((inputs, x), dim=1), self._see_head(head, height, width))

        shares = self.choice(x).softmax(dim=1)
        flat = x.flatten(1, 2)
        return TorsoMotion(
            # What moves learns more slowly than what is painted.
            deformation=slowed((shares[..., None] * motions).sum(dim=1)),
            occlusion=slowed(self.occlusion(flat).sigmoid()),
            alpha=slowed(self.alpha(flat).sigmoid()),
        )

    def _see_head(
        self, head: Float[Tensor, "batch 4 head_height head_width"], height: int, width: int
    ) -> Float[Tensor, "batch channels {height} {width}"]:
        x = self.head_stem(resize(head, 2 * height, 2 * width))
        for layer in self.head_residual:
            x = layer(x)
        return resize(x, height, width)

    def _fuse(
        self,
        volume: Float[Tensor, "batch inputs depth height width"],
        seen: Float[Tensor, "batch few height width"],
    ) -> Float[Tensor, "batch outputs depth height width"]:
        """The fusing convolution of the volume together with a map that is the same in all depths.

        A convolution of such a map along the depth is a sum of weights: all of them, or, near both ends,
        those that lie inside the volume. One convolution in the plane for each of these sums does the same.
        """
        depth, kernel = volume.shape[2], self.fuse.weight.shape[2]
        reach = kernel // 2
        for_volume, for_map = self.fuse.weight.split((volume.shape[1], seen.shape[1]), dim=1)
        inside = [(max(reach - z, 0), min(kernel, depth + reach - z)) for z in range(depth)]
        kinds = sorted(set(inside))
        sums = torch.cat([for_map[:, :, first:last].sum(dim=2) for first, last in kinds])
        flat = functional.conv2d(seen, sums, padding=reach).unflatten(1, (len(kinds), -1))
        flat = torch.stack([flat[:, kinds.index(part)] for part in inside], dim=2)
        return functional.conv3d(volume, for_volume, self.fuse.bias, padding=reach) + flat


class WarpedGenerator(nn.Module):
    """From the warped volume to features and colours at half the image's size."""

    def __init__(self, sizes: TorsoSizes):
        super().__init__()
        first, second, third = sizes.generator_widths
        self.stem = ConvNorm(sizes.volume_width * sizes.volume_depth, first)
        self.middle = nn.Conv2d(first, first, 1)
        self.residual = nn.ModuleList(Residual2d(first) for _ in range(sizes.residual_depth))
        self.up = nn.ModuleList((ConvNorm(first, second), ConvNorm(second, third)))
        self.colors = nn.Conv2d(third, 3, 7, padding=3)

    def forward(
        self,
        volume: Float[Tensor, "batch channels depth height width"],
        deformation: Float[Tensor, "batch depth height width 3"],
    ) -> tuple[Float[Tensor, "batch features rows columns"], Float[Tensor, "batch 3 rows columns"]]:
        """Features and colours of the moved volume."""
        warped = functional.grid_sample(volume, deformation, padding_mode="border", align_corners=True)
        x = channels_innermost(warped.flatten(1, 2))
        x = self.middle(self.stem(x, slope=0.2))
        for layer in self.residual:
            x = layer(x)
        for layer in self.up:
            x = layer(functional.interpolate(x, scale_factor=2, mode="nearest"))
        return x, self.colors(x)


def torso_points(landmarks: Float[Tensor, "batch 68 3"]) -> Float[Tensor, "batch 4 3"]:
    """The landmarks that move the torso, kept inside the image."""
    return torch.stack([landmarks[:, point] for point in TORSO_KEY_POINTS], dim=1).clamp(-1, 1)


def voxel_grid(
    size: tuple[int, int, int], like: Float[Tensor, "*any"]
) -> Float[Tensor, "depth height width 3"]:
    """The (x, y, z) of each voxel; the outermost voxels have their centres at -1 and 1."""
    z, y, x = torch.meshgrid(
        *(torch.linspace(-1, 1, count, dtype=like.dtype, device=like.device) for count in size),
        indexing="ij",
    )
    return torch.stack((x, y, z), dim=-1)


def candidate_motions(
    source: Float[Tensor, "batch points 3"],
    driving: Float[Tensor, "batch points 3"],
    size: tuple[int, int, int],
) -> Float[Tensor, "batch candidates depth height width 3"]:
    """Where each voxel comes from if nothing moves, or if all moves as one key point does."""
    grid = voxel_grid(size, source)
    moved = grid - driving[:, :, None, None, None] + source[:, :, None, None, None]
    return torch.cat((grid.expand(source.shape[0], 1, *grid.shape), moved), dim=1)


def heat_differences(
    source: Float[Tensor, "batch points 3"],
    driving: Float[Tensor, "batch points 3"],
    size: tuple[int, int, int],
    variance: float = 0.01,
) -> Float[Tensor, "batch candidates 1 depth height width"]:
    """A bump at each driving point minus one at its source; nothing for what does not move."""
    grid = voxel_grid(size, source)

    def bumps(points: Tensor) -> Tensor:
        return torch.exp(-0.5 * (grid - points[:, :, None, None, None]).square().sum(dim=-1) / variance)

    difference = bumps(driving) - bumps(source)
    return torch.cat((torch.zeros_like(difference[:, :1]), difference), dim=1)[:, :, None]


def _warp_by_each(
    volume: Float[Tensor, "batch few depth height width"],
    motions: Float[Tensor, "batch candidates depth height width 3"],
) -> Float[Tensor, "batch candidates few depth height width"]:
    count = motions.shape[1]
    copies = volume[:, None].expand(-1, count, -1, -1, -1, -1).flatten(0, 1)
    warped = functional.grid_sample(copies, motions.flatten(0, 1), align_corners=True)
    return warped.unflatten(0, (-1, count))
