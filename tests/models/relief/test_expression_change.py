import pytest
import torch

from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.face_topology import (
    INNER_LIP_LOWER,
    INNER_LIP_UPPER,
    LEFT_LID_LOWER,
    LEFT_LID_UPPER,
    RIGHT_LID_LOWER,
    RIGHT_LID_UPPER,
)
from cameo3d.models.relief.expression import ExpressionChange, bared_teeth
from cameo3d.values import BLENDSHAPES

LIPS = (INNER_LIP_UPPER, INNER_LIP_LOWER)
LEFT_EYE, RIGHT_EYE = (LEFT_LID_UPPER, LEFT_LID_LOWER), (RIGHT_LID_UPPER, RIGHT_LID_LOWER)


def weights(**shapes: float) -> torch.Tensor:
    return torch.tensor([shapes.get(name, 0.0) for name in BLENDSHAPES])


def gaps(vertices: torch.Tensor, edges: tuple) -> torch.Tensor:
    upper, lower = edges
    return vertices[list(lower[1:-1]), 1] - vertices[list(upper[1:-1]), 1]


@pytest.fixture(scope="module")
def smiling() -> tuple[ExpressionChange, torch.Tensor, torch.Tensor]:
    """A person whose photo smiles with an open mouth, and is not exactly what the model expects."""
    model = load_face_model()
    expression = weights(mouthSmileLeft=0.7, mouthSmileRight=0.7, jawOpen=0.25)
    identity = torch.zeros(len(model.identity_basis))
    noise = torch.randn(468, 3, generator=torch.Generator().manual_seed(0)) * 2e-4
    rest = model.vertices(identity, expression) + noise
    return ExpressionChange(model, identity, expression, rest), rest, expression


def test_the_photos_own_expression_moves_nothing(smiling):
    change, _, expression = smiling
    torch.testing.assert_close(change(expression), torch.zeros(468, 3), rtol=0, atol=1e-6)


def test_a_smiling_mouth_closes_when_the_model_closes(smiling):
    change, rest, _ = smiling
    assert gaps(rest, LIPS).mean() > 0.002
    closed = gaps(rest + change(torch.zeros(52)), LIPS)
    # The neutral mean face keeps its lips within half a millimetre.
    assert closed.abs().max() < 6e-4


@pytest.mark.parametrize(("edges", "name"), [(LEFT_EYE, "eyeBlinkLeft"), (RIGHT_EYE, "eyeBlinkRight")])
def test_a_blink_closes_its_eye_and_leaves_the_other_open(smiling, edges, name):
    change, rest, _ = smiling
    other = RIGHT_EYE if edges is LEFT_EYE else LEFT_EYE
    blinking = rest + change(weights(**{name: 1.0}))
    assert gaps(blinking, edges).max() < 1e-5
    assert gaps(blinking, other).mean() > 0.7 * gaps(rest, other).mean()


@pytest.mark.parametrize("opened", [0.7, 1.0, 1.5])
def test_a_blink_takes_its_share_of_any_persons_opening(opened):
    model = load_face_model()
    identity = torch.zeros(len(model.identity_basis))
    rest = model.vertices(identity, torch.zeros(52))
    for edges in (LEFT_EYE, RIGHT_EYE):
        upper, lower = (list(edge[1:-1]) for edge in edges)
        rest[upper, 1] = rest[lower, 1] + (rest[upper, 1] - rest[lower, 1]) * opened
    change = ExpressionChange(model, identity, torch.zeros(52), rest)
    for edges in (LEFT_EYE, RIGHT_EYE):
        for blink in (0.25, 0.5, 1.0):
            left = gaps(rest + change(weights(eyeBlinkLeft=blink, eyeBlinkRight=blink)), edges)
            torch.testing.assert_close(left, (1 - blink) * gaps(rest, edges), rtol=0, atol=1e-5)


def test_an_opening_jaw_takes_the_lower_teeth_along(smiling):
    change, _, expression = smiling
    torch.testing.assert_close(change.jaw(expression), torch.zeros(3))
    assert change.jaw(weights(jawOpen=0.8))[1] > 0.005


def test_edges_never_cross(smiling):
    change, rest, _ = smiling
    generator = torch.Generator().manual_seed(1)
    for _ in range(20):
        moved = rest + change(torch.rand(52, generator=generator) ** 3)
        for edges in (LIPS, LEFT_EYE, RIGHT_EYE):
            assert gaps(moved, edges).min() > -3e-4


def test_a_mouth_that_opens_wide_becomes_an_oval(smiling):
    change, rest, _ = smiling
    opened = rest + change(weights(jawOpen=0.9))
    high = gaps(opened, LIPS)
    across = opened[list(INNER_LIP_UPPER), 0]
    aside = 2 * (across - across[[0, -1]].mean()) / (across[-1] - across[0])
    oval = high[4] * (1 - aside[1:-1] ** 2).sqrt()
    assert ((high - oval).abs() / high[4]).max() < 0.13  # the blendshapes alone leave it by 0.2


def test_an_expression_bares_teeth_as_far_as_it_moves_the_lips_off_them():
    model = load_face_model()
    identity = torch.zeros(len(model.identity_basis))

    def bared(more: float = 0.0, **named: float) -> tuple[float, float]:
        expression = weights(**named)
        upper, lower = model.vertices(identity, expression)[[13, 14]]
        return bared_teeth(model, identity, expression, float((lower - upper).norm()) + more)

    assert bared() == (0, 0)
    upper, lower = bared(mouthUpperUpLeft=1.0, mouthUpperUpRight=1.0)
    assert upper > 0.004 > 0.003 > lower
    upper, lower = bared(mouthLowerDownLeft=1.0, mouthLowerDownRight=1.0)
    assert upper < 0.001 < 0.006 < lower
    upper, lower = bared(jawOpen=1.0)
    assert lower < 0.001  # the teeth go along
    further = bared(jawOpen=1.0, more=0.012)
    by_upper, by_lower = further[0] - upper, further[1] - lower
    assert by_upper + by_lower == pytest.approx(0.010, abs=1e-6)  # by lips alone
    assert by_lower > by_upper
