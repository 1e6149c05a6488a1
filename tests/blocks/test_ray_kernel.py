import pytest
import torch

from cameo3d.blocks.ray_kernel import DecoderWeights, trace_planes
from cameo3d.blocks.rays import pixel_rays
from cameo3d.blocks.triplanes import DISTINCT_AXES, EG3D_AXES, sample_triplanes
from cameo3d.blocks.volume_rendering import middle_noise, random_noise, render_rays


def scene(batch: int = 2, channels: int = 8, colors: int = 5) -> tuple[torch.Tensor, DecoderWeights]:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    weights = DecoderWeights(draw(16, channels), draw(16), 3 * draw(1 + colors, 16), draw(1 + colors))
    return draw(batch, 3, channels, 12, 10), weights


def rays(batch: int, size: int, distance: float = 2.7) -> tuple[torch.Tensor, torch.Tensor]:
    pose = torch.diag(torch.tensor([1.0, -1, -1, 1]))
    pose[:3, 3] = torch.tensor([0.1, 0.05, distance])
    lens = torch.tensor([[4.0, 0, 0.5], [0, 4.0, 0.5], [0, 0, 1]])
    return pixel_rays(pose.expand(batch, 4, 4), lens.expand(batch, 3, 3), size)


@pytest.mark.parametrize("axes", [EG3D_AXES, DISTINCT_AXES])
@pytest.mark.parametrize("random", [False, True])
def test_compiled_rays_see_what_its_clear_twin_sees(axes, random):
    planes, weights = scene()
    origins, directions = rays(2, 7)
    noise = middle_noise(2, 49, 12, 9, like=planes)
    if random:
        noise = random_noise(2, 49, 12, 9, torch.Generator().manual_seed(1))
    near, far = torch.full((2, 49), 2.0), torch.full((2, 49), 3.5)

    def field(points):
        sampled = sample_triplanes(planes, points, axes, 1.3)
        hidden = torch.nn.functional.softplus(sampled @ weights.first.T + weights.first_bias)
        values = hidden @ weights.second.T + weights.second_bias
        return values[..., 1:].sigmoid() * 1.002 - 0.001, values[..., 0]

    expected = render_rays(field, origins, directions, near, far, noise)
    seen = trace_planes(planes, weights, axes, 1.3, origins, directions, near, far, noise)
    # Largest differences measured on several processors: 6e-6, by the order of sums and the series of exp and
    # log; in depth 4e-5 of 2.5, where a random sample falls beside the edge of an interval.
    torch.testing.assert_close(seen.features, expected.features, atol=3e-5, rtol=0)
    torch.testing.assert_close(seen.depths, expected.depths, atol=1e-4, rtol=0)
    torch.testing.assert_close(seen.opacities, expected.opacities, atol=3e-5, rtol=0)


def test_extreme_densities_stay_finite():
    planes, weights = scene(1)
    origins, directions = rays(1, 4)
    near, far = torch.full((1, 16), 2.0), torch.full((1, 16), 3.5)
    noise = middle_noise(1, 16, 6, 6, like=planes)
    for offset in (-1e4, 1e4):
        bias = weights.second_bias.clone()
        bias[0] = offset
        strange = DecoderWeights(weights.first, weights.first_bias, weights.second, bias)
        seen = trace_planes(planes, strange, EG3D_AXES, 1.0, origins, directions, near, far, noise)
        assert seen.features.isfinite().all()
        assert seen.depths.isfinite().all()
        torch.testing.assert_close(seen.opacities, torch.full((1, 16), float(offset > 0)))


def test_channels_that_the_kernel_cannot_take_by_fours_are_refused():
    planes, weights = scene(1, channels=6)
    origins, directions = rays(1, 2)
    ends = torch.full((1, 4), 2.0), torch.full((1, 4), 3.0)
    noise = middle_noise(1, 4, 3, 3, like=planes)
    with pytest.raises(ValueError, match="multiple of 4"):
        trace_planes(planes, weights, EG3D_AXES, 1.0, origins, directions, *ends, noise)
