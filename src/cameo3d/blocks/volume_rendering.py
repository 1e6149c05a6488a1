"""Volume rendering with importance sampling: from densities and colours along rays to pixels.

Coarse samples find where a ray meets matter, fine samples look closer there, and both together are blended
from front to back (Mildenhall et al., ECCV 2020; the mid-point rule and the smoothed weights as in EG3D, Chan
et al., CVPR 2022). Sample positions are the middles of their intervals unless a caller brings random numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Field = Callable[
    [Float[Tensor, "batch points 3"]],
    tuple[Float[Tensor, "batch points channels"], Float[Tensor, "batch points"]],
]
"""Colours, and densities before their activation, at world positions."""


@dataclass(frozen=True)
class SampleNoise:
    """Where in its interval each sample lies, in [0, 1)."""

    jitter: Float[Tensor, "batch rays coarse"]
    """Of the coarse samples."""
    quantiles: Float[Tensor, "batch rays fine"]
    """Of the fine samples: the share of the ray's matter in front of each."""


@dataclass(frozen=True)
class Rendering:
    """What a bundle of rays sees."""

    features: Float[Tensor, "batch rays channels"]
    """Blended colours mapped from [0, 1] to [-1, 1]; -1 where a ray meets nothing."""
    depths: Float[Tensor, "batch rays"]
    """Mean distance of what is seen, along the ray, in world units."""
    opacities: Float[Tensor, "batch rays"]
    """Share of the light that comes from matter, in [0, 1]."""


def joined(parts: Sequence[Rendering]) -> Rendering:
    """What bundles of rays see, one bundle behind the other."""
    return Rendering(
        torch.cat([part.features for part in parts], dim=1),
        torch.cat([part.depths for part in parts], dim=1),
        torch.cat([part.opacities for part in parts], dim=1),
    )


def middle_noise(
    batch: int, rays: int, coarse_count: int, fine_count: int, like: Float[Tensor, "*any"]
) -> SampleNoise:
    """Every sample in the middle of its interval, the same for all rays."""
    jitter = torch.full((batch, rays, coarse_count), 0.5, dtype=like.dtype, device=like.device)
    quantiles = (torch.arange(fine_count, dtype=like.dtype, device=like.device) + 0.5) / fine_count
    return SampleNoise(jitter, quantiles.expand(batch, rays, fine_count))


def random_noise(
    batch: int, rays: int, coarse_count: int, fine_count: int, generator: torch.Generator
) -> SampleNoise:
    """Independent uniform positions, as the official releases draw them even when they only render."""

    def uniform(count: int) -> Tensor:
        return torch.rand((batch, rays, count), generator=generator, device=generator.device)

    return SampleNoise(uniform(coarse_count), uniform(fine_count))


def spread_depths(
    near: Float[Tensor, "batch rays"],
    far: Float[Tensor, "batch rays"],
    jitter: Float[Tensor, "batch rays samples"],
) -> Float[Tensor, "batch rays samples"]:
    """Depths at even steps from near to far, each moved on by a share of a step (the last beyond far)."""
    steps = jitter.shape[-1]
    shares = torch.arange(steps, dtype=near.dtype, device=near.device) / (steps - 1)
    span = (far - near)[..., None]
    return near[..., None] + shares * span + jitter * (span / (steps - 1))


def blend_along_rays(
    colors: Float[Tensor, "batch rays samples channels"],
    densities: Float[Tensor, "batch rays samples"],
    depths: Float[Tensor, "batch rays samples"],
) -> tuple[
    Float[Tensor, "batch rays channels"], Float[Tensor, "batch rays"], Float[Tensor, "batch rays slabs"]
]:
    """Blend the samples of each ray from front to back.

    Every gap between two samples is one slab with the mean colour, density and depth of its ends.

    Args:
        colors: Colour or feature at each sample.
        densities: Before their activation, which is a softplus shifted by one.
        depths: Growing along each ray, in world units.

    Returns:
        Blended colours over black, mean depths (infinite where a ray meets nothing at all), and the share of
        light that comes from each slab.

    Raises:
        ValueError: If a ray has fewer than two samples, since it then has no slab.
    """
    if depths.shape[-1] < 2:
        raise ValueError(f"A ray needs at least 2 samples, got {depths.shape[-1]}.")
    weights, middles = _slab_weights(densities, depths)
    # sum(w (c0 + c1) / 2) gathered by sample: no second array of colours the size of the first.
    halves = weights / 2
    shares = functional.pad(halves, (0, 1)) + functional.pad(halves, (1, 0))
    blended = (shares[..., None, :] @ colors).squeeze(-2)
    total = weights.sum(dim=-1)
    mean_depths = ((weights * middles).sum(dim=-1) / total).nan_to_num(nan=torch.inf)
    return blended, mean_depths, weights


