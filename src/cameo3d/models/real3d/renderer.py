"""From tri-planes and a camera to a small image of features, depth and opacity."""

from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from cameo3d.blocks.images import resize_smoothly
from cameo3d.blocks.plane_decoder import PlaneDecoder
from cameo3d.blocks.ray_kernel import DecoderWeights, trace_planes
from cameo3d.blocks.rays import box_crossing, pixel_rays
from cameo3d.blocks.triplanes import EG3D_AXES, sample_trigrids, sample_triplanes
from cameo3d.blocks.volume_rendering import Rendering, SampleNoise, joined, middle_noise, render_rays
from cameo3d.geometry.compiled import may_loop
from cameo3d.models.real3d.config import Real3DConfig

_RAYS_AT_ONCE = 2048


@dataclass(frozen=True)
class HeadImage:
    """What the camera sees of the head."""

    features: Float[Tensor, "batch channels height width"]
    """In [-1, 1]; the first three channels are colours."""
    depth: Float[Tensor, "batch 1 height width"]
    """Distance along the rays in world units."""
    opacity: Float[Tensor, "batch 1 height width"]
    """Share of the light that comes from the head, in [0, 1]."""
    hits: Bool[Tensor, "batch height width"]
    """Whether the ray crosses the cube of the planes at all."""


class HeadRenderer(nn.Module):
    """Renders tri-planes; its only weights are the decoder's."""

    def __init__(self, config: Real3DConfig):
        super().__init__()
        self.decoder = PlaneDecoder(config.plane_channels, config.decoder_width, config.plane_channels)
        self.config = config
        self.shrinks_planes = False
        """In training, whether planes are shrunk at every look, to half at most, so that they stay smooth."""
        self.recompute = False
        """Whether training keeps no samples, but looks them up again for the gradients."""

    def forward(
        self,
        planes: Float[Tensor, "batch 3 channels plane_height plane_width"],
        eg3d_from_camera: Float[Tensor, "batch 4 4"],
        intrinsics: Float[Tensor, "batch 3 3"],
        noise: SampleNoise | None = None,
    ) -> HeadImage:
        """Render at the configured size; without `noise` samples lie in the middles of their intervals."""
        size = self.config.render_size
        origins, directions = pixel_rays(eg3d_from_camera, intrinsics, size)
        seen, hits = self.trace(planes, origins, directions, noise)
        return HeadImage(
            features=seen.features.unflatten(1, (size, size)).permute(0, 3, 1, 2),
            depth=seen.depths.unflatten(-1, (size, size))[:, None],
            opacity=seen.opacities.unflatten(-1, (size, size))[:, None],
            hits=hits.unflatten(-1, (size, size)),
        )

    def trace(
        self,
        planes: Float[Tensor, "batch 3 channels plane_height plane_width"],
        origins: Float[Tensor, "batch rays 3"],
        directions: Float[Tensor, "batch rays 3"],
        noise: SampleNoise | None = None,
    ) -> tuple[Rendering, Bool[Tensor, "batch rays"]]:
        """What any bundle of rays sees, and which of them cross the cube of the planes."""
        config = self.config
        if noise is None:
            batch, rays = directions.shape[:2]
            noise = middle_noise(batch, rays, config.coarse_samples, config.fine_samples, like=directions)
        near, far, hits = box_crossing(origins, directions, config.box_side)
        field = partial(self.look_up, planes)
        if self.recompute and torch.is_grad_enabled():
            field = partial(checkpoint, self.look_up, planes, use_reentrant=False)
        if torch.is_grad_enabled() or not may_loop(planes):
            return render_rays(field, origins, directions, near, far, noise), hits
        if config.plane_depth > 1:
            given = (origins, directions, near, far, noise.jitter, noise.quantiles)
            bundles = zip(*(x.split(_RAYS_AT_ONCE, dim=1) for x in given), strict=True)
            parts = [
                render_rays(field, starts, ways, begin, end, SampleNoise(jitter, quantiles))
                for starts, ways, begin, end, jitter, quantiles in bundles
            ]
            return joined(parts), hits
        first, second = self.decoder.first, self.decoder.second
        weights = DecoderWeights(
            first.weight * first.gain, first.bias, second.weight * second.gain, second.bias
        )
        side = config.box_side
        return trace_planes(planes, weights, EG3D_AXES, side, origins, directions, near, far, noise), hits

    def look_up(
        self,
        planes: Float[Tensor, "batch 3 channels plane_height plane_width"],
        points: Float[Tensor, "batch points 3"],
    ) -> tuple[Float[Tensor, "batch points colors"], Float[Tensor, "batch points"]]:
        """Colours, and densities before their activation, at points in world units."""
        if self.training and self.shrinks_planes:
            side = int(torch.randint(planes.shape[-1] // 2, planes.shape[-1] + 1, ()))
            planes = resize_smoothly(planes.flatten(1, 2), side, side).unflatten(1, planes.shape[1:3])
        if self.config.plane_depth > 1:
            side, depth = self.config.box_side, self.config.plane_depth
            return self.decoder(sample_trigrids(planes, points, depth, EG3D_AXES, side))
        return self.decoder(sample_triplanes(planes, points, EG3D_AXES, self.config.box_side))
