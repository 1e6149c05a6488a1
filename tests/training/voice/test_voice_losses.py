import math

import pytest
import torch

from cameo3d.training.voice.losses import (
    UNLABELLED,
    correlation_loss,
    latent_loss,
    naming_loss,
    opening_loss,
    shape_loss,
    velocity_loss,
)

ALL = torch.ones(2, 5, dtype=torch.bool)


def test_shape_loss_counts_in_spreads_and_only_known_frames():
    weights, targets = torch.zeros(1, 3, 2), torch.tensor([[[0.1, 0.4], [0.1, 0.4], [9.0, 9.0]]])
    known = torch.tensor([[True, True, False]])
    loss = shape_loss(weights, targets, torch.tensor([0.1, 0.2]), known)
    torch.testing.assert_close(loss, torch.tensor(1.5))


def test_opening_loss_is_the_mean_error_and_zero_where_nothing_is_known():
    openings = torch.full((2, 5), 0.05)
    torch.testing.assert_close(opening_loss(openings, torch.zeros(2, 5), ALL), torch.tensor(1.0))
    assert opening_loss(openings, torch.zeros(2, 5), ~ALL) == 0


def test_velocity_loss_ignores_what_stays_the_same():
    openings = torch.rand(2, 5, generator=torch.Generator().manual_seed(0))
    assert velocity_loss(openings + 0.3, openings, ALL) < 1e-5
    slope = torch.arange(5.0).expand(2, 5) * 0.02
    torch.testing.assert_close(velocity_loss(slope, torch.zeros(2, 5), ALL), torch.tensor(1.0))


@pytest.mark.parametrize(("sign", "loss"), [(1.0, 0.0), (-1.0, 2.0)])
def test_discord_is_zero_in_step_and_two_against_it(sign, loss):
    wave = torch.sin(torch.arange(5.0)).expand(2, 5)
    found = correlation_loss(0.3 + sign * 2 * wave, wave, ALL)
    torch.testing.assert_close(found, torch.tensor(loss), atol=1e-5, rtol=0)


def test_discord_does_not_see_unknown_frames():
    wave = torch.sin(torch.arange(5.0)).repeat(2, 1)
    spoilt = wave.clone()
    spoilt[:, 4] = 100
    known = ALL.clone()
    known[:, 4] = False
    assert correlation_loss(spoilt, wave, known) < 1e-5


def test_naming_loss_skips_what_is_not_labelled():
    certain = torch.log(torch.tensor([0.5, 0.5])).expand(1, 2, 2)
    torch.testing.assert_close(
        naming_loss(certain, torch.tensor([[0, UNLABELLED]])), torch.tensor(math.log(2))
    )


def test_latent_loss_is_zero_on_average_if_the_posterior_is_the_prior():
    noise = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0))
    density = (-0.5 * noise.square() - 0.5 * math.log(2 * math.pi)).sum(-1)
    loss = latent_loss(density, noise, torch.zeros(2, 5), ALL)
    torch.testing.assert_close(loss, torch.tensor(0.0), atol=1e-5, rtol=0)
