import numpy as np
import pytest

from cameo3d.models.relief.behind import back_colors, back_heights, closed_gaps, filled_gaps
from cameo3d.models.relief.surface import Heights

SIDE, CELL, PER_METER = 256, 4, 800.0
GREEN, RED, BLUE, PINK = (0, 200, 0), (200, 0, 0), (0, 0, 200), (220, 150, 130)


def disc(x: float, y: float, radius: float, side: int = SIDE) -> np.ndarray:
    rows, columns = np.mgrid[:side, :side] + 0.5
    return np.hypot(columns - x, rows - y) < radius


def cells(mask: np.ndarray) -> np.ndarray:
    return mask[::CELL, ::CELL].astype(np.float32)


@pytest.fixture
def head() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, Heights, np.ndarray, np.ndarray]:
    """A green face in a ball of red hair with pink ears; below it a blue neck."""
    ball, face = disc(128, 110, 70), disc(128, 120, 50)
    image = np.full((SIDE, SIDE, 3), 255, np.uint8)
    person = ball | disc(58, 110, 12) | disc(198, 110, 12)
    person[150:, 90:166] = True
    image[person], image[ball] = PINK, RED
    image[150:, 90:166][~ball[150:, 90:166]] = BLUE
    image[face] = GREEN
    strange = (np.abs(image.astype(float) - PINK).sum(-1) > 60).astype(np.float32)
    inside = (70 - np.hypot(*(np.mgrid[:SIDE, :SIDE] + 0.5 - [[[110]], [[128]]]))).clip(0) / PER_METER
    inside[150:, 90:166] = 0.03
    nothing = np.zeros((SIDE // CELL,) * 2, np.float32)
    follows = (np.mgrid[: SIDE // CELL, : SIDE // CELL][0] < 45).astype(np.float32)
    heights = Heights(nothing, nothing, cells(inside), cells(person) > 0, follows, cells(face))
    level = ((np.mgrid[: SIDE // CELL, : SIDE // CELL][0] + 0.5) * CELL - 110) / PER_METER
    ears = cells(disc(58, 110, 12) | disc(198, 110, 12)) > 0
    outward = image[::CELL, ::CELL].astype(np.float32)
    return image, person.astype(np.float32), strange, outward, heights, ears, level.astype(np.float32)


def test_the_back_of_a_round_head_is_round():
    away = np.linspace(0, 0.08, 9, dtype=np.float32)
    on_head = np.ones_like(away)
    heights = back_heights(0.08 - away, on_head, 0 * on_head)
    np.testing.assert_allclose(heights / 0.06, np.sqrt(1 - (away / 0.08) ** 2), atol=2e-3)


def test_behind_a_face_and_ears_is_hair_and_nothing_of_the_face(head):
    back = back_colors(*head).astype(int)
    for x, y in ((128, 110), (100, 115), (54, 110), (202, 110)):
        red, green, blue = back[y, x]
        assert red > 90
        assert max(green, blue) < 0.35 * red


def test_behind_the_jaw_is_the_neck(head):
    red, green, blue = back_colors(*head).astype(int)[190, 128]
    assert blue > 90
    assert max(red, green) < 0.35 * blue


def test_gaps_within_a_face_and_next_to_it_are_closed_and_no_others():
    matte = (disc(128, 128, 60) | disc(196, 128, 12)).astype(np.float32)
    matte[:, 185:188], matte[120:130, 70:76] = 0, 0  # between the face and an ear, and in the face
    angles = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    oval = np.stack((128 + 58 * np.cos(angles), 128 + 58 * np.sin(angles)), -1).astype(np.float32)
    closed = closed_gaps(matte, oval, PER_METER)
    assert min(closed[125, 73], closed[128, 186]) > 200
    assert closed[40, 40] == closed[128, 230] == 0


def test_a_closed_gap_takes_the_colours_around_it():
    colors, matte = np.full((SIDE, SIDE, 3), PINK, np.uint8), np.ones((SIDE, SIDE), np.float32)
    matte[100:110, 100:130], colors[100:110, 100:130] = 0, BLUE
    gaps = np.zeros((SIDE, SIDE), np.uint8)
    gaps[95:115, 95:120] = 255
    filled = filled_gaps(colors, matte, gaps).astype(int)
    assert np.abs(filled[105, 105] - PINK).max() < 12
    assert (filled[105, 125] == BLUE).all()
    assert (filled[matte == 1] == colors[matte == 1]).all()
