import cv2
import numpy as np
import pytest

from cameo3d.geometry.face_topology import (
    RIGHT_LID_LOWER,
    RIGHT_LID_UPPER,
    RIGHT_LOWER_FOLD,
    RIGHT_UPPER_FOLD,
)
from cameo3d.models.relief.lid_edges import cheapest_path, find_lid_edges

COLUMNS = np.linspace(40, 120, 9)


def eye(lash_row: float | None) -> tuple[np.ndarray, np.ndarray]:
    """A picture of skin with a dark line, and landmarks of a lid's edge at row 60, its fold at row 40."""
    image = np.full((120, 160, 3), 180, np.uint8)
    if lash_row is not None:
        cv2.line(image, (20, round(lash_row)), (140, round(lash_row)), (40, 30, 30), 3)
    landmarks = np.zeros((478, 3), np.float32)
    for line, row in (
        (RIGHT_LID_UPPER, 60),
        (RIGHT_UPPER_FOLD, 40),
        (RIGHT_LID_LOWER, 80),
        (RIGHT_LOWER_FOLD, 100),
    ):
        landmarks[list(line), :2] = np.column_stack((COLUMNS, np.full(9, row)))
    return image, landmarks


@pytest.mark.parametrize("lash_row", [50, 54, 58])
def test_an_upper_lids_edge_moves_onto_the_lash_line(lash_row):
    found = find_lid_edges(*eye(lash_row))
    # The search goes in steps of 0.6 pixels, and prefers the side of the line where the landmarks are.
    assert found[list(RIGHT_LID_UPPER[1:-1]), 1] == pytest.approx(lash_row + 0.5, abs=1.5)
    assert found[list(RIGHT_LID_UPPER), 0] == pytest.approx(COLUMNS, abs=1e-3)


def test_where_nothing_is_dark_the_landmarks_stay():
    image, landmarks = eye(None)
    found = find_lid_edges(image, landmarks)
    # At most by half a step of the search, a sixtieth of the way from edge to fold.
    np.testing.assert_allclose(found, landmarks, atol=20 / 60)


def test_the_cheapest_path_goes_through_the_valley_and_bends_only_where_that_pays():
    cost = np.ones((5, 6))
    cost[2, :3], cost[3, 3:] = 0, 0
    np.testing.assert_array_equal(cheapest_path(cost, stiffness=0.1), [2, 2, 2, 3, 3, 3])
    assert len(set(cheapest_path(cost, stiffness=10.0))) == 1
