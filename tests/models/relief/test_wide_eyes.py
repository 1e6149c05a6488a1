import numpy as np
import pytest

from cameo3d.models.relief.eyes import LIDS, Eye, bare_eye, draw_eye, make_eye

WHITE, IRIS, SHADOW = (220, 210, 205), (90, 60, 40), (60, 50, 45)
MIDDLE, HALF = np.array((100.0, 60.0)), np.array((40.0, 14.0))
SKIN = (200, 150, 130)


def outline(opened: float = 1.0) -> np.ndarray:
    """Upper lid from corner to corner, then the lower one back."""
    angle = np.linspace(np.pi, 0, 9)
    upper = MIDDLE + HALF * np.column_stack((np.cos(angle), -opened * np.sin(angle)))
    lower = MIDDLE + HALF * np.column_stack((np.cos(angle), np.sin(angle)))
    return np.concatenate((upper, lower[1:-1][::-1])).astype(np.float32)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """An eye under the shadow of its upper lid, four pixels wide."""
    image = np.empty((120, 200, 3), np.uint8)
    image[:] = SKIN
    x, y = np.meshgrid(np.arange(200) + 0.5, np.arange(120) + 0.5)
    inside = (((x - MIDDLE[0]) / HALF[0]) ** 2 + ((y - MIDDLE[1]) / HALF[1]) ** 2) < 1
    image[inside] = WHITE
    image[inside & (np.hypot(x - MIDDLE[0], y - MIDDLE[1]) < 13)] = IRIS
    image[inside & ~np.roll(inside, 4, 0)] = SHADOW
    return image


@pytest.fixture(scope="module")
def eye(photo) -> tuple[Eye, np.ndarray]:
    landmarks = np.zeros((478, 3), np.float32)
    upper, lower = LIDS[0]
    landmarks[list(upper), :2], landmarks[list(lower[1:-1])[::-1], :2] = np.split(outline(), [9])
    center, around = [474, 475, 476, 477], MIDDLE + 12 * np.array(((1, 0), (0, -1), (-1, 0), (0, 1)))
    landmarks[473, :2], landmarks[center, :2] = MIDDLE, around
    made = make_eye(0, photo, landmarks, np.ones(468, np.float32), _rays)
    return made, bare_eye(made, landmarks[:468, :2], 0)


def _rays(at: np.ndarray) -> np.ndarray:
    return np.column_stack((at, np.ones(len(at)))).astype(np.float32)


def drawn(photo: np.ndarray, eye: tuple[Eye, np.ndarray], opened: float) -> np.ndarray:
    output = np.dstack((photo, np.full(photo.shape[:2], 255, np.uint8)))
    pixels = eye[0].patch.positions.numpy()[:, :2].copy()
    draw_eye(output, eye[0], pixels, outline(opened), np.zeros(2, np.float32), 1 - opened, eye[1])
    return output[..., :3].astype(int)


def test_eyes_that_are_as_wide_as_in_the_photo_look_as_there(photo, eye):
    rest = drawn(photo, eye, 1.0)
    inner = np.s_[50:70, 75:125]
    assert np.abs(rest[inner] - photo[inner].astype(int)).max() <= 2


def test_no_shadow_of_the_lid_stays_on_an_eye_that_opens_wider(photo, eye):
    row, column = int(MIDDLE[1] - HALF[1] * 0.75), 122  # beside the iris, where the lid was
    assert photo[row, column].mean() < 60
    assert drawn(photo, eye, 1.7)[row, column].mean() > 0.75 * np.mean(WHITE)


def test_an_iris_goes_on_above_where_the_lid_cut_it_and_the_lid_has_a_shadow_of_its_own(photo, eye):
    wide = drawn(photo, eye, 1.7)
    assert np.abs(wide[int(MIDDLE[1] - 11), 100] - IRIS).max() < 25
    top = int(MIDDLE[1] - 1.7 * HALF[1])
    assert wide[top + 1 : top + 3, 100].mean() < 0.8 * wide[top + 7 : top + 9, 100].mean()
