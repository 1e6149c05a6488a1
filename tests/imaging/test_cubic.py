import cv2
import numpy as np

from cameo3d.imaging.cubic import look_up_cubic


def test_colours_between_pixels_are_those_of_opencv():
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 256, (30, 40, 4), dtype=np.uint8)
    picture = cv2.GaussianBlur(picture, (0, 0), 0.7)
    places = rng.uniform(-6, 46, (50, 60, 2)).astype(np.float32)
    x, y = np.moveaxis(places - np.float32(0.5), -1, 0)
    wanted = cv2.remap(picture, x.copy(), y.copy(), cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)
    # Grey levels; steps of 1/128 of a pixel made 2 of a picture that changes by 40 from pixel to pixel.
    assert np.abs(look_up_cubic(picture, places).astype(int) - wanted).max() <= 3


def test_at_the_middle_of_a_pixel_is_its_own_colour():
    picture = np.random.default_rng(1).integers(0, 256, (9, 11, 4), dtype=np.uint8)
    rows, columns = np.mgrid[:9, :11]
    places = np.stack((columns, rows), -1).astype(np.float32) + np.float32(0.5)
    np.testing.assert_array_equal(look_up_cubic(picture, places), picture)


def test_outside_and_nowhere_is_nothing():
    picture = np.full((5, 5, 4), 200, np.uint8)
    places = np.array([[[-4, 2], [2, 9.5], [np.nan, 2], [2, np.inf]]], np.float32)
    assert not look_up_cubic(picture, places).any()
