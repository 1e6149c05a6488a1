import cv2
import numpy as np
import pytest

from cameo3d.geometry.face_topology import INNER_LIP_LOWER, INNER_LIP_UPPER, OUTER_LIP_LOWER, OUTER_LIP_UPPER
from cameo3d.models.relief.lips import Lips, draw_lips, make_lips

MIDDLE, HALF = 60, 45
"""Row in which the lips meet, and half the width of the mouth, pixels at two thousand a metre."""
THICK, APART = 20, 14
"""Rows of a lip, and between the lips in the photo."""
FRINGE = 3
"""Rows of each lip that are as bright as the teeth beside them."""
LIP, TEETH = np.array((170, 100, 90)), np.array((240, 235, 220))
DOWN = np.array((0, 1, 0), np.float32)


def face(apart: float = APART) -> tuple[np.ndarray, np.ndarray]:
    """Vertices around a straight mouth, in pixels and in space."""
    points = np.zeros((468, 2), np.float32)
    for line, row in (
        (OUTER_LIP_UPPER, MIDDLE - apart / 2 - THICK),
        (OUTER_LIP_LOWER, MIDDLE + apart / 2 + THICK),
        (INNER_LIP_UPPER, MIDDLE - apart / 2),
        (INNER_LIP_LOWER, MIDDLE + apart / 2),
    ):
        points[list(line)] = np.column_stack((np.linspace(80 - HALF, 80 + HALF, 11), np.full(11, row)))
    points[[INNER_LIP_UPPER[0], INNER_LIP_UPPER[-1]], 1] = MIDDLE
    return points, np.column_stack((points / 2000, np.ones(468))).astype(np.float32)


def picture(apart: float = APART) -> np.ndarray:
    """Lips of one colour with teeth, and their glare, between them, and dark corners."""
    image = np.full((120, 160, 4), 255, np.uint8)
    image[..., :3] = LIP
    half = int(apart / 2 + FRINGE)
    image[MIDDLE - half : MIDDLE + half, :, :3] = TEETH
    image[MIDDLE - half : MIDDLE + half, [*range(35, 39), *range(121, 125)], :3] = 25
    return image


@pytest.fixture(scope="module")
def lips() -> Lips:
    made = make_lips(picture(), *face(), DOWN)
    assert made is not None
    return made


def drawn(lips: Lips, apart: float) -> np.ndarray:
    image = picture(apart)
    points, positions = face(apart)
    draw_lips(image, lips, positions, DOWN, points)
    return image


def test_lips_that_meet_in_the_photo_are_left_to_it():
    assert make_lips(picture(0), *face(0), DOWN) is None


@pytest.mark.parametrize("apart", [APART, APART + 10])
def test_lips_that_have_not_closed_leave_the_picture_alone(lips, apart):
    np.testing.assert_array_equal(drawn(lips, apart), picture(apart))


def test_closed_lips_meet_in_a_dark_line_without_teeth(lips):
    across = drawn(lips, 0)[MIDDLE - 8 : MIDDLE + 8, 60:100, :3].mean(1)
    assert (across < LIP + 8).all()
    darkest = across.mean(-1).argmin()
    assert darkest in (7, 8)  # the rows on either side of where they meet
    assert across[darkest].mean() < 0.7 * LIP.mean()
    # Beyond the line there is lip, a little shaded.
    assert across[[1, -2]].mean() > 0.8 * LIP.mean()


def test_closing_lips_change_steadily(lips):
    # Seen from so far that moving edges are soft, as for an eye that looks for flashes.
    steps = [drawn(lips, apart)[..., :3].astype(float) for apart in np.arange(APART, -0.5, -0.5)]
    seen = np.stack([cv2.GaussianBlur(step, (0, 0), 4) for step in steps])
    # Largest step measured: 25 of 255 in a quarter of a millimetre; the teeth's last row alone makes 18.
    assert np.abs(np.diff(seen, axis=0)).max() < 40


def test_haze_lies_on_the_line_between_lips_too():
    hazy = picture()
    hazy[..., :3] = 120 + hazy[..., :3] // 3
    lips = make_lips(hazy, *face(), DOWN)
    assert lips is not None
    # In the middle, away from the corners, which are darker than haze since sampling sharpens.
    assert lips.texture[:, 20:44, :3].mean(-1).min() > 120
