import pytest
import torch

from cameo3d.media.images import read_image
from cameo3d.pipeline.animate import load_model
from cameo3d.pipeline.portrait import make_portrait


@pytest.fixture(scope="module")
def avatar(astronaut_path):
    return load_model("relief").encode(make_portrait(read_image(astronaut_path)))


def test_a_reliefs_mesh_is_a_head_with_the_photos_colours(avatar):
    mesh = load_model("relief").mesh(avatar, resolution=256)
    face = mesh.vertices[:468]
    # A face is some 14 cm wide and 18 cm high; the nose is its nearest part, the hair above its middle.
    assert 0.11 < face[:, 0].max() - face[:, 0].min() < 0.19
    assert face[1, 2] > face[:, 2].mean() + 0.02
    assert mesh.vertices[:, 1].max() > face[:, 1].max() + 0.03
    assert mesh.triangles.max() < len(mesh.vertices)
    corners = mesh.vertices[mesh.triangles.long()]
    normals = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    near = (corners.mean(1)[:, :2].abs() < 0.04).all(1)
    assert (normals[near, 2] > 0).float().mean() > 0.5  # fronts look to the viewer, backs away
    cheek = mesh.colors[[50, 280]].float().mean(0)
    assert cheek[0] > cheek[2] > 40  # skin


def test_a_finer_mesh_has_more_corners(avatar):
    coarse, fine = (load_model("relief").mesh(avatar, resolution=each) for each in (64, 256))
    assert len(fine.vertices) > 3 * len(coarse.vertices)
