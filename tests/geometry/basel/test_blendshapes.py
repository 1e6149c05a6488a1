import pytest
import torch
from synthetic_basel import basel_face

from cameo3d.geometry.basel.blendshapes import DECIMETRES, ExpressionMap
from cameo3d.geometry.face_model import load_face_model
from cameo3d.values import BLENDSHAPES

MOVERS = (
    "jawOpen",
    "mouthFunnel",
    "mouthPucker",
    "mouthSmileLeft",
    "mouthClose",
    "eyeBlinkRight",
    "browInnerUp",
)


@pytest.fixture(scope="module")
def expressions() -> ExpressionMap:
    return ExpressionMap(basel_face(), load_face_model())


def weights_of(name: str, amount: float = 0.7) -> torch.Tensor:
    weights = torch.zeros(1, 52)
    weights[0, BLENDSHAPES.index(name)] = amount
    return weights


@pytest.mark.parametrize("name", MOVERS)
def test_a_weight_that_goes_to_coefficients_and_back_stays_what_it_was(expressions, name):
    again = expressions.to_arkit(expressions.to_basel(weights_of(name)))
    assert again[0].argmax() == BLENDSHAPES.index(name)
    assert abs(again[0].max() - 0.7) < 0.15
    assert again[0].topk(2).values[1] < 0.25


def test_coefficients_move_the_landmarks_as_the_weights_do(expressions):
    face, ours = basel_face(), load_face_model()
    weights = weights_of("jawOpen")
    wanted = torch.einsum("fk,kpx->fpx", weights, ours.expression_basis) * torch.tensor(DECIMETRES)
    moved = face.mesh.shape(torch.zeros(1, 80), expressions.to_basel(weights)) - face.mesh.mean
    chin, forehead = 152, 10
    assert wanted[0, chin, 1] < -0.05  # half a centimetre down, in decimetres
    torch.testing.assert_close(moved[0, chin, 1], wanted[0, chin, 1], atol=0.01, rtol=0)
    assert moved[0, forehead].norm() < 0.01


def test_no_expression_is_none_in_both_directions(expressions):
    assert torch.equal(expressions.to_arkit(torch.zeros(2, 64)), torch.zeros(2, 52))
    assert torch.equal(expressions.to_basel(torch.zeros(2, 52)), torch.zeros(2, 64))


def test_weights_stay_within_their_range(expressions):
    weights = expressions.to_arkit(5 * torch.randn(20, 64, generator=torch.Generator().manual_seed(1)))
    assert weights.min() >= 0
    assert weights.max() <= 1
    assert weights.max() > 0.5


def test_frames_do_not_know_of_each_other(expressions):
    coefficients = torch.randn(3, 64, generator=torch.Generator().manual_seed(2))
    together = expressions.to_arkit(coefficients)
    torch.testing.assert_close(expressions.to_arkit(coefficients[1:2]), together[1:2], atol=1e-5, rtol=0)
