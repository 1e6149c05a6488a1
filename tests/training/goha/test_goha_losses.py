import pytest
import torch
from tiny_stages import Features

from cameo3d.training.goha.losses import NeutralPair, blurred, neutral_losses, neutral_pairs, vgg_l1


def first_pixel_distance(one, other):
    return (one - other)[:, 0, 0, 0]


def test_the_neutral_pair_is_the_drawn_face_on_grey_and_the_resting_photo_on_black():
    render = torch.full((1, 3, 4, 4), 0.5)
    drawing = torch.full((1, 3, 4, 4), 0.75)
    coverage = torch.zeros(1, 1, 4, 4)
    coverage[..., :2, :] = 1
    truth, resting = torch.full((1, 3, 4, 4), -0.25), torch.ones(1, 1, 4, 4)
    resting[..., 3] = 0
    made, wanted = neutral_pairs(render, drawing, coverage, truth, resting)
    expected = torch.zeros(4, 4)
    expected[:2] = 1
    torch.testing.assert_close(made.drawn[0, 0], 0.5 * expected)
    torch.testing.assert_close(wanted.drawn[0, 0], 0.5 * expected)  # 0.75 of [0, 1] is 0.5 of [-1, 1]
    for still, value in ((made.still, 0.5), (wanted.still, -0.25)):
        torch.testing.assert_close(still[0, 0, :, :3], torch.full((4, 3), value))
        torch.testing.assert_close(still[0, 0, :, 3], torch.full((4,), -1.0))


def test_the_neutral_loss_counts_the_drawn_face_three_times():
    flat = torch.ones(2, 3, 4, 4)
    made, wanted = NeutralPair(0.5 * flat, 0.2 * flat), NeutralPair(0.1 * flat, 0.1 * flat)
    losses = neutral_losses(made, wanted, first_pixel_distance)
    assert float(losses["l1"]) == pytest.approx((0.4 + 0.1) / 2)
    assert float(losses["perceptual"]) == pytest.approx(3 * 0.4 + 0.1)


def test_features_of_unit_pictures_are_weighted_by_depth():
    one, other = torch.full((1, 3, 8, 8), 0.6), torch.full((1, 3, 8, 8), -0.2)
    network = Features()
    network.layer.weight.zero_()
    assert network.layer.bias is not None
    network.layer.bias.zero_()
    # Four of five maps are the picture itself, whose values differ by 0.4 in [0, 1].
    assert float(vgg_l1(network, one, other)) == pytest.approx(0.4 * (0.1 + 0.1 + 1 + 1))


def test_a_blurred_picture_keeps_its_size_and_even_colours():
    image = torch.full((1, 3, 8, 8), 0.3)
    torch.testing.assert_close(blurred(image, 4), image)
    step = torch.cat((torch.zeros(1, 3, 8, 4), torch.ones(1, 3, 8, 4)), dim=-1)
    # Pixels 4 and 5 are one small pixel each side of the edge, mixed a quarter to three quarters again.
    torch.testing.assert_close(blurred(step, 4)[0, 0, 0, 3:5], torch.tensor([0.25, 0.75]))
