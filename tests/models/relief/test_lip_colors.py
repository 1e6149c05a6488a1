import numpy as np
import pytest
from test_lips import APART, DOWN, FRINGE, LIP, MIDDLE, THICK, face, picture

from cameo3d.models.relief.lip_colors import LipColors, find_lip_colors

STILL = np.eye(3, dtype=np.float32)
GLARE = 30
"""How much brighter a highlight is in the middle of the lower lip."""
GLARE_ROW = int(MIDDLE + APART / 2 + 0.7 * THICK)


def glossy() -> np.ndarray:
    image = picture()
    image[GLARE_ROW - 1 : GLARE_ROW + 2, 78:83, :3] += np.uint8(GLARE)
    return image


@pytest.fixture(scope="module")
def lips() -> LipColors:
    found = find_lip_colors(glossy(), *face(), DOWN, 2000.0)
    assert found is not None
    return found


def painted(lips: LipColors, apart: float, taller: float = 1.0, turn: np.ndarray = STILL) -> np.ndarray:
    image, (_, positions) = glossy(), face(apart)
    inner = np.where(positions[:, 1] < MIDDLE / 2000, -1, 1) * apart / 4000 + MIDDLE / 2000
    positions[:, 1] = inner + (positions[:, 1] - inner) * taller
    lips.paint(image, lips.change(positions, turn))
    return image[..., :3].astype(int)


def test_the_photos_own_expression_leaves_its_lips_alone(lips):
    assert np.array_equal(painted(lips, APART), glossy()[..., :3])


def test_no_teeth_stay_on_lips_that_part_further(lips):
    edge = slice(int(MIDDLE + APART / 2) + 1, int(MIDDLE + APART / 2) + FRINGE)
    assert glossy()[edge, 60:100, :3].mean() > 220
    assert np.abs(painted(lips, APART + 10)[edge, 60:100] - LIP).max() < 25  # of 135


def test_a_highlight_fades_as_its_lip_is_stretched_or_turned(lips):
    def glare(image):
        return image[GLARE_ROW, 80].mean() - LIP.mean()

    angle = np.radians(40)
    turned = np.array(
        [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]], np.float32
    )
    assert glare(painted(lips, APART)) == pytest.approx(GLARE, abs=1)
    assert glare(painted(lips, APART, taller=1.5)) < 0.75 * GLARE
    assert glare(painted(lips, APART, turn=turned)) < 0.85 * GLARE


def test_what_was_painted_can_be_taken_back(lips):
    image = glossy()
    lips.paint(image, (1.0, 0.5, 0.5, 1.0))
    assert not np.array_equal(image, glossy())
    lips.paint(image, (0.0, 0.0, 0.0, 0.0))
    assert np.array_equal(image, glossy())
