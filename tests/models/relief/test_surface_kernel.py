import numpy as np
import pytest

from cameo3d.geometry.rasterizer import rasterize
from cameo3d.imaging.cubic import look_up_cubic
from cameo3d.models.relief.surface_kernel import SurfaceDrawer, lay_over, seen_through, shown_blocks

SIZE = 40
TEXTURE = np.random.default_rng(5).integers(0, 256, (50, 60, 4), dtype=np.uint8)
SHOWN = shown_blocks(TEXTURE)


@pytest.fixture
def soup() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Points, depths, triangles that cross one another, and where they lie in the texture."""
    rng = np.random.default_rng(7)
    points = rng.uniform(-5, SIZE + 5, (60, 2)).astype(np.float32)
    places = rng.uniform(5, 45, (60, 2)).astype(np.float32)
    return (
        points,
        rng.uniform(1, 2, 60).astype(np.float32),
        np.arange(60, dtype=np.int32).reshape(-1, 3),
        places,
    )


def test_a_surface_is_where_the_rasterizer_has_it(soup):
    points, depths, triangles, places = soup
    drawer = SurfaceDrawer(SIZE, SIZE, 6.0)
    image = drawer.draw(points, depths, triangles, places, TEXTURE, SHOWN)
    wanted = rasterize(points, depths, triangles, places, SIZE, SIZE)
    seen = np.isfinite(wanted.depths)
    np.testing.assert_allclose(drawer.depths[seen], wanted.depths[seen], atol=1e-5)
    colors = look_up_cubic(TEXTURE, wanted.attributes)
    assert np.abs(image[seen].astype(int) - colors[seen]).max() <= 2  # Grey levels, of a picture of noise.
    assert not image[~seen].any()
    assert 0.3 < seen.mean() < 1


def test_only_what_is_asked_for_is_drawn(soup):
    drawer = SurfaceDrawer(SIZE, SIZE, 6.0)
    points, depths, triangles, places = soup
    whole = drawer.draw(points, depths, triangles, places, TEXTURE, SHOWN)
    where = np.zeros((SIZE, SIZE), np.bool_)
    where[3:9, 20:31] = True
    image = drawer.draw(points, depths, triangles, places, TEXTURE, SHOWN, where)
    np.testing.assert_array_equal(image[where], whole[where])
    assert not image[~where].any()


def test_a_back_is_seen_where_the_front_is_soft_or_ends():
    front = np.full((20, 20, 4), 255, np.uint8)
    front[:, 12:, 3] = 180
    cover = np.full((20, 20), 255, np.uint8)
    assert not seen_through(front, cover, 1.0)[:, :11].any()
    assert seen_through(front, cover, 1.0)[:, 11:].all()
    assert not seen_through(front, cover, 1.5).any()
    cover[:5] = 100
    assert seen_through(front, cover, 1.5)[:6].all()


def test_half_of_a_front_over_a_full_back_is_their_mean():
    front, back = np.full((2, 2, 4), 200, np.uint8), np.full((2, 2, 4), 100, np.uint8)
    front[..., 3], back[..., 3] = 51, 255
    cover = np.full((2, 2), 255, np.uint8)
    lay_over(front, cover, back, cover, cover > 0, 2.5)
    assert np.abs(front[..., :3].astype(int) - 150).max() <= 1
    assert (front[..., 3] == 255).all()
