import numpy as np

from cameo3d.perception.matte import guided_filter

GUIDE = np.random.default_rng(4).uniform(size=(40, 50, 3)).astype(np.float32)


def test_a_mask_that_is_linear_in_the_colours_comes_back():
    mask = (GUIDE @ np.array([0.3, -0.2, 0.5], np.float32) + np.float32(0.1)).astype(np.float32)
    np.testing.assert_allclose(guided_filter(GUIDE, mask, 3, 1e-7), mask, atol=1e-4)


def test_over_one_colour_a_mask_is_only_blurred_twice():
    mask = np.zeros((40, 50), np.float32)
    mask[20, 25] = 1
    smooth = guided_filter(np.full_like(GUIDE, 0.4), mask, 2, 1e-4)
    tent = np.array([1, 2, 3, 4, 5, 4, 3, 2, 1]) / 25
    wanted = np.zeros_like(mask)
    wanted[16:25, 21:30] = tent[:, None] * tent
    np.testing.assert_allclose(smooth, wanted, atol=1e-5)


def test_colours_that_are_not_linear_are_fitted_by_least_squares_in_every_window():
    rng, radius, epsilon = np.random.default_rng(5), 2, 1e-3
    guide = rng.uniform(size=(13, 13, 3)).astype(np.float32)
    mask = rng.uniform(size=(13, 13)).astype(np.float32)
    fits = {}
    for row in range(4, 9):
        for column in range(4, 9):
            window = np.s_[row - radius : row + radius + 1, column - radius : column + radius + 1]
            colors, values = guide[window].reshape(-1, 3).astype(float), mask[window].ravel().astype(float)
            spread = np.cov(colors.T, bias=True) + epsilon * np.eye(3)
            slope = np.linalg.solve(spread, (colors - colors.mean(0)).T @ (values - values.mean()) / 25)
            fits[row, column] = *slope, values.mean() - slope @ colors.mean(0)
    mean = np.mean(list(fits.values()), axis=0)
    wanted = mean[:3] @ guide[6, 6] + mean[3]
    assert abs(guided_filter(guide, mask, radius, epsilon)[6, 6] - wanted) < 1e-5
