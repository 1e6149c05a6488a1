import math

import numpy as np
import pytest
import torch

from cameo3d.errors import WeightsError
from cameo3d.geometry.basel.bfm import (
    BaselFace,
    FaceCoefficients,
    PosedFace,
    deep3d_rotation,
    draw_face,
    pose_face,
    shine,
)


def square_arrays() -> dict[str, np.ndarray]:
    """A square of side 2 in two triangles, facing the camera, all coefficients without effect."""
    zeros = np.zeros((12, 80), np.float32)
    return {
        "meanshape": np.array([[-1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 1, 0]], np.float32),
        "meantex": np.full((1, 12), 255, np.float32),
        "idBase": zeros,
        "exBase": zeros[:, :64],
        "texBase": zeros,
        "tri": np.array([[1, 2, 3], [1, 3, 4]], np.int32),
        "point_buf": np.array([[1, 2], [1, 3], [1, 2], [2, 3]], np.int32),
        "keypoints": np.ones((1, 68), np.int32),
    }


def still(batch: int = 1) -> FaceCoefficients:
    return FaceCoefficients.from_vectors(torch.zeros(batch, 257))


def test_coefficients_survive_being_taken_apart():
    vectors = torch.randn(2, 257)
    torch.testing.assert_close(FaceCoefficients.from_vectors(vectors).vectors(), vectors)


def test_a_flat_face_is_as_far_as_the_camera_and_points_to_it():
    model = BaselFace.from_arrays(square_arrays())
    face = pose_face(model, still())
    torch.testing.assert_close(face.vertices[0, :, 2], torch.full((4,), 10.0))
    torch.testing.assert_close(model.normals(model.mean[None])[0], torch.tensor([[0.0, 0, 1]]).expand(4, 3))
    # The first vertex, one unit left of and below the axis.
    torch.testing.assert_close(face.landmarks[0, 0], torch.full((2,), 112 - 101.5))


def test_rotations_turn_rows_about_one_axis_after_the_other():
    quarter = torch.tensor([[0.0, 0.0, math.pi / 2]])
    torch.testing.assert_close(
        torch.tensor([1.0, 0, 0]) @ deep3d_rotation(quarter)[0], torch.tensor([0.0, 1, 0]), atol=1e-6, rtol=0
    )


def test_light_without_coefficients_is_even():
    light = shine(torch.zeros(1, 27), torch.nn.functional.normalize(torch.randn(1, 5, 3), dim=-1))
    torch.testing.assert_close(light, torch.full((1, 5, 3), 0.8 * math.sqrt(math.pi) / 2))


def test_a_drawn_face_covers_its_projection_upright():
    model = BaselFace.from_arrays(square_arrays())
    colors = torch.tensor([[0.0, 0, 0], [0, 0, 0], [1, 1, 1], [1, 1, 1]])[None]
    drawn = draw_face(model, pose_face(model, still())._replace(colors=colors))
    assert drawn.mask.sum() == 203**2 or drawn.mask.sum() == 204**2
    assert drawn.image[0, 0, 20, 112] > drawn.image[0, 0, 200, 112]


def test_colors_run_perspectively():
    model = BaselFace.from_arrays(square_arrays())
    # The right edge is three times as far as the left one; the colour is the share of the way there.
    near, far, height = 6.0, 18.0, 0.4
    vertices = torch.tensor(
        [[0.0, -height, near], [1.0, -3 * height, far], [1.0, 3 * height, far], [0.0, height, near]]
    )
    share = torch.tensor([0.0, 1, 1, 0])[:, None].expand(4, 3)
    face = PosedFace(vertices[None], share[None], share[None], torch.zeros(1, 68, 2))
    drawn = draw_face(model, face)
    for column in (115, 130, 150):
        slope = (column + 0.5 - 112) / 1015
        expected = near * slope / (1 - slope * (far - near))
        torch.testing.assert_close(drawn.image[0, 0, 112, column].item(), expected, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(
            drawn.depth[0, 112, column].item(), near + expected * (far - near), atol=1e-4, rtol=1e-4
        )


def test_a_face_model_of_another_layout_is_refused():
    arrays = square_arrays()
    del arrays["exBase"]
    with pytest.raises(WeightsError, match="exBase"):
        BaselFace.from_arrays(arrays)
    with pytest.raises(WeightsError, match="tri names vertices"):
        BaselFace.from_arrays(square_arrays() | {"tri": np.array([[1, 2, 9]])})
