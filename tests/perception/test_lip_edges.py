import cv2
import numpy as np
import pytest
import torch
from skimage import data
from torch import nn

from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.face_topology import (
    INNER_LIP_LOWER,
    INNER_LIP_UPPER,
    LIP_RINGS_LOWER,
    LIP_RINGS_UPPER,
    OUTER_LIP_LOWER,
    OUTER_LIP_UPPER,
)
from cameo3d.perception.landmarks import find_faces
from cameo3d.perception.lip_edges import (
    SIZE,
    cut_mouth,
    find_lip_edges,
    load_opening_net,
    mask_of,
    mouth_frame,
    network_input,
)
from cameo3d.values import BLENDSHAPES

SIDE, FOCAL, DISTANCE = 500, 1400.0, 0.7
SKIN, LIP, DARK, TEETH = (200, 160, 140), (170, 80, 90), (40, 20, 20), (225, 215, 190)


def opened() -> np.ndarray:
    """Landmarks of an open mouth."""
    expression = torch.zeros(52)
    expression[BLENDSHAPES.index("jawOpen")] = 0.5
    model = load_face_model()
    vertices = model.vertices(torch.zeros(len(model.identity_basis)), expression).numpy()
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[:468, :2] = vertices[:, :2] / (vertices[:, 2:] + DISTANCE) * FOCAL + SIDE / 2
    return landmarks


def drawn(landmarks: np.ndarray) -> np.ndarray:
    """A mouth with those landmarks, and teeth in the lower half of its opening."""
    image = np.full((SIDE, SIDE, 3), SKIN, np.uint8)
    for upper, lower, color in (
        (OUTER_LIP_UPPER, OUTER_LIP_LOWER, LIP),
        (INNER_LIP_UPPER, INNER_LIP_LOWER, DARK),
    ):
        outline = np.rint(landmarks[[*upper, *lower[::-1]], :2]).astype(np.int32)
        cv2.fillPoly(image, [outline], color)
    inside = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(inside, [outline], 1)
    image[(inside > 0) & (np.arange(SIDE)[:, None] > landmarks[[13, 14], 1].mean())] = TEETH
    return cv2.GaussianBlur(image, (0, 0), 2)


def mislaid(landmarks: np.ndarray) -> np.ndarray:
    """The lower lip's edge on what lies inside, a third of the opening too high."""
    wrong = landmarks.copy()
    edge = list(INNER_LIP_LOWER[2:-2])
    wrong[edge, 1] -= 0.33 * (landmarks[14, 1] - landmarks[13, 1]) * np.hanning(len(edge) + 2)[1:-1]
    return wrong


class Knows(nn.Module):
    """A network that knows what lies between the lips."""

    def __init__(self, truth: np.ndarray, landmarks: np.ndarray) -> None:
        super().__init__()
        frame = mouth_frame(landmarks)
        outline = truth[[*INNER_LIP_UPPER, *INNER_LIP_LOWER[-2:0:-1]], :2]
        self.inside = torch.from_numpy(mask_of(outline @ frame[:, :2].T + frame[:, 2], SIZE))

    def forward(self, _: torch.Tensor) -> torch.Tensor:
        return 20 * self.inside[None] - 10


def errors(found: np.ndarray, truth: np.ndarray) -> float:
    edge = list(INNER_LIP_LOWER[3:-3])
    return float(np.abs(found[edge, 1] - truth[edge, 1]).mean())


def test_edges_go_where_the_network_says_that_the_inside_ends():
    truth = opened()
    wrong = mislaid(truth)
    found = find_lip_edges(np.zeros((SIDE, SIDE, 3), np.uint8), wrong, Knows(truth, wrong))
    assert errors(wrong, truth) > 6
    assert errors(found, truth) < 1.2
    assert np.abs(found[:, :2] - truth[:, :2])[list(INNER_LIP_UPPER)].max() < 3


def test_a_lip_keeps_its_order_and_a_third_of_its_height():
    truth = opened()
    wrong = truth.copy()
    # The whole lower lip is seen within the opening.
    for ring in LIP_RINGS_LOWER:
        wrong[list(ring[1:-1]), 1] -= 0.35 * (truth[14, 1] - truth[13, 1])
    found = find_lip_edges(np.zeros((SIDE, SIDE, 3), np.uint8), wrong, Knows(truth, wrong))
    rows = np.array([found[list(ring[3:-3]), 1] for ring in LIP_RINGS_LOWER])
    before = np.array([wrong[list(ring[3:-3]), 1] for ring in LIP_RINGS_LOWER])
    assert (np.diff(rows, axis=0) > 0).all()
    assert ((rows[-1] - rows[0]) > 0.3 * (before[-1] - before[0])).all()
    assert errors(found, truth) < 0.5 * errors(wrong, truth)
    upper = [list(ring) for ring in LIP_RINGS_UPPER]
    assert np.abs(found[upper] - wrong[upper]).max() < 2


def test_a_closed_mouth_keeps_its_landmarks():
    landmarks = opened()
    landmarks[list(INNER_LIP_LOWER)] = landmarks[list(INNER_LIP_UPPER)]
    image = drawn(landmarks)
    np.testing.assert_array_equal(find_lip_edges(image, landmarks), landmarks)


@pytest.mark.parametrize("grey", [False, True])
def test_the_shipped_network_knows_a_smile_wherever_its_landmarks_were_laid(grey):
    image = data.astronaut()
    landmarks = find_faces(image)[0]
    if grey:
        image = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, -1)
    frame = mouth_frame(landmarks)
    seen = network_input(cut_mouth(image, frame, SIZE), mislaid(landmarks), frame)
    with torch.inference_mode():
        found = load_opening_net()(torch.from_numpy(seen)[None])[0].numpy() > 0
    outline = landmarks[[*INNER_LIP_UPPER, *INNER_LIP_LOWER[-2:0:-1]], :2]
    truth = mask_of(outline @ frame[:, :2].T + frame[:, 2], SIZE) > 0.5
    assert (found & truth).sum() > 0.6 * (found | truth).sum()


def test_a_turned_photo_gives_the_same_mouth():
    landmarks = opened()
    image = drawn(landmarks)
    turned = landmarks.copy()
    turned[:, 0], turned[:, 1] = SIDE - landmarks[:, 1], landmarks[:, 0]
    seen = [
        network_input(cut_mouth(picture, frame, SIZE), points, frame)
        for picture, points, frame in (
            (image, landmarks, mouth_frame(landmarks)),
            (np.ascontiguousarray(np.rot90(image, -1)), turned, mouth_frame(turned)),
        )
    ]
    assert np.abs(seen[0] - seen[1]).mean() < 0.02


def test_the_network_takes_mouths_in_batches():
    mouths = torch.randn(3, 5, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    network = load_opening_net()
    with torch.inference_mode():
        together, alone = network(mouths), torch.cat([network(mouth[None]) for mouth in mouths])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)
