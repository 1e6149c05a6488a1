import cv2
import numpy as np
import pytest
import torch

from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.face_topology import INNER_LIP_LOWER, INNER_LIP_UPPER, OUTER_LIP_LOWER, OUTER_LIP_UPPER
from cameo3d.models.relief.lip_edges import find_lip_edges
from cameo3d.values import BLENDSHAPES

SIDE, FOCAL, DISTANCE = 500, 1400.0, 0.7
SKIN, LIP, DARK = (200, 160, 140), (170, 80, 90), (40, 20, 20)


def shout(inside=None) -> tuple[np.ndarray, np.ndarray]:
    """An open mouth with something in its lower half, and where its landmarks truly lie."""
    expression = torch.zeros(52)
    expression[BLENDSHAPES.index("jawOpen")] = 0.5
    model = load_face_model()
    vertices = model.vertices(torch.zeros(len(model.identity_basis)), expression).numpy()
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[:468, :2] = vertices[:, :2] / (vertices[:, 2:] + DISTANCE) * FOCAL + SIDE / 2
    image = np.full((SIDE, SIDE, 3), SKIN, np.uint8)
    opening = np.zeros((SIDE, SIDE), np.uint8)
    for upper, lower, color in (
        (OUTER_LIP_UPPER, OUTER_LIP_LOWER, LIP),
        (INNER_LIP_UPPER, INNER_LIP_LOWER, DARK),
    ):
        outline = np.rint(landmarks[[*upper, *lower[::-1]], :2]).astype(np.int32)
        cv2.fillPoly(image, [outline], color)
        opening[:] = 0
        cv2.fillPoly(opening, [outline], 1)
    if inside:
        middle = landmarks[[13, 14], 1].mean()
        image[(opening > 0) & (np.arange(SIDE)[:, None] > middle)] = inside
    return image, landmarks


def mislaid(landmarks: np.ndarray) -> np.ndarray:
    """The lower lip's edge on what lies inside, a third of the opening too high."""
    wrong = landmarks.copy()
    edge = list(INNER_LIP_LOWER[2:-2])
    wrong[edge, 1] -= 0.33 * (landmarks[14, 1] - landmarks[13, 1]) * np.hanning(len(edge) + 2)[1:-1]
    return wrong


@pytest.mark.parametrize("inside", [(225, 215, 190), (205, 130, 135), DARK])
def test_an_edge_that_lies_on_teeth_tongue_or_darkness_is_moved_to_the_lip(inside):
    image, truth = shout(inside)
    wrong = mislaid(truth)
    found = find_lip_edges(image, wrong)
    edge = list(INNER_LIP_LOWER[3:-3])
    before, after = (
        np.linalg.norm(each[edge, :2] - truth[edge, :2], axis=1).mean() for each in (wrong, found)
    )
    assert before > 6
    assert after < 0.45 * before


def test_edges_that_lie_where_lips_begin_stay():
    image, truth = shout((225, 215, 190))
    found = find_lip_edges(image, truth)
    assert np.linalg.norm(found - truth, axis=1).max() < 2.5


def test_a_closed_mouth_keeps_its_landmarks():
    image, landmarks = shout()
    landmarks[list(INNER_LIP_LOWER)] = landmarks[list(INNER_LIP_UPPER)]
    np.testing.assert_array_equal(find_lip_edges(image, landmarks), landmarks)


def test_grey_photos_are_told_apart_by_brightness():
    image, truth = shout((225, 215, 190))
    grey = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, -1)
    found, wrong = find_lip_edges(grey, mislaid(truth)), mislaid(truth)
    edge = list(INNER_LIP_LOWER[3:-3])
    errors = [np.linalg.norm(each[edge, :2] - truth[edge, :2], axis=1).mean() for each in (found, wrong)]
    assert errors[0] < 0.5 * errors[1]
