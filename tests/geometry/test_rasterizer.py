import numpy as np

from cameo3d.geometry.rasterizer import rasterize

QUAD = np.array([[0, 0], [8, 0], [0, 6], [8, 6]], np.float32)
TWO_TRIANGLES = np.array([[0, 1, 2], [2, 1, 3]], np.int32)


def test_positions_are_interpolated_at_pixel_centres():
    raster = rasterize(QUAD, np.ones(4, np.float32), TWO_TRIANGLES, QUAD, 6, 8)
    x, y = np.meshgrid(np.arange(8) + 0.5, np.arange(6) + 0.5)
    np.testing.assert_allclose(raster.attributes, np.stack((x, y), -1), atol=1e-5)


def test_neighbouring_triangles_leave_no_crack():
    points = np.random.default_rng(0).uniform(1, 39, (60, 2)).astype(np.float32)
    from scipy.spatial import Delaunay

    triangles = Delaunay(points).simplices.astype(np.int32)
    raster = rasterize(points, np.ones(60, np.float32), triangles, points, 40, 40)
    inside = Delaunay(points).find_simplex(np.stack(np.meshgrid(np.arange(40), np.arange(40)), -1) + 0.5) >= 0
    assert np.isfinite(raster.depths[inside]).all()


def test_the_nearer_surface_hides_the_farther_one_in_any_order():
    points = np.concatenate((QUAD, QUAD))
    depths = np.repeat(np.array([2, 1], np.float32), 4)
    labels = depths[:, None].copy()
    both = np.concatenate((TWO_TRIANGLES, TWO_TRIANGLES + 4))
    for triangles in (both, both[::-1].copy()):
        raster = rasterize(points, depths, triangles, labels, 6, 8)
        np.testing.assert_allclose(raster.attributes, 1)


def test_nothing_is_drawn_outside_the_picture_or_for_flat_triangles():
    points = np.array([[-50, -50], [-40, -50], [-50, -40], [1, 1], [2, 2], [3, 3]], np.float32)
    triangles = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    raster = rasterize(points, np.ones(6, np.float32), triangles, points, 6, 8)
    assert not np.isfinite(raster.depths).any()
