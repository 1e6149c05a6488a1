import numpy as np
import pytest

from cameo3d.geometry.rasterizer import rasterize
from cameo3d.imaging.cubic import look_up_cubic
from cameo3d.models.relief.surface_kernel import SurfaceDrawer, lay_over, shown_blocks

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


def flat(size: int) -> SurfaceDrawer:
    """What has drawn two triangles over a whole picture, each pixel from its own place in the texture."""
    drawer = SurfaceDrawer(size, size, 6.0)
    corners = np.array(((0, 0), (size, 0), (0, size), (size, size)), np.float32)
    triangles = np.array(((0, 1, 2), (1, 3, 2)), np.int32)
    drawer.draw(corners, np.ones(4, np.float32), triangles, corners, TEXTURE, SHOWN)
    return drawer


def test_a_back_is_seen_where_the_front_is_soft_or_ends():
    front = np.full((20, 20, 4), 255, np.uint8)
    front[:, 12:, 3] = 180
    cover, open_ = np.full((20, 20), 255, np.uint8), np.zeros((20, 20), np.uint8)
    drawer = flat(20)
    assert not drawer.seen_through(front, cover, open_, 1.0)[:, :11].any()
    assert drawer.seen_through(front, cover, open_, 1.0)[:, 11:].all()
    assert not drawer.seen_through(front, cover, open_, 1.5).any()
    cover[:5] = 100
    assert drawer.seen_through(front, cover, open_, 1.5)[:6].all()


def test_gaps_that_are_none_in_the_person_close_as_the_head_turns():
    front, cover = np.zeros((20, 20, 4), np.uint8), np.full((20, 20), 255, np.uint8)
    body = np.zeros((20, 20), np.uint8)
    body[:, 12:] = 255
    drawer = flat(20)
    drawer.seen_through(front, cover, body, 1.0)
    assert not front.any()
    drawer.seen_through(front, cover, body, 2.0)
    assert (front[:, 12:, 3] == 255).all()
    assert not front[:, :12].any()


def test_over_the_back_gaps_in_the_fronts_matte_close():
    back, cover = np.full((1, 4, 4), 100, np.uint8), np.full((1, 4), 255, np.uint8)
    back[..., 3] = 0  # It is opaque all the same.
    front = np.full((1, 4, 4), 200, np.uint8)
    front[0, :, 3] = 0, 43, 85, 255
    lay_over(front, cover, back, cover, cover > 0, 2.0)
    assert np.abs(front[0, :, 0].astype(int) - (100, 150, 200, 200)).max() <= 1
    assert (front[..., 3] == 255).all()


def test_a_head_that_does_not_turn_shows_no_back():
    front, back = np.full((1, 1, 4), 90, np.uint8), np.full((1, 1, 4), 255, np.uint8)
    cover = np.full((1, 1), 255, np.uint8)
    lay_over(front, cover, back, cover, cover > 0, 1.0)
    assert (front == 90).all()


def test_an_opaque_surface_has_no_dark_rim(soup):
    points, depths, triangles, places = soup
    drawer = SurfaceDrawer(SIZE, SIZE, 6.0)
    bright = np.full_like(TEXTURE, 200)
    image = drawer.draw(points, depths, triangles, places, bright, np.ones_like(SHOWN))
    assert (drawer.cover()[image[..., 0] == 0] > 0).any()
    assert (image[drawer.inner_cover() > 0][:, 0] > 190).all()
