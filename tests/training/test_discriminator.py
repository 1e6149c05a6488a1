import math

import pytest
import torch

from cameo3d.blocks.mapping import unit_moment
from cameo3d.training.discriminator import (
    CAMERA_DEVIATION,
    Discriminator,
    batch_deviation,
    dual_picture,
    noisy_camera,
)

GOHA_WIDTHS = (32, 64, 128, 256, 512, 512, 512, 512)


def tiny(camera=25):
    torch.manual_seed(0)
    return Discriminator(16, 6, (4, 6, 8), camera)


def test_the_published_sizes_have_their_numbers_of_parameters():
    with torch.device("meta"):
        goha = Discriminator(512, 6, GOHA_WIDTHS, camera=0, group=4)
        real3d = Discriminator()
    assert sum(p.numel() for p in goha.parameters()) == 24_030_849
    assert real3d.first.weight.shape == (64, 6, 1, 1)
    assert real3d.mapping is not None
    assert len(real3d.mapping.layers) == 8


@pytest.mark.parametrize("camera", [0, 25])
def test_every_layer_gets_a_gradient(camera):
    network = tiny(camera)
    network(torch.randn(4, 6, 16, 16), torch.randn(4, 25) if camera else None).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_features_keep_their_variance_through_the_network():
    torch.manual_seed(0)
    x = torch.randn(8, 64, 32, 32)
    block = Discriminator(32, 64, (64, 64, 64, 64), camera=0).blocks[0]
    assert 0.3 < block(x).std() < 3


def test_what_a_batch_repeats_has_no_deviation():
    same = torch.randn(1, 3, 4, 4).expand(4, 3, 4, 4)
    torch.testing.assert_close(batch_deviation(same, 2), torch.full((4, 1, 4, 4), 1e-4))
    # Pictures 0 and 2 are one group of two, 1 and 3 the other: -1 and 1 deviate by 1, 0 and 0 by nothing.
    apart = torch.tensor([-1.0, 0, 1, 0]).reshape(4, 1, 1, 1).expand(4, 3, 4, 4)
    found = batch_deviation(apart, 2)[:, 0, 0, 0]
    torch.testing.assert_close(found, torch.tensor([1.0, 1e-4, 1.0, 1e-4]), atol=1e-6, rtol=1e-6)


def test_the_camera_turns_the_score_into_an_inner_product():
    network = tiny()
    picture, camera = torch.randn(1, 6, 16, 16), torch.randn(1, 25)
    assert network.mapping is not None
    direction = network.mapping(camera)
    features = network.output(
        network.flat(
            network.last(torch.cat((_trunk(network, picture), torch.full((1, 1, 4, 4), 1e-4)), 1)).flatten(1)
        )
    )
    expected = (features * direction).sum() / math.sqrt(8)
    torch.testing.assert_close(network(picture, camera)[0], expected)


def _trunk(network, x):
    x = network.first(x)
    for block in network.blocks:
        x = block(x)
    return x


def test_the_dual_picture_shows_both_at_one_size_within_range():
    both = dual_picture(torch.full((1, 3, 8, 8), 3.0), torch.full((1, 3, 2, 2), -0.5))
    assert both.shape == (1, 6, 8, 8)
    assert (both[:, :3] == 1).all()
    assert (both[:, 3:] == -0.5).all()


def test_camera_noise_has_the_deviation_of_the_batch():
    torch.manual_seed(0)
    cameras = torch.randn(2000, 25) * 3 + 1
    added = noisy_camera(cameras) - cameras
    torch.testing.assert_close(added.std(), torch.tensor(3.0), rtol=0.02, atol=0)
    alone = torch.stack([noisy_camera(torch.zeros(1, 25))[0] for _ in range(2000)]).std(0)
    torch.testing.assert_close(alone, torch.tensor(CAMERA_DEVIATION), rtol=0.1, atol=1e-6)


def test_unit_moment():
    torch.testing.assert_close(unit_moment(torch.tensor([[3.0, 4.0]])).square().mean(), torch.tensor(1.0))
