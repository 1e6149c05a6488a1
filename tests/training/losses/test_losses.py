"""Each loss against a number worked out by hand."""

import math

import pytest
import torch
from torch import nn

from cameo3d.training.losses.adversarial import fooling_loss, r1_penalty, telling_loss
from cameo3d.training.losses.density import density_tv, entropy, occlusion_l1, opacity_loss
from cameo3d.training.losses.lips import lip_batch, lip_l1, lip_squares
from cameo3d.training.losses.motion import AdaptiveWeight, blink_laplacian, plane_change
from cameo3d.training.losses.perceptual import Judge, PerceptualLoss
from cameo3d.training.losses.pixels import dilated, l1, masked_l1


def column(*values):
    return torch.tensor(values).reshape(1, 1, -1, 1)


def test_l1_is_the_mean_difference():
    assert l1(torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), -0.25)) == 0.25


def test_masked_l1_sums_colours_and_weighs_what_is_outside():
    picture, truth = torch.full((1, 3, 2, 1), 0.1), torch.zeros(1, 3, 2, 1)
    # Inside 3 x 0.1 = 0.3, outside 0.2 x 0.3 = 0.06; both below the limit of 0.5.
    assert masked_l1(picture, truth, column(1.0, 0.0), outside=0.2) == pytest.approx(0.18)
    # The slip of the official stage B: 0.6 inside, nothing outside.
    assert masked_l1(picture, truth, column(1.0, 0.0), -0.2, 0.6) == pytest.approx(0.09)


def test_masked_l1_cuts_the_largest_errors_at_the_80_percent_quantile():
    errors = torch.tensor([0.1, 0.2, 0.6, 0.9, 3.0])
    picture = (errors / 3).reshape(1, 1, 5, 1).expand(1, 3, 5, 1)
    # The quantile lies a fifth of the way from 0.9 to 3.0: at 0.9 + 0.2 x 2.1 = 1.32.
    found = masked_l1(picture, torch.zeros(1, 3, 5, 1), torch.ones(1, 1, 5, 1), outside=0.2)
    assert found == pytest.approx((0.1 + 0.2 + 0.6 + 0.9 + 1.32) / 5)


def test_errors_below_one_half_are_never_cut():
    picture = (torch.tensor([0.0, 0.0, 0.0, 0.0, 0.45]) / 3).reshape(1, 1, 5, 1).expand(1, 3, 5, 1)
    found = masked_l1(picture, torch.zeros(1, 3, 5, 1), torch.ones(1, 1, 5, 1), outside=0.2)
    assert found == pytest.approx(0.09)


def test_masks_grow_by_half_the_square_each_way():
    mask = torch.zeros(1, 1, 64, 64)
    mask[0, 0, 32, 32] = 1
    assert dilated(mask).sum() == 41 * 41
    assert dilated(mask)[0, 0, 12, 12] == 1
    assert dilated(mask)[0, 0, 11, 32] == 0


def test_adversarial_losses_are_softplus():
    assert fooling_loss(torch.zeros(3)) == pytest.approx(math.log(2))
    assert fooling_loss(torch.tensor([2.0])) == pytest.approx(math.log1p(math.exp(-2)))
    both = telling_loss(torch.tensor([1.0]), torch.tensor([-3.0]))
    assert both == pytest.approx(math.log1p(math.exp(-1)) + math.log1p(math.exp(-3)))


def test_r1_is_half_the_squared_slope_of_both_pictures():
    image, raw = (torch.randn(2, 3, 2, 2, requires_grad=True) for _ in range(2))
    # The score rises by 2 with each of 12 numbers of one picture, and by 1 with each of the other's.
    scores = 2 * image.sum(dim=(1, 2, 3)) + raw.sum(dim=(1, 2, 3))
    assert r1_penalty(scores, [image, raw]) == pytest.approx((12 * 4 + 12) / 2)


def test_r1_teaches_the_discriminator():
    layer = nn.Linear(4, 1)
    x = torch.randn(3, 4, requires_grad=True)
    r1_penalty(layer(x)[:, 0], [x]).backward()
    torch.testing.assert_close(layer.weight.grad, layer.weight.detach())  # slope of |w|^2 / 2


