"""The small GOHA: three branches whose sum is the relief until something is learned."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cameo3d.blocks.frustum_planes import COLORS, FRONT
from cameo3d.geometry.face_model import load_face_model
from cameo3d.imaging.compose import compose
from cameo3d.media.images import read_image
from cameo3d.models.avatar import render
from cameo3d.models.goha.lite.avatar import GohaLite, GohaLiteAvatar
from cameo3d.models.relief import RELIEF
from cameo3d.models.relief.prior import resting
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.values import BLENDSHAPES
from cameo3d.values.storage import load_value, save_value


@pytest.fixture(scope="module")
def model() -> GohaLite:
    return GohaLite(load_face_model())


@pytest.fixture(scope="module")
def avatar(model, astronaut_path) -> GohaLiteAvatar:
    return model.encode([make_portrait(read_image(astronaut_path))])


def test_it_begins_as_the_relief(model, avatar):
    expression = avatar.person.expression.clone()
    expression[BLENDSHAPES.index("jawOpen")] = 0.5
    moved = replace(resting(avatar), expression=expression[None])
    ours, relief = (
        compose(next(render(each, avatar, moved)), each.background(avatar)).astype(float)
        for each in (model, RELIEF)
    )
    assert np.abs(ours - relief).mean() < 1.5


def test_appearance_is_colour_alone_and_canonical_planes_are_soft(avatar):
    appearance = avatar.appearance.clone()
    assert appearance[COLORS].abs().mean() > 0.002
    appearance[COLORS] = 0
    assert not appearance.any()
    rough, soft = (each[COLORS].diff(dim=-1).abs().mean() for each in (avatar.appearance, avatar.canonical))
    assert rough > soft


def test_canonical_planes_hold_a_neutral_face(model, avatar):
    assert avatar.person.expression.any()
    changed = (avatar.canonical[FRONT] - model_planes(avatar)[FRONT]).abs()
    assert changed.max() > 1e-4  # the astronaut smiles


def model_planes(avatar: GohaLiteAvatar) -> torch.Tensor:
    """The planes of the photo's own expression."""
    from cameo3d.models.relief.plane_painter import DETAIL
    from cameo3d.models.relief.prior import ReliefPrior

    prior = ReliefPrior(avatar, load_face_model(), DETAIL)
    return prior.plane(prior.photo_page)


def test_an_avatar_file_brings_everything(model, avatar, tmp_path):
    save_value(avatar, tmp_path / "a.avatar")
    stored = load_value(GohaLiteAvatar, tmp_path / "a.avatar")
    one, other = (next(render(model, each, resting(avatar))) for each in (stored, avatar))
    np.testing.assert_array_equal(one, other)
