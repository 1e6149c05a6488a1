import numpy as np
import pytest
from crop_projection import pixels_from_crop

from cameo3d.geometry.cameras import crop_intrinsics
from cameo3d.geometry.crops import (
    Ellipse,
    crop_from_pixels,
    five_points,
    picture_crop,
    portrait_crop,
    shown_square,
)
from cameo3d.geometry.face_model import load_face_model
from cameo3d.values import Crop


def face_in_pixels(shift=(0.0, 0.0), scale=1000.0):
    """The mean face a metre away, with irises wherever."""
    vertices = load_face_model().mean.numpy() + (0, 0, 1)
    points = vertices[:, :2] / vertices[:, 2:] * scale + shift
    landmarks = np.column_stack((points, vertices[:, 2] * scale))
    return np.concatenate((landmarks, landmarks[:10]))


def test_positions_in_the_crop_and_in_the_picture_undo_each_other():
    crop = Crop(310.25, 120.5, 87.0)
    points = np.random.default_rng(0).uniform(-50, 400, (20, 2))
    np.testing.assert_allclose(pixels_from_crop(crop_from_pixels(points, crop), crop), points)


def test_the_crop_reaches_from_0_to_1():
    corners = np.array([(10.0, 20.0), (50.0, 60.0), (30.0, 40.0)])
    expected = np.array([(0.0, 0.0), (1.0, 1.0), (0.5, 0.5)])
    np.testing.assert_allclose(crop_from_pixels(corners, Crop(30.0, 40.0, 40.0)), expected)


def test_the_crop_moves_and_grows_with_the_face():
    crop, other = portrait_crop(face_in_pixels()), portrait_crop(face_in_pixels((70.0, -30.0), 2500.0))
    assert other.side == pytest.approx(2.5 * crop.side)
    assert other.center_x - 70 == pytest.approx(2.5 * crop.center_x, abs=1e-6)
    assert other.center_y + 30 == pytest.approx(2.5 * crop.center_y, abs=1e-6)


def test_the_mean_head_is_a_metre_from_the_crop_camera():
    landmarks = face_in_pixels()
    crop = portrait_crop(landmarks)
    # Of the picture that the crop camera takes from a metre away, 1000 pixels a metre are this many crops.
    focal = float(crop_intrinsics()[0, 0])
    assert focal * crop.side / 1000 == pytest.approx(1, abs=0.06)
    chin, forehead = crop_from_pixels(landmarks[[152, 10], :2], crop)
    assert forehead[1] == pytest.approx(0.25, abs=0.07)
    assert 0.75 < chin[1] < 0.95
    assert chin[0] == pytest.approx(0.5, abs=0.01)


def test_the_five_points_are_eyes_nose_and_mouth():
    right_eye, left_eye, nose, right_corner, left_corner = five_points(face_in_pixels())
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_corner[0] < nose[0] < left_corner[0]
    assert right_eye[1] < nose[1] < right_corner[1]
    assert left_eye[1] == pytest.approx(right_eye[1], abs=0.1)


@pytest.mark.parametrize("degrees", [0, 30, 90, 200])
def test_the_box_of_a_head_touches_its_ellipse(degrees):
    angle = np.radians(degrees)
    ellipse = Ellipse(np.array((10.0, 20.0)), np.array((np.sin(angle), np.cos(angle))), 6.0, 8.0)
    around = np.linspace(0, 2 * np.pi, 2000)
    aside = np.array((ellipse.down[1], -ellipse.down[0]))
    offsets = 3 * np.cos(around)[:, None] * aside + 4 * np.sin(around)[:, None] * ellipse.down
    np.testing.assert_allclose(ellipse.distances(ellipse.center + offsets), 1)
    np.testing.assert_allclose(np.abs(offsets).max(0), ellipse.reach(), rtol=1e-5)


def test_a_square_is_moved_and_shrunk_only_where_the_photo_cuts_the_head():
    face = face_in_pixels((300.0, 300.0))
    crop, low, high = portrait_crop(face), face[:, :2].min(0), face[:, :2].max(0)
    assert shown_square(crop, face, 600, 600) == crop
    cut = face - (low[0] + 5, 0, 0)  # 5 pixels of the face are lost at the left
    shown = shown_square(portrait_crop(cut), cut, 600, 600)
    assert shown.side == pytest.approx(crop.side)
    assert shown.center_x == pytest.approx(shown.side / 2)
    assert shown.center_y == pytest.approx(crop.center_y)
    cut, size = face - (*low, 0), np.ceil(high - low).astype(int)  # nothing but the face
    shown = shown_square(portrait_crop(cut), cut, *size.tolist())
    assert shown.side == size.min()
    assert shown.center_x == pytest.approx(size[0] / 2)


def boxed(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """A face mesh that fills a box."""
    mesh = np.random.default_rng(1).uniform((left, top, 0), (right, bottom, 1), (478, 3)).astype(np.float32)
    mesh[0, :2], mesh[1, :2] = (left, top), (right, bottom)
    return mesh


def test_a_picture_in_which_the_face_is_large_is_kept_whole():
    # 0.5 x 0.5 of the side is a quarter of the area.
    assert picture_crop(boxed(300, 200, 700, 600), 800, 800) == Crop(400.0, 400.0, 800.0)


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_around_a_small_face_the_square_is_as_large_as_asked(share):
    crop = picture_crop(boxed(220, 200, 284, 300), 512, 512, share)
    assert abs(crop.side - (64 * 100 / share) ** 0.5) <= 1
    assert abs(crop.center_x - 252) <= 1
    assert abs(crop.center_y - 250) <= 1


def test_a_square_around_a_small_face_is_shrunk_until_it_lies_within_the_picture():
    # 100 x 100 of 512 ask for 223 pixels, but there are 60 from the face's middle to the border.
    crop = picture_crop(boxed(10, 200, 110, 300), 512, 512)
    assert (crop.center_x, crop.center_y, crop.side) == (60, 250, 120)
    assert picture_crop(boxed(20, 400, 220, 600), 1024, 1024) == Crop(120.0, 500.0, 240.0)


def test_a_wide_picture_gives_its_largest_square_around_the_face():
    crop = picture_crop(boxed(700, 100, 1100, 500), 1600, 600)
    assert crop == Crop(900.0, 300.0, 600.0)
    assert picture_crop(boxed(1250, 100, 1590, 500), 1600, 600) == Crop(1300.0, 300.0, 600.0)