def test_density_tv_is_the_step_times_the_slope():
    torch.manual_seed(0)

    def slope(planes, points):
        assert points[:, :1000].abs().max() <= 0.5
        return points, 7 * points[..., 0]

    found = density_tv(slope, torch.zeros(40, 3, 1, 1, 1), side=1.0, step=5e-3)
    # The mean of |N(0, 0.005)| is 0.005 sqrt(2 / pi).
    assert float(found) == pytest.approx(7 * 5e-3 * math.sqrt(2 / math.pi), rel=0.02)


def test_opacity_is_1_on_the_head_and_0_off_it():
    found = opacity_loss(column(0.8, 0.5, 0.3), column(1.0, 1.0, 0.0))
    assert found == pytest.approx((0.2**2 + 0.5**2) / 2 + 0.3**2)


def test_entropy_is_in_bits():
    assert entropy(torch.tensor([0.5, 0.5])) == 1
    assert entropy(torch.tensor([0.25])) == pytest.approx(0.5 + 0.75 * math.log2(4 / 3))
    assert entropy(torch.tensor([0.0, 1.0])) < 2e-4


def test_occlusion_counts_outside_and_a_third_inside():
    found = occlusion_l1(column(0.9, 0.7, 0.2), column(1.0, 1.0, 0.0))
    assert found == pytest.approx(0.2 + 0.3 * (0.1 + 0.3) / 2)


def test_lip_squares_hold_the_lips_with_a_margin_and_stay_inside():
    points = torch.zeros(2, 68, 3)
    points[0, 48, :2], points[0, 54, :2] = torch.tensor([-0.2, 0.1]), torch.tensor([0.2, 0.1])
    points[1, 48:60, :2] = torch.tensor([0.99, 0.99])
    points[1, 50, 0] = 0.79
    squares = lip_squares(points, 100)
    # Lips from 40 to 60 and 50 to 55 pixels: half side int(1.2 x 10) = 12 around (50, 52).
    assert squares[0].tolist() == [38, 62, 40, 64]
    # 10 pixels wide at the corner: half side 6, moved inside.
    assert squares[1].tolist() == [88, 100, 88, 100]


def test_lip_l1_sees_only_the_square():
    picture, truth = torch.zeros(1, 3, 20, 20), torch.ones(1, 3, 20, 20)
    truth[:, :, 4:8, 6:10] = 0.25
    square = torch.tensor([[6, 10, 4, 8]])
    assert lip_l1(picture, truth, square) == 0.25
    assert (lip_batch(truth, square, 8) == 0.25).all()


def test_plane_terms_are_mean_differences():
    a, b, c = (torch.full((1, 3, 2, 2, 2), value) for value in (1.0, 2.5, 2.0))
    assert plane_change(a, b) == 1.5
    assert blink_laplacian(a, b, c) == 1.0
    assert blink_laplacian(a, (a + c) / 2, c) == 0


def test_a_weight_grows_by_a_hundredth_for_each_decade_above_its_aim():
    weight = AdaptiveWeight(aim=0.15, most=2.0)
    weight.follow(1.5)
    assert weight.value == pytest.approx(0.011)
    weight.follow(0.0015)
    assert weight.value == 0  # 0.011 - 0.02, but never negative
    off = AdaptiveWeight(aim=0.0, most=0.2)
    off.follow(3.0)
    assert off.value == 0


class Sum(nn.Module):
    """Two 'depths': the picture, and its red channel times four."""

    def forward(self, picture):
        return [picture, 4 * picture[:, :1]]


def test_the_perceptual_loss_weighs_depths_judges_and_smaller_sizes():
    loss = PerceptualLoss([Judge(Sum(), 1.0, (0.5, 1.0)), Judge(Sum(), 0.1, (1.0, 0.0))], size=8, smaller=2)
    found = loss(torch.full((1, 3, 16, 16), 0.5), torch.zeros(1, 3, 16, 16))
    # First judge 0.5 x 0.5 + 2; second 0.1 x 0.5; the first's last depth at sizes 4 and 2: twice 2.
    assert found == pytest.approx(0.25 + 2 + 0.05 + 4)
