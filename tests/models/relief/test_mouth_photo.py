import numpy as np
import pytest

from cameo3d.geometry.face_topology import OVAL
from cameo3d.models.relief.eyes import LIDS
from cameo3d.models.relief.mouth_photo import enamel_color, find_shown_teeth

SKIN, TEETH, GUM, DARK = np.array((180.0, 140.0, 115.0)), (235, 228, 210), (190, 105, 100), (30, 15, 15)


def face(skin, white) -> tuple[np.ndarray, np.ndarray]:
    """A picture of one skin with two eyes of one white, and landmarks."""
    image = np.empty((200, 200, 3), np.uint8)
    image[:] = skin
    landmarks = np.full((478, 3), 100.0, np.float32)
    angle = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
    landmarks[list(OVAL), :2] = 100 + 80 * np.column_stack((np.sin(angle), -np.cos(angle)))
    for x, (upper, lower) in zip((60, 130), LIDS, strict=True):
        across = np.linspace(0, 20, len(upper))
        landmarks[list(upper), 0] = landmarks[list(lower), 0] = x + across
        landmarks[list(upper), 1], landmarks[list(lower), 1] = 70 - across % 20, 70 + across % 20
        image[50:90, x : x + 21] = white
    return image, landmarks


def tint(skin, white) -> np.ndarray:
    color, _ = enamel_color(*face(skin, white), np.array(skin, np.float32))
    return color / color.mean()


def test_teeth_are_ivory_in_usual_light_and_grey_in_grey_photos():
    red, green, blue = tint((180, 140, 115), (215, 205, 195))
    assert red > green > blue > 0.8
    np.testing.assert_allclose(tint((130, 130, 130), (200, 200, 200)), 1, atol=1e-3)


@pytest.mark.parametrize("white", [(150, 220, 190), (120, 190, 120), (215, 205, 195)])
def test_green_irises_do_not_make_teeth_green(white):
    red, green, blue = tint((180, 140, 115), white)
    assert green <= max(red, blue) + 1e-3


def test_teeth_in_red_light_are_red_and_their_skin_has_no_tint_of_its_own():
    skin, white = (200, 60, 60), (250, 80, 80)
    color, own = enamel_color(*face(skin, white), np.array(skin, np.float32))
    assert color[0] > 1.5 * color[1]
    assert abs(color[1] - color[2]) < 0.05 * color.mean()  # neither yellow nor violet
    assert np.abs(own - 1).max() < 0.05


def mouth(above, millimetres: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """An opening of 16 mm that shows something, then 8 mm of teeth, then darkness, at two pixels a mm."""
    height, width = 48, 80
    rows, columns = np.mgrid[:height, :width]
    down, aside = rows * 0.0005 - 0.004, (columns - 39.5) * 0.0005
    inside = (down >= 0) & (down < 0.016) & (np.abs(aside) < 0.015)
    picture = np.full((height, width, 3), DARK, np.float32)
    picture[down < millimetres / 1000] = above
    picture[(down >= millimetres / 1000) & (down < millimetres / 1000 + 0.008)] = TEETH
    return picture, inside, aside, down


def test_teeth_are_found_below_bared_gums_but_not_below_darkness():
    found = find_shown_teeth(*mouth(GUM, 5), SKIN)
    assert found is not None
    assert found.edge(np.zeros(1))[0] == pytest.approx(0.0125, abs=0.001)
    assert find_shown_teeth(*mouth(DARK, 5), SKIN) is None
    assert find_shown_teeth(*mouth(DARK, 2), SKIN) is not None


def test_teeth_in_the_shadow_of_a_cheek_end_where_they_do():
    picture, inside, aside, down = mouth(DARK, 0.0)
    shade = np.where(aside > 0.004, 0.6, 1.0)[..., None]
    lit, shaded = (
        find_shown_teeth(each.astype(np.float32), inside, aside, down, SKIN)
        for each in (picture, picture * shade)
    )
    assert lit is not None
    assert shaded is not None
    at = np.linspace(-0.012, 0.012, 25)
    np.testing.assert_allclose(shaded.edge(at), lit.edge(at), atol=0.0006)


def test_teeth_that_bite_on_the_lower_ones_end_at_the_line_between_them():
    picture, inside, aside, down = mouth(DARK, 0.0)
    picture[down < 0.016] = TEETH
    picture[(down >= 0.0075) & (down < 0.0085)] = 0.8 * np.array(TEETH)
    found = find_shown_teeth(picture, inside, aside, down, SKIN)
    assert found is not None
    np.testing.assert_allclose(found.edge(np.linspace(-0.01, 0.01, 9)), 0.008, atol=0.001)
