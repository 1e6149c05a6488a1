import numpy as np
import pytest
from skimage.data import astronaut
from skimage.filters import gaussian
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from cameo3d.evaluation.metrics.features import csim, frechet_distance, identity_distance
from cameo3d.evaluation.metrics.lips import lip_correlation, lip_delay_frames
from cameo3d.evaluation.metrics.pixels import l1, psnr, ssim

PICTURE = astronaut()[::4, ::4].copy()
NOISE = np.random.default_rng(0).normal(size=PICTURE.shape)


def noisy(strength: float) -> np.ndarray:
    return (PICTURE + strength * NOISE).clip(0, 255).astype(np.uint8)


def blurred(sigma: float) -> np.ndarray:
    return (255 * gaussian(PICTURE, sigma, channel_axis=-1)).astype(np.uint8)


def test_a_constant_difference_has_closed_forms():
    dark, light = np.full((2, 16, 16, 3), [[[[0]]], [[[51]]]], np.uint8)
    assert l1(dark, light) == pytest.approx(0.2)
    assert psnr(dark, light) == pytest.approx(-20 * np.log10(0.2))
    assert ssim(dark, light) == pytest.approx(1e-4 / (0.04 + 1e-4))


def test_psnr_agrees_with_scikit_image():
    assert psnr(noisy(9), PICTURE) == pytest.approx(peak_signal_noise_ratio(PICTURE, noisy(9)))


@pytest.mark.parametrize("data_range", [1.0, 2.0])
def test_ssim_agrees_with_scikit_image(data_range):
    expected = structural_similarity(
        noisy(9) / 255, PICTURE / 255, win_size=7, data_range=data_range, channel_axis=-1
    )
    assert ssim(noisy(9), PICTURE, data_range) == pytest.approx(expected, abs=1e-12)


def test_ssim_needs_a_window():
    with pytest.raises(ValueError, match="at least 7x7 pixels"):
        ssim(PICTURE[:6], PICTURE[:6])


@pytest.mark.parametrize("worsen", [noisy, blurred])
def test_more_corruption_is_never_better(worsen):
    steps = [worsen(strength) for strength in (1, 3, 8)]
    for measure, sign in ((l1, 1), (psnr, -1), (ssim, -1)):
        values = [sign * measure(step, PICTURE) for step in steps]
        assert values == sorted(values)


def test_a_doubled_range_raises_ssim():
    assert ssim(noisy(9), PICTURE, data_range=2.0) > ssim(noisy(9), PICTURE)


def test_normal_distributions_on_the_same_axes_have_a_known_distance():
    found = frechet_distance(np.zeros(2), np.diag([1.0, 4.0]), np.array([3.0, 0.0]), np.diag([9.0, 4.0]))
    assert found == pytest.approx(9 + (1 - 3) ** 2)


def test_the_identity_distance_is_that_of_the_embeddings():
    assert identity_distance(np.array([3.0, 0.0]), np.array([0.0, 4.0])) == 5.0


def test_csim_is_the_cosine_of_the_angle():
    assert csim(np.array([2.0, 0.0]), np.array([1.0, 1.0])) == pytest.approx(np.sqrt(0.5))


@pytest.mark.parametrize("late", [-5, 0, 3])
def test_a_shift_is_found_as_delay(late):
    truth = np.random.default_rng(1).normal(size=60)
    assert lip_delay_frames(np.roll(truth, late), truth) == late


def test_lips_that_never_move_do_not_correlate():
    assert lip_correlation(np.ones(9), np.arange(9.0)) == 0
