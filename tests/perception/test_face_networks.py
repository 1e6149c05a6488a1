"""The networks against what MediaPipe 0.10.14 says of the astronaut; tools/eyes/compare.py does more."""

import cv2
import numpy as np
import pytest
import torch

from cameo3d.blocks import separable_kernel
from cameo3d.media.images import read_image
from cameo3d.perception.face_detection import load_detector
from cameo3d.perception.face_mesh import FaceMesh, load_face_mesh
from cameo3d.perception.face_search import shown
from cameo3d.perception.face_square import FaceSquare, square_of_landmarks
from cameo3d.perception.landmarks import FaceTracker
from cameo3d.perception.seen_face import mesh_in
from cameo3d.perception.selfie_segmentation import load_selfie_segmentation

SQUARE = FaceSquare(x=225.2375, y=130.5433, side=143.0163, roll=0.094389)
LANDMARKS = {
    **{1: (223.45, 130.02, -22.88), 10: (226.26, 71.69, -10.59), 152: (221.27, 177.44, 7.54)},
    **{234: (179.37, 109.95, 41.33), 454: (270.22, 115.46, 40.25), 33: (195.21, 100.92, 4.53)},
    **{133: (213.35, 103.71, 1.07), 159: (202.83, 97.6, -1.17), 145: (203.43, 104.32, 0.04)},
    **{263: (255.76, 104.28, 3.99), 362: (237.03, 104.94, 0.83), 61: (201.81, 139.22, 7.53)},
    **{291: (244.99, 140.99, 7.07), 0: (223.62, 140.49, -9.31), 17: (222.71, 154.57, -4.66)},
    **{13: (223.48, 143.24, -5.73), 14: (222.96, 150.08, -3.41), 105: (198.78, 86.9, -6.3)},
    **{334: (253.01, 90.66, -6.75), 468: (203.48, 101.1, 0.91), 469: (207.6, 101.29, 0.91)},
    **{473: (246.59, 103.47, 0.52), 474: (250.67, 103.59, 0.52)},
}
BOXES = {"near": (0.9217, (177.57, 82.87, 272.91, 178.22)), "far": (0.9121, (173.66, 67.78, 277.59, 171.7))}
MATTE = (
    *((0.0, 0.0, 0.184, 0.705, 0.304, 0.0, 0.0, 0.0), (0.0, 0.0, 0.525, 1.0, 0.643, 0.0, 0.0, 0.0)),
    *((0.0, 0.031, 0.599, 1.0, 0.161, 0.0, 0.0, 0.0), (0.007, 0.592, 1.0, 1.0, 0.735, 0.026, 0.0, 0.0)),
    *((0.421, 1.0, 1.0, 1.0, 1.0, 0.563, 0.0, 0.0), (0.63, 1.0, 1.0, 1.0, 0.964, 0.9, 0.59, 0.119)),
    *((0.849, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.678), (0.885, 0.994, 0.989, 0.946, 0.999, 1.0, 1.0, 0.797)),
)


@pytest.fixture(scope="module")
def astronaut(astronaut_path) -> np.ndarray:
    return read_image(astronaut_path)


def test_landmarks_are_mediapipes(astronaut):
    (face,) = mesh_in(astronaut, [SQUARE])
    found, recorded = face.landmarks[list(LANDMARKS)], np.array(list(LANDMARKS.values()))
    # Largest difference measured: 0.03 pixels; the picture is resampled with another rounding.
    np.testing.assert_allclose(found, recorded, atol=0.1)
    assert face.confidence > 0.99


def test_a_photo_alone_leads_to_the_same_square(astronaut):
    (face,) = FaceTracker(video=False)(astronaut)
    found, recorded = face.landmarks[list(LANDMARKS)], np.array(list(LANDMARKS.values()))
    assert np.abs(found - recorded).max() < 0.3


@pytest.mark.parametrize("reach", ["near", "far"])
def test_boxes_and_scores_are_mediapipes(astronaut, reach):
    detector = load_detector(reach)
    with torch.inference_mode():
        ((found,),) = detector.detect(shown(astronaut, detector.side)[None], 0.5)
    score, box = BOXES[reach]
    assert found.score == pytest.approx(score, abs=0.01)
    np.testing.assert_allclose(512 * found.box.numpy(), box, atol=1.0)


def test_the_matte_is_mediapipes(astronaut):
    small = cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA)
    with torch.inference_mode():
        matte = load_selfie_segmentation()(torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255)
    means = matte[0, 0].reshape(8, 32, 8, 32).mean((1, 3)).numpy()
    np.testing.assert_allclose(means, MATTE, atol=1 / 255)


def test_compiled_loops_say_what_the_layers_say():
    quick, plain = load_face_mesh(), FaceMesh()
    plain.load_state_dict(load_face_mesh(compiled=False).state_dict())
    faces = torch.rand(2, 3, 192, 192, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        (points, sure), (expected, expected_sure) = quick(faces), plain.eval()(faces)
    torch.testing.assert_close(points, expected, rtol=0, atol=2e-3)  # measured: 1e-4 pixels of 192
    torch.testing.assert_close(sure, expected_sure, rtol=0, atol=1e-5)


def test_landmarks_have_gradients():
    network = load_face_mesh(compiled=False)
    face = torch.rand(1, 3, 192, 192, generator=torch.Generator().manual_seed(0)).requires_grad_()
    points, _ = network(face)
    points[:, 13].sum().backward()
    assert face.grad is not None
    assert face.grad.abs().max() > 0


def test_points_of_a_square_go_back_to_where_they_were():
    square = FaceSquare(x=100.0, y=60.0, side=80.0, roll=0.5)
    corners = np.array(((0.5, 0.5, 0.0), (1.0, 0.5, 0.25)), np.float32)
    expected = ((100, 60, 0), (100 + 40 * np.cos(0.5), 60 + 40 * np.sin(0.5), 20))
    np.testing.assert_allclose(square.placed(corners), expected, rtol=1e-6)


def test_the_square_around_a_turned_face_turns_with_it(astronaut):
    (face,) = mesh_in(astronaut, [SQUARE])
    upright = square_of_landmarks(face.landmarks)
    turn = np.array(((0, 1, 0), (-1, 0, 0), (0, 0, 1)), np.float32)  # a quarter, clockwise
    turned = square_of_landmarks(face.landmarks @ turn)
    assert turned.roll - upright.roll == pytest.approx(np.pi / 2, abs=1e-4)
    assert turned.side == pytest.approx(upright.side, rel=1e-4)


def test_squares_share_their_overlap():
    one = FaceSquare(0.0, 0.0, 2.0, 0.0)
    assert one.shares(one) == pytest.approx(1.0)
    assert one.shares(FaceSquare(1.0, 0.0, 2.0, 0.0)) == pytest.approx(1 / 3)
    assert one.shares(FaceSquare(3.0, 0.0, 2.0, 0.0)) == 0.0


def test_all_blocks_share_one_compiled_loop():
    """Weights in another order in memory would have it compiled again, for seconds, and slower."""
    load_face_mesh()(torch.zeros(1, 3, 192, 192))
    load_detector("near")(torch.zeros(1, 3, 128, 128))
    assert len(separable_kernel._compute.signatures) == 1
