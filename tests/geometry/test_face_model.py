import pytest
import torch

from cameo3d.geometry import face_topology as names
from cameo3d.geometry.face_model import FaceModel, load_face_model
from cameo3d.values import BLENDSHAPES


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return load_face_model()


def with_shapes(model: FaceModel, *shapes: str) -> torch.Tensor:
    weights = torch.zeros(52)
    weights[[BLENDSHAPES.index(shape) for shape in shapes]] = 1
    return model.vertices(torch.zeros(len(model.identity_basis)), weights)


def gaps(vertices: torch.Tensor, upper: tuple[int, ...], lower: tuple[int, ...]) -> torch.Tensor:
    return vertices[list(lower[1:-1]), 1] - vertices[list(upper[1:-1]), 1]


def mirrored(model: FaceModel, shape: torch.Tensor) -> torch.Tensor:
    return shape[..., model.mirror, :] * torch.tensor([-1.0, 1, 1])


def test_no_identity_and_no_expression_give_the_mean(model):
    torch.testing.assert_close(with_shapes(model), model.mean)


def test_vertices_are_linear_and_keep_batches(model):
    identity, expression = torch.randn(2, 3, len(model.identity_basis)), torch.rand(2, 3, 52)
    whole = model.vertices(identity, expression) - model.mean
    parts = (
        model.vertices(identity, expression * 0) + model.vertices(identity * 0, expression) - 2 * model.mean
    )
    torch.testing.assert_close(whole, parts, rtol=0, atol=1e-6)
    torch.testing.assert_close(whole[1, 2] + model.mean, model.vertices(identity[1, 2], expression[1, 2]))


def test_the_mean_face_has_the_size_of_a_head(model):
    mean = model.mean
    torch.testing.assert_close(mean.mean(0), torch.zeros(3), rtol=0, atol=1e-6)
    assert mean[263, 0] - mean[33, 0] == pytest.approx(0.0895, abs=1e-4)
    eye_centers = [mean[list(lid)].mean(0) for lid in (names.RIGHT_LID_LOWER, names.LEFT_LID_LOWER)]
    assert 0.058 < (eye_centers[1] - eye_centers[0]).norm() < 0.066
    assert 0.09 < mean[234, 2] - mean[4, 2] < 0.12  # the nose points at the camera, the ears lie behind
    assert mean[152, 1] > mean[10, 1]  # the chin is below


def test_the_mean_face_is_symmetric(model):
    assert torch.equal(model.mirror[model.mirror], torch.arange(468))
    torch.testing.assert_close(mirrored(model, model.mean), model.mean, rtol=0, atol=1e-6)


def test_triangles_face_the_camera_and_fit_together(model):
    a, b, c = model.mean[model.triangles].unbind(1)
    normals = torch.linalg.cross(b - a, c - a)
    assert (normals[:, 2] < 0).float().mean() > 0.97  # a few lie edge-on, in the nostrils and at the temples
    edges = torch.cat([model.triangles[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    assert len(edges.unique(dim=0)) == len(edges) == 3 * 852


@pytest.mark.parametrize("name", [name for name in BLENDSHAPES if name.endswith("Left")])
def test_left_and_right_shapes_are_mirror_images(model, name):
    left = model.expression_basis[BLENDSHAPES.index(name)]
    right = model.expression_basis[BLENDSHAPES.index(name.removesuffix("Left") + "Right")]
    torch.testing.assert_close(mirrored(model, left), right, rtol=0, atol=1e-4)  # half precision on disk
    if name not in ("jawLeft", "mouthLeft"):  # which only go there
        strength = left.norm(dim=-1)
        middle = (strength * model.mean[:, 0]).sum() / strength.sum()
        assert middle > 0.005  # the person's left is the image's right


def test_jaw_and_mouth_go_to_the_named_side(model):
    for name in ("jawLeft", "mouthLeft"):
        assert model.expression_basis[BLENDSHAPES.index(name), 17, 0] > 0.004


def test_a_blink_closes_its_eye_and_leaves_the_other(model):
    open_left = gaps(model.mean, names.LEFT_LID_UPPER, names.LEFT_LID_LOWER)
    blinking = with_shapes(model, "eyeBlinkLeft")
    closed = gaps(blinking, names.LEFT_LID_UPPER, names.LEFT_LID_LOWER)
    assert 0.007 < open_left[3] < 0.012
    assert closed.abs().max() < 0.1 * open_left.max()
    right = [gaps(face, names.RIGHT_LID_UPPER, names.RIGHT_LID_LOWER) for face in (model.mean, blinking)]
    torch.testing.assert_close(*right, rtol=0, atol=1e-4)


def test_lips_are_closed_until_the_jaw_opens_and_again_with_mouth_close(model):
    lips = names.INNER_LIP_UPPER, names.INNER_LIP_LOWER
    assert gaps(model.mean, *lips).abs().max() < 1e-6
    assert 0.030 < gaps(with_shapes(model, "jawOpen"), *lips).max() < 0.045
    assert gaps(with_shapes(model, "jawOpen", "mouthClose"), *lips).abs().max() < 5e-4


@pytest.mark.parametrize("name", [name for name in BLENDSHAPES if name.startswith(("jaw", "mouth"))])
def test_no_single_shape_pushes_the_lips_through_each_other(model, name):
    if name != "mouthClose":
        assert gaps(with_shapes(model, name), names.INNER_LIP_UPPER, names.INNER_LIP_LOWER).min() > -2e-4


def test_every_shape_but_the_tongue_moves_something_and_stays_natural(model):
    largest = model.expression_basis.norm(dim=-1).amax(-1)
    tongue = BLENDSHAPES.index("tongueOut")
    assert largest[tongue] == 0
    others = torch.cat((largest[:tongue], largest[tongue + 1 :]))
    assert others.min() > 0.0005
    assert others.max() < 0.045
    for name in BLENDSHAPES:  # eyes move no mouth, mouths no brow
        moved = model.expression_basis[BLENDSHAPES.index(name)].norm(dim=-1)
        still = (0, 17, 61, 291, 152) if name.startswith(("eye", "brow")) else (10, 9, 105, 334)
        assert moved[list(still)].max() < 0.001, name


def test_identity_components_are_in_standard_deviations_and_sorted(model):
    sizes = model.identity_basis.flatten(1).norm(dim=1)
    assert (sizes.diff() < 1e-4).all()
    typical = (model.identity_basis.square().sum((0, 2))).sqrt().mean()  # root mean square over people
    assert 0.002 < typical < 0.008
    lips = [model.identity_basis[:, list(rim), :] for rim in (names.INNER_LIP_UPPER, names.INNER_LIP_LOWER)]
    torch.testing.assert_close(*lips, rtol=0, atol=2e-5)  # nobody's identity parts the lips
