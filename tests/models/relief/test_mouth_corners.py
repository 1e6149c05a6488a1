import numpy as np
import pytest
from test_lips import APART, DOWN, HALF, MIDDLE, face

from cameo3d.models.relief.lip_colors import find_lip_colors

STILL = np.eye(3, dtype=np.float32)
SKIN, SHADOW = 180, 70
CORNER = np.s_[MIDDLE - 3 : MIDDLE + 3, 80 + HALF + 1 : 80 + HALF + 7]
"""Skin next to the left corner of the mouth."""


def marked(beard: bool = False) -> np.ndarray:
    """Skin with a dark mark at a corner, and if asked, hairs all over that are as dark."""
    image = np.full((120, 200, 4), 255, np.uint8)
    image[..., :3] = SKIN
    if beard:
        image[np.random.default_rng(0).random(image.shape[:2]) < 0.3] = (SHADOW, SHADOW, SHADOW, 255)
    else:
        image[(*CORNER, slice(3))] = SHADOW
    return image


def mouth(apart: float) -> tuple[np.ndarray, np.ndarray]:
    """Vertices around it, in pixels and in space; its outer corners lie where the lips meet, too."""
    points, positions = face(apart)
    points[[61, 291], 1] = MIDDLE
    positions[[61, 291], 1] = MIDDLE / 2000
    return points, positions


def painted(image: np.ndarray, apart: float) -> np.ndarray:
    lips = find_lip_colors(image, *mouth(APART), DOWN, 2000.0)
    assert lips is not None
    result = image.copy()
    lips.paint(result, lips.change(mouth(apart)[1], STILL))
    return result[..., :3].astype(int)


def test_an_opening_mouth_loses_the_shadow_next_to_its_corners():
    assert marked()[(*CORNER, 0)].mean() == SHADOW
    opened = painted(marked(), APART + 8)
    assert opened[CORNER].mean() > SHADOW + 0.7 * (SKIN - SHADOW)
    assert opened.max() <= SKIN


def test_a_mouth_at_rest_keeps_that_shadow():
    assert np.array_equal(painted(marked(), APART), marked()[..., :3])


@pytest.mark.parametrize("apart", [APART - 8, APART + 8])
def test_a_beard_next_to_the_corners_stays(apart):
    before, after = marked(beard=True)[..., :3].astype(int), painted(marked(beard=True), apart)
    around = np.s_[MIDDLE - 15 : MIDDLE + 15, 80 + HALF + 3 : 80 + HALF + 20]
    assert np.abs(after[around] - before[around]).mean() < 0.1 * (SKIN - SHADOW)


def test_a_fold_over_a_corner_fades_without_an_edge():
    image = np.full((160, 200, 4), 255, np.uint8)
    column = 80 + HALF + 4
    image[..., :3] = SKIN
    image[:, column - 1 : column + 2, :3] = SHADOW
    (points, positions), (_, opened) = mouth(APART), mouth(APART + 8)
    points[:, 1] = (
        MIDDLE + (points[:, 1] - MIDDLE) * 0.2
    )  # thin lips, which reach less far up than the shadow
    lips = find_lip_colors(image, points, positions, DOWN, 2000.0)
    assert lips is not None
    lips.paint(image, lips.change(opened, STILL))
    fold = image[:MIDDLE, column, 0].astype(int)
    assert fold[0] == SHADOW
    assert fold[-1] > SHADOW + 40
    assert np.abs(np.diff(fold)).max() < 0.2 * (SKIN - SHADOW)
