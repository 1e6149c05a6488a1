import numpy as np
import pytest
from onnx_making import mean_color_model

from cameo3d.errors import WeightsError
from cameo3d.geometry.crops import five_points
from cameo3d.perception.arcface import ArcFace, aligned_face

TEMPLATE = np.array(((38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2)))
"""InsightFace's, rounded."""


def face_at(points: np.ndarray) -> np.ndarray:
    """Landmarks whose five points are the given ones."""
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[:, :2] = points[0]  # all of the right eye, and what nobody asks for
    left_eye = [263, 466, 388, 387, 386, 385, 384, 398, 362, 249, 390, 373, 374, 380, 381, 382]
    landmarks[left_eye, :2] = points[1]
    for vertex, point in zip((1, 61, 291), points[2:], strict=True):
        landmarks[vertex, :2] = point
    np.testing.assert_allclose(five_points(landmarks), points, atol=1e-4)
    return landmarks


def test_a_face_that_fits_the_template_is_not_moved():
    rows, columns = np.mgrid[:112, :112]
    picture = np.stack((2 * rows, 2 * columns, rows + columns), -1).astype(np.uint8)
    moved = aligned_face(picture, face_at(TEMPLATE + 0.5)).astype(int)
    assert np.abs(moved - picture)[2:-2, 2:-2].max() <= 1


def test_a_turned_and_enlarged_face_comes_out_upright():
    turn = 2.5 * np.array(((np.cos(0.4), -np.sin(0.4)), (np.sin(0.4), np.cos(0.4))))
    points = TEMPLATE @ turn.T + (150, 60)
    picture = np.zeros((400, 400, 3), np.uint8)
    x, y = points[2].round().astype(int)
    picture[y - 3 : y + 4, x - 3 : x + 4] = 255
    face = aligned_face(picture, face_at(points + 0.5))
    rows, columns = np.nonzero(face[..., 0])
    assert (columns.mean(), rows.mean()) == pytest.approx((56.0, 71.7), abs=0.6)


def test_embeddings_come_from_the_users_file(tmp_path):
    path = tmp_path / "mean.onnx"
    path.write_bytes(mean_color_model(112))
    picture = np.zeros((256, 256, 3), np.uint8)
    picture[:] = (255, 51, 0)
    found = ArcFace(path)(picture, face_at(TEMPLATE + 60))
    np.testing.assert_allclose(found, (1.0, -0.6, -1.0), atol=1e-3)


def test_a_file_that_is_no_network_is_refused(tmp_path):
    path = tmp_path / "w600k_r50.onnx"
    path.write_bytes(b"<html>not here</html>")
    with pytest.raises(WeightsError, match=r"w600k_r50\.onnx is no ONNX file"):
        ArcFace(path)
