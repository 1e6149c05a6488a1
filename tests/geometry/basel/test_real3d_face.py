import numpy as np
import pytest
import torch
from synthetic_basel import TRIANGLES, UNMATCHED, VERTICES, basel_arrays, basel_face

from cameo3d.errors import WeightsError
from cameo3d.geometry.basel.bfm import CAMERA_DISTANCE, FOCAL, PICTURE_SIZE, move_to_camera
from cameo3d.geometry.basel.real3d_face import Real3DFace, picture_points


def test_a_face_of_the_official_size_opens():
    face = basel_face()
    assert face.basel.mean.shape == (VERTICES, 3)
    assert face.basel.triangles.shape == (TRIANGLES, 3)
    assert face.map_triangles.shape == (TRIANGLES - 569 - 565, 3)
    torch.testing.assert_close(face.basel.mean.mean(dim=0), torch.zeros(3), atol=1e-5, rtol=0)
    assert (face.mesh_vertices == -1).nonzero().flatten().tolist() == UNMATCHED


def test_points_without_a_match_take_the_first_vertex():
    face = basel_face()
    torch.testing.assert_close(face.mesh.mean[UNMATCHED], face.basel.mean[:1].expand(8, 3))


def test_key_points_are_the_vertices_behind_the_landmarks():
    face = basel_face()
    torch.testing.assert_close(face.key_points.mean, face.basel.mean[face.basel.landmarks + 1])


def test_some_points_move_as_they_do_in_the_whole_face():
    face, random = basel_face(), torch.Generator().manual_seed(1)
    identity, expression = torch.randn(2, 80, generator=random), torch.randn(2, 64, generator=random)
    whole = face.basel.shape(identity, expression)[:, face.mesh_vertices.clamp(min=0)]
    torch.testing.assert_close(face.mesh.shape(identity, expression), whole, atol=1e-5, rtol=1e-5)


def test_picture_points_are_upright_shares_of_the_picture():
    point = move_to_camera(torch.tensor([[[0.2, 0.5, 0.0]]]), torch.zeros(1, 3), torch.zeros(1, 3))
    shift = FOCAL / CAMERA_DISTANCE / PICTURE_SIZE
    expected = torch.tensor([[[0.5 + 0.2 * shift, 0.5 - 0.5 * shift]]])
    torch.testing.assert_close(picture_points(point), expected)


def test_torso_points_end_at_the_picture():
    still = torch.zeros(1, 80), torch.zeros(1, 64), torch.zeros(1, 3)
    face = basel_face()
    inside = face.torso_points(*still, torch.zeros(1, 3))
    assert inside.abs().max() < 1
    assert (inside[..., 2] == 0).all()
    assert inside[0, 8, 1] > inside[0, 27, 1]  # the chin lies below the nose
    assert (face.torso_points(*still, torch.tensor([[5.0, 0, 0]]))[..., 0] == 1).all()


def test_tensors_bring_the_face_back():
    face = basel_face()
    again = Real3DFace.from_tensors(face.tensors())
    assert all(torch.equal(x, again.tensors()[name]) for name, x in face.tensors().items())
    with pytest.raises(WeightsError, match=r"lacks basel\.mean, map_colors"):
        Real3DFace.from_tensors(
            {k: x for k, x in face.tensors().items() if k not in ("basel.mean", "map_colors")}
        )


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("mesh_vertices", np.zeros(467, np.int64), "468 vertices"),
        ("mesh_vertices", np.full(468, VERTICES), "468 vertices"),
        ("map_colors", np.zeros((VERTICES, 3), np.float32), "map_colors is"),
        ("left_eye_triangles", np.array([0]), "triangles of the eyes"),
        ("keypoints", np.full((1, 68), VERTICES), "no neighbour"),
    ],
)
def test_files_that_do_not_fit_are_refused(name, array, message):
    with pytest.raises(WeightsError, match=message):
        Real3DFace.from_arrays(basel_arrays() | {name: array})


def test_missing_files_are_named():
    arrays = {name: x for name, x in basel_arrays().items() if name != "right_eye_triangles"}
    with pytest.raises(WeightsError, match="lacks right_eye_triangles"):
        Real3DFace.from_arrays(arrays)
