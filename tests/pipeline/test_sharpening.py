import cv2
import numpy as np
import pytest

from cameo3d.errors import InputError
from cameo3d.media.images import read_image
from cameo3d.pipeline.adjustments import Retouch
from cameo3d.pipeline.animate import load_model
from cameo3d.pipeline.edit import edit
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.pipeline.sharpening import is_sharpened, sharpened
from cameo3d.values import Crop

CROP = Crop(100.0, 90.0, 60.0)


@pytest.fixture(scope="module")
def photo(astronaut_path):
    return read_image(astronaut_path)[:320, 100:420]


def test_small_photos_are_sharpened_if_asked_and_no_others(caplog):
    small, large = Crop(200.0, 200.0, 399.0), Crop(200.0, 200.0, 400.0)
    assert [is_sharpened("off", crop, 500, 500) for crop in (small, large)] == [False, False]
    assert [is_sharpened("auto", crop, 500, 500) for crop in (small, large)] == [True, False]
    assert [is_sharpened("on", crop, 500, 500) for crop in (small, large)] == [True, True]
    assert not caplog.text
    assert not is_sharpened("auto", small, 1200, 800)
    assert "1200 x 800 pixels and is not sharpened; cut it to 960" in caplog.text


def test_only_head_and_shoulders_differ_from_cubic_splines():
    noise = np.random.default_rng(0).integers(0, 255, (180, 200, 3)).astype(np.uint8)
    rgb = cv2.GaussianBlur(noise, (0, 0), 1.0)
    plain = cv2.resize(rgb, (400, 360), interpolation=cv2.INTER_CUBIC)
    differs = np.abs(sharpened(rgb, CROP).astype(int) - plain).max(-1)
    assert differs[80:280, 120:280].mean() > 1
    assert differs[:94].max() == differs[268:].max() == differs[:, :114].max() == differs[:, 286:].max() == 0
    assert differs[97:99].max() < 0.3 * differs[120:240].max()  # a seam, no edge


def test_a_sharpened_portrait_has_twice_the_pixels_in_the_same_places(photo):
    plain, large = make_portrait(photo), make_portrait(photo, sharpen="auto")
    assert large.person.photo.shape == (640, 640, 3)
    assert large.person.crop.side == pytest.approx(2 * plain.person.crop.side)
    np.testing.assert_allclose(large.landmarks, 2 * plain.landmarks, atol=1e-3)
    np.testing.assert_allclose(large.person.rotation, plain.person.rotation, atol=1e-3)


def test_alpha_grows_with_the_photo(photo):
    alpha = np.full(photo.shape[:2], 255, np.uint8)
    alpha[:, :20] = 0
    portrait = make_portrait(photo, alpha=alpha, sharpen="on")
    assert portrait.matte.shape == (640, 640)
    assert portrait.matte[:, :38].max() == 0


def test_a_retouched_photo_is_not_sharpened(astronaut_path):
    with pytest.raises(InputError, match="keeps its size, so it is not sharpened; got on"):
        edit(astronaut_path, Retouch(set={"jawOpen": 0.2}), model=load_model(sharpen="on"))
