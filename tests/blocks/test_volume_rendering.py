import math

import pytest
import torch

from cameo3d.blocks.volume_rendering import (
    blend_along_rays,
    fine_depths,
    middle_noise,
    random_noise,
    render_rays,
    spread_depths,
)


def activated(density: float) -> float:
    """The raw value whose shifted softplus is a density."""
    return math.log(math.expm1(density)) + 1


def test_even_fog_follows_the_beer_lambert_law():
    depths = torch.linspace(1.0, 3.0, 9)[None, None]  # 2 world units of fog
    density = 0.7
    blended, mean, weights = blend_along_rays(
        torch.ones(1, 1, 9, 3), torch.full((1, 1, 9), activated(density)), depths
    )
    expected = torch.tensor([[1 - math.exp(-2 * density)]])
    torch.testing.assert_close(weights.sum(-1), expected)
    torch.testing.assert_close(blended, expected[..., None].expand(1, 1, 3))
    assert 1 < mean.item() < 2  # nearer than the middle, since the front hides the back


def test_blending_matches_one_slab_after_the_other():
    generator = torch.Generator().manual_seed(3)
    colors = torch.rand(1, 1, 6, 2, generator=generator)
    densities = torch.randn(1, 1, 6, generator=generator) * 3
    depths = torch.rand(1, 1, 6, generator=generator).sort(-1).values
    light, expected = 1.0, torch.zeros(2)
    for i in range(5):
        raw = (densities[0, 0, i] + densities[0, 0, i + 1]) / 2
        thickness = depths[0, 0, i + 1] - depths[0, 0, i]
        opacity = 1 - math.exp(-math.log1p(math.exp(raw - 1)) * thickness)
        expected += light * opacity * (colors[0, 0, i] + colors[0, 0, i + 1]) / 2
        light *= 1 - opacity
    blended, _, weights = blend_along_rays(colors, densities, depths)
    torch.testing.assert_close(blended[0, 0], expected)
    torch.testing.assert_close(weights.sum().item(), 1 - light)


def test_a_single_sample_is_refused():
    with pytest.raises(ValueError, match="at least 2"):
        blend_along_rays(torch.ones(1, 1, 1, 3), torch.ones(1, 1, 1), torch.ones(1, 1, 1))


def test_coarse_samples_go_from_near_to_far():
    near, far = torch.tensor([[2.0]]), torch.tensor([[3.0]])
    torch.testing.assert_close(
        spread_depths(near, far, torch.zeros(1, 1, 5)), torch.linspace(2, 3, 5)[None, None]
    )


def test_fine_samples_gather_where_the_matter_is():
    depths = torch.linspace(0, 1, 21)[None, None]
    weights = torch.zeros(1, 1, 20)
    weights[..., 12] = 1  # between 0.60 and 0.65
    fine = fine_depths(depths, weights, middle_noise(1, 1, 21, 40, depths).quantiles)
    assert ((fine > 0.5) & (fine < 0.75)).float().mean() > 0.8
    assert (fine.diff(dim=-1) >= 0).all()


def test_even_matter_gives_even_fine_samples():
    depths = torch.linspace(0, 1, 21)[None, None]
    fine = fine_depths(depths, torch.ones(1, 1, 20), torch.tensor([[[0.25, 0.5, 0.75]]]))
    torch.testing.assert_close(fine.diff(dim=-1)[0, 0, 0], fine.diff(dim=-1)[0, 0, 1])


def test_random_rendering_repeats_with_its_seed_and_agrees_with_the_middle():
    def fog(points):
        return torch.full((*points.shape[:2], 1), 0.5), torch.full(points.shape[:2], activated(2.0))

    origins, directions = torch.zeros(1, 3, 3), torch.tensor([[[0.0, 0.0, 1.0]] * 3])
    near, far = torch.full((1, 3), 1.0), torch.full((1, 3), 2.0)

    def render(noise):
        return render_rays(fog, origins, directions, near, far, noise)

    first, second = (render(random_noise(1, 3, 8, 8, torch.Generator().manual_seed(1))) for _ in range(2))
    middle = render(middle_noise(1, 3, 8, 8, near))
    assert torch.equal(first.features, second.features)
    torch.testing.assert_close(first.opacities, middle.opacities, atol=0.1, rtol=0)
    # Samples move by half a step, so that the fog is a little shorter than 1: 15/14 - 1/14.
    torch.testing.assert_close(middle.opacities, torch.full((1, 3), 1 - math.exp(-2.0)), atol=5e-3, rtol=0)


def test_rays_that_meet_nothing_are_black():
    def nothing(points):
        return torch.rand(*points.shape[:2], 4), torch.full(points.shape[:2], -1e4)

    ones = torch.ones(1, 2)
    seen = render_rays(
        nothing, torch.zeros(1, 2, 3), torch.ones(1, 2, 3), ones, 2 * ones, middle_noise(1, 2, 6, 6, ones)
    )
    torch.testing.assert_close(seen.features, torch.full((1, 2, 4), -1.0))
    assert not seen.opacities.any()
    assert seen.depths.isfinite().all()
