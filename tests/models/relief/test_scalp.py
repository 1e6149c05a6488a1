import cv2
import numpy as np
import pytest
from test_skull import COLUMNS, PER_METER, ROWS, head, landmarks

from cameo3d.models.relief.scalp import paint_scalp
from cameo3d.models.relief.skull import find_skull

OUTSIDE = np.zeros((ROWS, ROWS), np.bool_)
CENTER = find_skull(landmarks()).center


def _square(part: np.ndarray) -> np.ndarray:
    return np.pad(part, ((0, 0), (0, ROWS - COLUMNS)))


HEAD = _square(head(find_skull(landmarks())))
DEEP = cv2.distanceTransform(HEAD.astype(np.uint8), cv2.DIST_L2, 5) / PER_METER


def _painted(detail: float, outside: np.ndarray = OUTSIDE) -> tuple[np.ndarray, np.ndarray]:
    """A grey head with detail that its edge lacks as a blurred one does; before and after."""
    noise = cv2.GaussianBlur(np.random.default_rng(1).standard_normal((ROWS, ROWS)), (0, 0), 1.2)
    photo = np.rint(100 + noise / noise.std() * detail * 100).clip(0, 255).astype(np.uint8)
    photo = photo[..., None].repeat(3, 2)
    before = np.where((DEEP < 0.006)[..., None], np.uint8(100), photo)
    after = before.copy()
    paint_scalp(photo, HEAD.astype(np.float32), outside, landmarks(), after)
    return before, after


def test_hair_is_about_as_strong_at_the_upper_edge_as_below_and_nothing_else_changes():
    before, after = _painted(0.1)
    x = np.abs(np.arange(ROWS) - CENTER[0])[None]
    above = (x < 30) & (np.arange(ROWS) < CENTER[1])[:, None]
    edge = after[(DEEP > 0.003) & (DEEP < 0.005) & above][:, 0]
    assert 4 < edge.std() < 15  # what is seen so steeply loses its finest part
    assert edge.mean() == pytest.approx(100, abs=2)
    still = (DEEP > 0.012) | ~cv2.dilate(HEAD.astype(np.uint8), np.ones((7, 7))).astype(bool)
    still |= np.arange(ROWS)[:, None] > CENTER[1]
    np.testing.assert_array_equal(after[still], before[still])


def test_a_bald_head_stays_smooth():
    before, after = _painted(0.0)
    assert np.abs(after.astype(int) - before).max() <= 1


def test_what_lies_beyond_the_photo_stays_as_it_was_painted():
    outside = OUTSIDE.copy()
    outside[: round(CENTER[1] - 0.1 * PER_METER)] = True
    before, after = _painted(0.1, outside)
    np.testing.assert_array_equal(after[outside], before[outside])
