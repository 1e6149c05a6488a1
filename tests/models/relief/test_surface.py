import numpy as np
import pytest

from cameo3d.models.relief.surface import _solve_poisson


@pytest.mark.parametrize("radius", [20, 30])
def test_constant_curvature_inflates_a_disc_to_half_a_ball(radius: int):
    side = 2 * radius + 11
    y, x = np.mgrid[:side, :side] - side // 2
    solid = np.hypot(x, y) < radius
    zero = np.zeros(solid.shape)
    squared = _solve_poisson(solid, zero, np.full(solid.shape, 4.0), zero)
    expected = np.clip(radius**2 - x**2 - y**2, 0, None)
    middle = np.hypot(x, y) < 0.9 * radius
    # The disc's edge is known to half a cell only, which is worth `radius` in the square.
    np.testing.assert_allclose(squared[middle], expected[middle], atol=1.2 * radius)


def test_a_strong_pull_wins_over_the_border():
    solid = np.ones((30, 30), bool)
    solid[0] = False
    pull = np.full(solid.shape, 100.0)
    result = _solve_poisson(solid, np.full(solid.shape, 9.0), 100.0 * np.full(solid.shape, 2.0), pull)
    np.testing.assert_allclose(result[5:], 2.0, atol=1e-3)
