import numpy as np
import pytest

from cameo3d.imaging.framing import cut, paste, soften
from cameo3d.values import Crop


def test_a_cut_takes_the_very_pixels_of_a_square():
    picture = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    np.testing.assert_array_equal(cut(picture, Crop(30.0, 15.0, 20.0), 20), picture[5:25, 20:40])


def test_a_cut_is_black_beyond_the_border():
    part = cut(np.full((20, 20, 3), 9, np.uint8), Crop(0.0, 10.0, 20.0), 20)
    assert (part[:, :10] == 0).all()
    assert (part[:, 10:] == 9).all()


@pytest.mark.parametrize("quality", ["linear", "cubic", "lanczos", "area"])
def test_a_cut_at_its_own_size_is_a_copy_in_every_quality(quality):
    picture = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    part = cut(picture, Crop(20.0, 12.0, 16.0), 16, quality)
    np.testing.assert_array_equal(part, picture[4:20, 12:28])
    part[:] = 0
    assert picture[4:20, 12:28].any(), "a cut shares no memory with its picture"


def test_a_linear_ramp_stays_the_same_ramp_when_it_is_enlarged():
    ramp = np.tile(np.arange(40, dtype=np.float32) + 0.5, (40, 1))  # its value is its position in pixels
    part = cut(ramp, Crop(20.0, 20.0, 10.0), 40)
    np.testing.assert_allclose(part[0], 15 + (np.arange(40) + 0.5) / 4, atol=0.02)


@pytest.mark.parametrize(("border", "value"), [("black", 0), ("edge", 7), ("mirror", 9)])
def test_beyond_the_border_lies_what_was_asked_for(border, value):
    picture = np.full((8, 8), 9, np.uint8)
    picture[:, 0] = 7
    part = cut(picture, Crop(0.0, 4.0, 8.0), 8, border=border)
    assert (part[:, 2] == value).all()  # 2 pixels outside mirror the second one inside


def test_what_is_pasted_where_it_was_cut_is_the_picture_again():
    picture = np.random.default_rng(1).integers(0, 255, (30, 40, 3), np.uint8)
    crop = Crop(22.0, 13.0, 12.0)
    pasted = paste(cut(picture, crop, 12), crop, 40, 30)
    np.testing.assert_array_equal(pasted[7:19, 16:28], picture[7:19, 16:28])
    assert not pasted[:7].any()
    assert not pasted[:, :16].any()


def test_a_picture_is_softened_only_to_be_shrunk():
    stripes = np.zeros((64, 64), np.float32)
    stripes[:, ::2] = 1
    assert soften(stripes, 1.0) is stripes
    assert soften(stripes, 0.25)[32, 16:48].std() < 0.05, "stripes finer than the result's pixels are gone"
