import numpy as np
import pytest
from test_skull import COLUMNS, PER_METER, head, landmarks

from cameo3d.models.relief.crown import crown
from cameo3d.models.relief.skull import find_skull

CUT = 90


def _crown(detail: np.ndarray) -> np.ndarray:
    """The crown of a brown head with some detail, which the photo shows up to a row."""
    face = landmarks()
    cover = head(find_skull(face)) * 255.0
    brown = np.array((110, 80, 60)) * (1 + detail[..., None])
    picture = np.dstack((brown, cover)).astype(np.float32)[CUT:]
    face[:, 1] -= CUT
    return crown(picture, CUT, face)


def _detail(above: np.ndarray) -> np.ndarray:
    """How much brighter places in the middle of a crown are than what is around them; upwards."""
    part = above[::-1, COLUMNS // 2 - 40 : COLUMNS // 2 + 40, 1]
    return part / part.mean(1, keepdims=True) - 1


def test_a_smooth_head_has_a_smooth_crown_in_its_colours_that_darkens_towards_its_end():
    above = _crown(np.zeros((400, COLUMNS), np.float32))
    middle = above[::-1, COLUMNS // 2]
    solid = middle[:, 3] == 255
    np.testing.assert_allclose(middle[0, :3], (110, 80, 60), atol=1)
    assert np.abs(_detail(above)[:20]).max() < 0.01
    assert (np.diff(middle[solid, 0]) <= 0.01).all()
    assert 0.75 * 110 < middle[solid, 0][-1] < 0.9 * 110


@pytest.mark.parametrize("strength", [0.05, 0.15])
def test_hair_is_as_strong_as_the_photos_but_no_streak_of_its_border(strength):
    x = np.arange(COLUMNS)
    stripes = strength * np.sqrt(2) * np.sin(x / 1.1) * np.ones((400, 1))
    detail = _detail(_crown(stripes.astype(np.float32)))
    assert detail[10:40].std() == pytest.approx(strength, rel=0.4)
    far = round(0.012 * PER_METER)
    assert np.corrcoef(detail[0], stripes[0, COLUMNS // 2 - 40 : COLUMNS // 2 + 40])[0, 1] > 0.8
    assert abs(np.corrcoef(detail[0], detail[far])[0, 1]) < 0.4


def test_above_a_photo_that_shows_no_head_at_its_border_is_nothing():
    picture = np.zeros((310, COLUMNS, 4), np.float32)
    picture[150:250, 100:200] = 255
    assert (crown(picture, CUT, landmarks()) == 0).all()
