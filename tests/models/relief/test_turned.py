import cv2
import numpy as np
import pytest

from cameo3d.models.relief.outward import Outward, outward_colors
from cameo3d.models.relief.surface import Heights
from cameo3d.models.relief.turned import TurnedColors, turned_colors

SIDE, CELL, RADIUS, PER_METER = 256, 4, 80, 1000.0
WALL = (60, 90, 200)


@pytest.fixture
def ball() -> tuple[np.ndarray, np.ndarray, np.ndarray, Outward, Heights, np.ndarray, float, float]:
    """A ball before a wall, with rays of two colours, 2 pixels wide at its outline; its face is narrow."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5 - SIDE / 2
    away = np.hypot(x, y)
    matte = cv2.blur((away < RADIUS).astype(np.float32), (3, 3))
    bright = np.sin(np.arctan2(y, x) * RADIUS * np.pi / 2) > 0
    colors = np.where(bright[..., None], (180, 130, 110), (120, 80, 60)).astype(np.uint8)
    plate = np.full((SIDE, SIDE, 3), WALL, np.uint8)
    row, column = (np.mgrid[: SIDE // CELL, : SIDE // CELL] + 0.5) * CELL - SIDE / 2
    apart = np.hypot(row, column)
    depths = 1 - np.sqrt((RADIUS**2 - apart**2).clip(0)) / PER_METER
    whole = np.ones_like(apart, np.float32)
    heights = Heights(
        depths.astype(np.float32),
        whole,
        ((RADIUS - apart).clip(0) / PER_METER).astype(np.float32),
        apart < RADIUS + 2 * CELL,
        whole,
        (apart < 0.7 * RADIUS).astype(np.float32),
    )
    alike, ears = np.zeros((SIDE // 2,) * 2, np.float32), np.zeros(apart.shape, np.bool_)
    outward = outward_colors(colors, matte, plate, alike, heights.face, 0 * whole, 2.0, PER_METER)
    return colors, matte, plate, outward, heights, ears, CELL / PER_METER, 2.0


def around(image: np.ndarray, share: float) -> np.ndarray:
    """Colours on a circle within the ball."""
    angles = np.linspace(0, 2 * np.pi, 1000)
    places = SIDE / 2 + share * RADIUS * np.stack((np.sin(angles), np.cos(angles)))
    return image[tuple(places.astype(int))].astype(float)


def test_what_is_seen_edge_on_loses_detail_along_the_outline(ball):
    turned = turned_colors(*ball)[..., :3]
    before, after = (around(image, 0.96).std(0) for image in (ball[0], turned))
    assert (after < 0.5 * before).all()
    assert around(turned, 0.96).mean(0) == pytest.approx(around(ball[0], 0.96).mean(0), abs=4)


def test_what_the_photo_shows_well_is_left_alone(ball):
    turned = turned_colors(*ball)[..., :3]
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5 - SIDE / 2
    inner = np.hypot(x, y) < 0.7 * RADIUS
    np.testing.assert_array_equal(turned[inner], ball[0][inner])


def test_the_torso_keeps_the_colours_of_the_photo(ball):
    colors, matte, plate, outward, heights, ears, cell, scale = ball
    torso = heights._replace(head=np.zeros_like(heights.head))
    turned = turned_colors(colors, matte, plate, outward, torso, ears, cell, scale)
    np.testing.assert_array_equal(turned[..., :3], colors)
    assert (turned[..., 3] == 128).all()


def test_a_wall_that_shines_through_a_whole_outline_is_gone(ball):
    colors, matte, plate, outward, heights, ears, cell, scale = ball
    plain = np.full_like(colors, (150, 100, 80))
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5 - SIDE / 2
    ring = np.hypot(x, y) > RADIUS - 2
    mixed = plain.copy()
    mixed[ring] = (plain[ring] // 2 + plate[ring] // 2).astype(np.uint8)
    outward = outward_colors(
        mixed,
        matte,
        plate,
        np.zeros((SIDE // 2,) * 2, np.float32),
        heights.face,
        heights.head * 0,
        scale,
        PER_METER,
    )
    turned = turned_colors(mixed, matte, plate, outward, heights, ears, cell, scale)[..., :3]
    np.testing.assert_allclose(around(turned, 0.99), (150, 100, 80) + np.zeros((1000, 1)), atol=6)


def test_half_a_turn_is_half_of_the_change():
    texture = np.full((4, 4, 4), 100, np.uint8)
    turned = texture[..., :3].copy()
    turned[1, 2] = (140, 100, 60)
    change = TurnedColors.between(texture, turned)
    assert change.places.tolist() == [[1, 2]]
    change.add(texture, 0.5)
    assert texture[1, 2].tolist() == [120, 100, 80, 100]
    assert (np.delete(texture.reshape(16, 4), 6, 0) == 100).all()
