import cv2
import numpy as np
import pytest

from cameo3d.models.relief.rims import sharp_rims

EYES = np.array(((190.0, 100.0), (90.0, 100.0)))


def _glasses(thickness: int, square: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A photo of glasses on grey skin, where their rims are, and their lenses."""
    rim, lens = np.zeros((200, 280), np.uint8), np.zeros((200, 280), np.uint8)
    angles = np.linspace(0, 2 * np.pi, 200)
    round_ = (np.abs(np.cos(angles)) ** square + np.abs(np.sin(angles)) ** square) ** (-1 / square)
    for x, y in EYES:
        ring = np.stack((x + 40 * round_ * np.cos(angles), y + 8 + 30 * round_ * np.sin(angles)), -1)
        ring = np.rint(ring).astype(np.int32)
        cv2.fillPoly(lens, [ring], 255)
        cv2.polylines(rim, [ring], True, 255, thickness)
    photo = np.full((200, 280, 3), 170, np.uint8)
    photo[rim > 0] = 60
    return photo, rim > 0, lens


@pytest.mark.parametrize(("thickness", "square"), [(3, 2.0), (8, 2.0), (4, 5.0)])
def test_rims_are_drawn_sharp_from_maps_that_are_not(thickness, square):
    photo, rim, lens = _glasses(thickness, square)
    soft = cv2.GaussianBlur(rim.astype(np.float32), (0, 0), 4)
    found = sharp_rims(photo, soft, cv2.GaussianBlur(lens.astype(np.float32) / 255, (0, 0), 4), EYES) > 0.5
    assert found[rim].mean() > 0.9
    assert cv2.dilate(rim.astype(np.uint8), np.ones((7, 7)))[found].mean() > 0.9


def test_without_lenses_the_map_stays_as_it_is():
    soft = np.random.default_rng(0).random((200, 280), np.float32)
    same = sharp_rims(np.zeros((200, 280, 3), np.uint8), soft, np.zeros_like(soft), EYES)
    np.testing.assert_array_equal(same, soft)
