import math

import numpy as np
import pytest
import torch

from cameo3d.geometry import face_topology as names
from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.rotations import matrices_from_angles
from cameo3d.perception.expression import STABLE, expression_scores, in_head_axes, load_expression_net
from cameo3d.values import BLENDSHAPES

AT = BLENDSHAPES.index


def landmarks_of(*shapes: str, angles: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> np.ndarray:
    """What the mesh would see of the mean face, in pixels; irises are put between the lids."""
    model = load_face_model()
    weights = torch.zeros(52)
    weights[[AT(shape) for shape in shapes]] = 1
    vertices = model.vertices(torch.zeros(len(model.identity_basis)), weights)
    for inner, outer, sign in ((133, 33, -1), (362, 263, 1)):
        center = (vertices[inner] + vertices[outer]) / 2
        around = torch.tensor([[0, 0, 0], [1, 0, 0], [0, -1, 0], [-1, 0, 0], [0, 1, 0]]) * 0.0058
        vertices = torch.cat((vertices, center + around * torch.tensor([sign, 1, 1])))
    turned = vertices @ matrices_from_angles(torch.tensor(angles)).T
    seen = torch.cat((turned[:, :2] / (1 + turned[:, 2:]), turned[:, 2:]), 1)
    return (seen * 1500 + torch.tensor([256.0, 256, 0])).float().numpy()


def test_head_axes_undo_pose_place_and_size():
    target = load_face_model().mean[list(STABLE)]
    straight, _ = in_head_axes(torch.from_numpy(landmarks_of()), target)
    # The camera is taken to be a metre from the stable points, which lie before the origin: up to 2.5 mm.
    torch.testing.assert_close(straight[:468], load_face_model().mean, rtol=0, atol=4e-3)
    angles = (0.3, -0.2, 0.5)
    turned, camera_from_head = in_head_axes(torch.from_numpy(landmarks_of(angles=angles) * 3 + 40), target)
    torch.testing.assert_close(turned, straight, rtol=0, atol=4e-3)
    torch.testing.assert_close(
        camera_from_head, matrices_from_angles(torch.tensor(angles)), rtol=0, atol=0.03
    )


def test_size_place_and_roll_of_a_face_do_not_matter():
    straight = landmarks_of("mouthSmileLeft", "browInnerUp")
    roll = matrices_from_angles(torch.tensor([0.0, 0.0, math.radians(40)])).numpy().astype(np.float32)
    scores = expression_scores(np.stack((straight, straight @ roll.T * np.float32(2.5) + np.float32(300))))
    # Roll does reach the network as the head's rotation. Measured: 0.06.
    np.testing.assert_allclose(scores[0], scores[1], rtol=0, atol=0.15)
    np.testing.assert_allclose(expression_scores(straight * 4 - 100), scores[0], rtol=0, atol=1e-3)


def test_scores_are_weights_and_batches_are_frame_by_frame():
    frames = np.stack([landmarks_of(name) for name in BLENDSHAPES[:6]]).reshape(2, 3, 478, 3)
    scores = expression_scores(frames)
    assert scores.shape == (2, 3, 52)
    assert scores.dtype == np.float32
    assert scores.min() >= 0
    assert scores.max() <= 1
    np.testing.assert_allclose(scores[1, 2], expression_scores(frames[1, 2]), rtol=0, atol=1e-5)
    assert expression_scores(frames[:0, 0]).shape == (0, 52)


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("eyeBlinkLeft", 0.5),
        ("eyeBlinkRight", 0.5),
        ("jawOpen", 0.3),
        ("mouthSmileLeft", 0.3),
        ("mouthSmileRight", 0.3),
        ("mouthPucker", 0.3),
        ("browInnerUp", 0.3),
        ("browDownLeft", 0.3),
        ("browDownRight", 0.3),
        ("browOuterUpLeft", 0.3),
        ("mouthUpperUpLeft", 0.1),
        ("mouthLowerDownRight", 0.1),
    ],
)
def test_the_network_reads_off_the_face_model_what_was_put_in(name, least):
    sides = [name.replace("Left", "Right"), name.replace("Right", "Left")]
    together = set(sides) if name.startswith(("eye", "brow", "mouthSmile", "mouthU", "mouthLow")) else {name}
    rest, moved = expression_scores(np.stack((landmarks_of(), landmarks_of(*together))))
    assert moved[AT(name)] > rest[AT(name)] + least


def test_one_blinking_eye_is_told_from_the_other():
    scores = expression_scores(landmarks_of("eyeBlinkLeft"))
    assert scores[AT("eyeBlinkLeft")] > scores[AT("eyeBlinkRight")] + 0.2


def test_a_relaxed_face_scores_near_zero():
    scores = expression_scores(landmarks_of())
    assert scores.mean() < 0.05
    assert scores.max() < 0.35


def test_calibration_maps_rest_to_zero_and_full_to_one():
    network = load_expression_net()
    rest, full, _ = network.calibration
    torch.testing.assert_close(network.weights_from_scores(rest[None]), torch.zeros(1, 52))
    torch.testing.assert_close(network.weights_from_scores(full[None]), torch.ones(1, 52))
    assert full[AT("eyeBlinkLeft")] < 1
    assert set(names.LEFT_IRIS) == set(range(473, 478))
