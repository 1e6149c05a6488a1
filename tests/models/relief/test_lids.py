import numpy as np
import pytest

from cameo3d.geometry.face_topology import LEFT_LID_TOP, LEFT_LID_UPPER, LEFT_LOWER_FOLD, LEFT_UPPER_FOLD
from cameo3d.models.relief.lids import Lid, draw_lid, make_lid

EDGE, FOLD = 60, 48
"""Rows of the lid's edge and fold in the photo."""
SKIN = np.array((200, 150, 120))


def face(edge: float = EDGE) -> tuple[np.ndarray, np.ndarray]:
    """Vertices around a straight lid, in pixels and in space at a thousand pixels a metre."""
    points = np.zeros((468, 2), np.float32)
    for line, row in (
        (LEFT_LOWER_FOLD, 95),
        (LEFT_LID_TOP, FOLD - 8),
        (LEFT_UPPER_FOLD, FOLD),  # Its ends belong to the lower fold, too.
        (LEFT_LID_UPPER, edge),
    ):
        points[list(line)] = np.column_stack((np.linspace(130, 50, 9), np.full(9, row)))
    return points, np.column_stack((points / 1000, np.ones(468))).astype(np.float32)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """Skin with a lash line of four pixels, single lashes above it, and the white of an eye below it."""
    image = np.full((120, 180, 4), 255, np.uint8)
    image[..., :3] = SKIN
    image[EDGE : EDGE + 20, :, :3] = 240
    image[EDGE - 8 : EDGE, ::6, :3] = 60
    image[EDGE - 2 : EDGE + 2, :, :3] = 30
    return image


@pytest.fixture(scope="module")
def lid(photo) -> Lid:
    return make_lid(0, photo, *face())


def drawn(photo: np.ndarray, lid: Lid, edge: float) -> np.ndarray:
    output = photo.copy()
    points, positions = face(edge)
    draw_lid(output, lid, positions, points)
    return output


@pytest.mark.parametrize("edge", [EDGE, EDGE - 4])
def test_a_lid_that_has_not_grown_leaves_the_photo_alone(photo, lid, edge):
    np.testing.assert_array_equal(drawn(photo, lid, edge), photo)


def test_clean_skin_unfolds_without_the_lashes_and_the_white(photo, lid):
    unfolded = drawn(photo, lid, EDGE + 20)[FOLD + 6 : EDGE + 12, 60:120, :3]
    # Light changes it by up to a quarter; lashes and the white would by more than a half.
    assert np.abs(unfolded / SKIN - 0.9).max() < 0.25


def test_a_closed_lid_is_as_wrinkled_as_the_skin_below_the_eye(photo, lid):
    old = photo.copy()
    old[100:, :, :3][np.arange(20) % 4 == 0] = 0.8 * SKIN
    points, positions = face()
    wrinkled, smooth = (
        drawn(photo, each, EDGE + 24)[FOLD + 5 : EDGE + 14, 90, 1].astype(int)
        for each in (make_lid(0, old, points, positions), lid)
    )
    assert np.abs(wrinkled - smooth).max() > 5
    assert abs(wrinkled.mean() - smooth.mean()) < 4


def test_a_closed_lid_is_lit_from_above_as_a_ball(photo, lid):
    closed = drawn(photo, lid, EDGE + 24)[..., 1].astype(int)
    down = closed[FOLD + 4 : EDGE + 16, 90]
    assert (np.diff(down) <= 1).all()  # A grey level of rounding.
    assert down[0] - down[-1] > 15
    middle, outer, inner = (closed[FOLD + 8, columns].mean() for columns in (90, 122, 58))
    assert middle - max(outer, inner) > 10


def test_shade_takes_on_the_colour_of_the_skin(photo, lid):
    bright, dark = drawn(photo, lid, EDGE + 24)[[FOLD + 4, EDGE + 16], 90, :3].astype(float)
    assert dark[0] / dark[2] > bright[0] / bright[2] + 0.02


@pytest.mark.parametrize("grown", [12, 20, 28])
def test_the_lash_line_travels_with_the_edge_and_keeps_its_thickness(photo, lid, grown):
    column = drawn(photo, lid, EDGE + grown)[EDGE + 4 :, 93, 1].astype(int)
    dark = np.flatnonzero(column < 90) + EDGE + 4
    assert abs(dark.mean() + 0.5 - (EDGE + grown)) < 1.5
    assert 7 <= np.ptp(dark) + 1 <= 10


def test_single_lashes_hang_down_from_a_closed_lid(photo, lid):
    below = drawn(photo, lid, EDGE + 20)[EDGE + 23, 60:120, 1].astype(int)
    at_lashes, between = below[::6].mean(), below[3::6].mean()
    assert between - at_lashes > 20


def test_lashes_take_no_colour_from_the_iris():
    image = np.full((120, 180, 4), 255, np.uint8)
    image[..., :3] = SKIN
    image[EDGE - 1 : EDGE + 20, :, :3] = (30, 60, 120)
    closed = drawn(image, make_lid(0, image, *face()), EDGE + 16)
    assert (closed[EDGE + 15, 60:120, 2] < closed[EDGE + 15, 60:120, 0]).all()


def test_lashes_stand_until_a_lid_closes(photo, lid):
    points, positions = face(EDGE + 20)
    seen = []
    for closed in (0.2, 1.0):
        output = photo.copy()
        draw_lid(output, lid, positions, points, closed)
        seen.append(np.abs(output[EDGE + 23 :, 60:120, 1].astype(int) - photo[EDGE + 23 :, 60:120, 1]).sum())
    assert seen[0] < 0.5 * seen[1]
