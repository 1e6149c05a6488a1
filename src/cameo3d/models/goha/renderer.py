"""From tri-planes and a camera to an image of colours and depth."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from cameo3d.blocks.plane_decoder import PlaneDecoder
from cameo3d.blocks.ray_kernel import DecoderWeights, trace_planes
from cameo3d.blocks.rays import pixel_rays
from cameo3d.blocks.triplanes import DISTINCT_AXES, sample_triplanes
from cameo3d.blocks.volume_rendering import Rendering, SampleNoise, joined, middle_noise, render_rays
from cameo3d.geometry.compiled import may_loop
from cameo3d.models.goha.config import GohaConfig

COLORS = 3
"""Of the colours that the decoder knows, the later ones are never looked at."""
RAYS_AT_ONCE, LEARNED_AT_ONCE = 16384, 4096
"""Bound the memory of the samples; where gradients need them all, more of it, unless they are recomputed."""


@dataclass(frozen=True)
class PlaneImage:
    """What a camera sees of tri-planes."""

    colors: Float[Tensor, "batch 3 height width"]
    """Over black, in [-1, 1]."""
    depth: Float[Tensor, "batch height width"]
    """Distance along the rays in world units."""
    opacity: Float[Tensor, "batch height width"]
    """Share of the light that comes from matter, in [0, 1]."""


class PlaneRenderer(nn.Module):
    """Renders tri-planes; its only weights are the decoder's."""

    def __init__(self, config: GohaConfig):
        super().__init__()
        self.config = config
        self.recompute = False
        """Whether training keeps no samples, but looks them up again for the gradients."""
        self.decoder = PlaneDecoder(config.plane_channels, config.decoder_width, config.plane_channels)

    def forward(
        self,
        planes: Float[Tensor, "batch 3 channels plane_height plane_width"],
        eg3d_from_camera: Float[Tensor, "batch 4 4"],
        intrinsics: Float[Tensor, "batch 3 3"],
        size: int,
        noise: SampleNoise | None = None,
    ) -> PlaneImage:
        """Render a square of `size` pixels; without `noise` samples lie in the middles of their intervals."""
        config = self.config
        origins, directions = pixel_rays(eg3d_from_camera, intrinsics, size)
        if noise is None:
            noise = middle_noise(
                directions.shape[0], size * size, config.coarse_samples, config.fine_samples, like=directions
            )
        near, far = (torch.full_like(directions[..., 0], x) for x in (config.near, config.far))
        compiled = not torch.is_grad_enabled() and may_loop(planes)
        trace = self._trace_compiled if compiled else self._trace
        seen = trace(planes, origins, directions, near, far, noise)
        return PlaneImage(
            seen.features.mT.unflatten(-1, (size, size)).contiguous(),
            seen.depths.unflatten(-1, (size, size)),
            seen.opacities.unflatten(-1, (size, size)),
        )

    def random_noise(
        self, like: Float[Tensor, "batch 3 channels plane_height plane_width"], size: int
    ) -> SampleNoise:
        """Independent positions of samples for `size` times `size` rays, from torch's own generator."""

        def uniform(count: int) -> Tensor:
            return torch.rand((len(like), size * size, count), device=like.device)

        return SampleNoise(uniform(self.config.coarse_samples), uniform(self.config.fine_samples))

    def look_up(
        self,
        planes: Float[Tensor, "batch 3 channels plane_height plane_width"],
        points: Float[Tensor, "batch points 3"],
    ) -> tuple[Float[Tensor, "batch points colors"], Float[Tensor, "batch points"]]:
        """All colours, and densities before their activation, at points in world units."""
        return self.decoder(sample_triplanes(planes, points, DISTINCT_AXES, self.config.box_side))

    def _trace_compiled(
        self,
        planes: Float[Tensor, "batch 3 channels plane_height plane_width"],
        origins: Float[Tensor, "batch rays 3"],
        directions: Float[Tensor, "batch rays 3"],
        near: Float[Tensor, "batch rays"],
        far: Float[Tensor, "batch rays"],
        noise: SampleNoise,
    ) -> Rendering:
        first, second = self.decoder.first, self.decoder.second
        weights = DecoderWeights(
            first.weight * first.gain,
            first.bias,
            second.weight[: 1 + COLORS] * second.gain,
            second.bias[: 1 + COLORS],
        )
        box = DISTINCT_AXES, self.config.box_side
        return trace_planes(planes.float(), weights, *box, origins, directions, near, far, noise)

    def _trace(
        self,
        planes: Float[Tensor, "batch 3 channels plane_height plane_width"],
        origins: Float[Tensor, "batch rays 3"],
        directions: Float[Tensor, "batch rays 3"],
        near: Float[Tensor, "batch rays"],
        far: Float[Tensor, "batch rays"],
        noise: SampleNoise,
    ) -> Rendering:
        def field(points: Tensor) -> tuple[Tensor, Tensor]:
            return self.decoder(sample_triplanes(planes, points, DISTINCT_AXES, self.config.box_side), COLORS)

        given = (origins, directions, near, far, noise.jitter, noise.quantiles)
        count = LEARNED_AT_ONCE if torch.is_grad_enabled() else RAYS_AT_ONCE
        bundles = zip(*(x.split(count, dim=1) for x in given), strict=True)

        def render(starts, ways, begin, end, jitter, quantiles) -> Rendering:
            return render_rays(field, starts, ways, begin, end, SampleNoise(jitter, quantiles))

        if self.recompute and torch.is_grad_enabled():
            parts = [checkpoint(render, *bundle, use_reentrant=False) for bundle in bundles]
        else:
            parts = [render(*bundle) for bundle in bundles]
        return joined(parts)