def fine_depths(
    depths: Float[Tensor, "batch rays samples"],
    weights: Float[Tensor, "batch rays slabs"],
    quantiles: Float[Tensor, "batch rays fine"],
) -> Float[Tensor, "batch rays fine"]:
    """Depths that gather where the coarse samples met matter; no gradient flows through them.

    Args:
        depths: Of the coarse samples.
        weights: Of the slabs between them.
        quantiles: Which share of the smoothed weights lies in front of each new sample.
    """
    with torch.no_grad():
        rays = weights.flatten(0, 1)[:, None]
        smooth = functional.avg_pool1d(functional.max_pool1d(rays, 2, 1, padding=1), 2, 1) + 0.01
        shares = smooth.reshape(weights.shape)[..., 1:-1] + 1e-5
        shares = shares / shares.sum(dim=-1, keepdim=True)
        ends = functional.pad(shares.cumsum(dim=-1), (1, 0))
        middles = (depths[..., 1:] + depths[..., :-1]) / 2

        after = torch.searchsorted(ends, quantiles.contiguous(), right=True)
        below = (after - 1).clamp(min=0)
        above = after.clamp(max=ends.shape[-1] - 1)
        low, high = ends.gather(-1, below), ends.gather(-1, above)
        width = high - low
        width = torch.where(width < 1e-5, torch.ones_like(width), width)
        start, stop = middles.gather(-1, below), middles.gather(-1, above)
        return start + (quantiles - low) / width * (stop - start)


def render_rays(
    field: Field,
    origins: Float[Tensor, "batch rays 3"],
    directions: Float[Tensor, "batch rays 3"],
    near: Float[Tensor, "batch rays"],
    far: Float[Tensor, "batch rays"],
    noise: SampleNoise,
) -> Rendering:
    """Render a bundle of rays with coarse, then fine samples.

    Args:
        field: What is where.
        origins: Where the rays begin, in world units.
        directions: Unit directions.
        near: Distance at which each ray's samples begin.
        far: Distance at which they end.
        noise: Where each sample lies, which also says how many there are.
    """
    coarse = spread_depths(near, far, noise.jitter)
    colors, densities = _look(field, origins, directions, coarse)
    weights, _ = _slab_weights(densities, coarse)

    fine = fine_depths(coarse, weights, noise.quantiles)
    fine_colors, fine_densities = _look(field, origins, directions, fine)

    depths, order = torch.cat((coarse, fine), dim=-1).sort(dim=-1)
    colors = torch.cat((colors, fine_colors), dim=-2)
    colors = colors.gather(-2, order[..., None].expand_as(colors))
    densities = torch.cat((densities, fine_densities), dim=-1).gather(-1, order)

    blended, mean_depths, weights = blend_along_rays(colors, densities, depths)
    return Rendering(
        features=2 * blended - 1,
        depths=mean_depths.clamp(depths.min(), depths.max()),
        opacities=weights.sum(dim=-1),
    )


def _look(
    field: Field,
    origins: Float[Tensor, "batch rays 3"],
    directions: Float[Tensor, "batch rays 3"],
    depths: Float[Tensor, "batch rays samples"],
) -> tuple[Float[Tensor, "batch rays samples channels"], Float[Tensor, "batch rays samples"]]:
    points = origins[..., None, :] + depths[..., None] * directions[..., None, :]
    colors, densities = field(points.flatten(1, 2))
    return colors.unflatten(1, depths.shape[1:]), densities.reshape(depths.shape)


def _slab_weights(
    densities: Float[Tensor, "batch rays samples"], depths: Float[Tensor, "batch rays samples"]
) -> tuple[Float[Tensor, "batch rays slabs"], Float[Tensor, "batch rays slabs"]]:
    middle_densities = (densities[..., 1:] + densities[..., :-1]) / 2
    middles = (depths[..., 1:] + depths[..., :-1]) / 2
    opacities = 1 - torch.exp(-functional.softplus(middle_densities - 1) * depths.diff(dim=-1))
    # Light reaches a slab through all the slabs in front of it; the small number keeps gradients finite.
    passed = functional.pad(1 - opacities + 1e-10, (1, 0), value=1).cumprod(dim=-1)[..., :-1]
    return opacities * passed, middles
