"""A GOHA that a user trained on a bare machine: stored, loaded and drawn with the shipped face model."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_goha import TINY
from torch import nn

from cameo3d import Motion, load_model
from cameo3d.errors import InputError, TrainingError, WeightsError
from cameo3d.models.goha.generator import GohaGenerator
from cameo3d.models.goha.small import GohaSmall, GohaSmallAvatar
from cameo3d.models.kinds import load_avatar, size_of
from cameo3d.pipeline.animate import Model
from cameo3d.training.checkpoints import save_checkpoint
from cameo3d.training.goha.recipe import SUPER_RESOLUTION
from cameo3d.training.running import store_generator
from cameo3d.values import BLENDSHAPES

STAGE = "goha.super_resolution"
PLAIN = replace(TINY, enlarges=False)
"""A frame is its rendering: a random super-resolution would hide that."""


def checkpoint(path, faces):
    torch.manual_seed(1)
    network = GohaGenerator(PLAIN)
    with torch.no_grad():  # something to see
        network.renderer.decoder.second.bias[0] = 6.0
    choices = f'{{"faces": "{faces}"}}'
    save_checkpoint(path, 1, choices, nn.ModuleDict({"generator": network}), {})
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Model:
    folder = tmp_path_factory.mktemp("weights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAMEO3D_WEIGHTS", str(folder))
        trained = checkpoint(folder / "a.safetensors", "shipped")
        store_generator(trained, STAGE, replace(SUPER_RESOLUTION, network=PLAIN), "small", "CC0")
        return load_model("goha", size="small")


@pytest.fixture(scope="module")
def avatar(model, astronaut_path) -> GohaSmallAvatar:
    avatar = model.encode(astronaut_path)
    assert isinstance(avatar, GohaSmallAvatar)
    return avatar


def frames(model, avatar, yaw=0.0, **named):
    person = avatar.person
    expression = person.expression.clone()
    for name, weight in named.items():
        expression[BLENDSHAPES.index(name)] = weight
    rotation = person.rotation + torch.tensor((yaw, 0.0, 0.0))
    motion = Motion(
        expression[None], rotation[None], person.translation[None], person.gaze[None], 25.0, "test"
    )
    network = model.network
    network.matte = lambda picture: np.ones(picture.shape[:2])  # a random network draws nobody
    return next(network.perform(avatar).draw(motion)).astype(int)


def test_an_avatar_knows_its_size_and_comes_back_from_a_file(model, avatar, tmp_path):
    assert isinstance(model.network, GohaSmall)
    assert size_of(avatar) == "small"
    assert avatar.resting.mean() > 0.7
    assert 0 in avatar.resting
    avatar.save(tmp_path / "a.avatar")
    again = load_avatar(tmp_path / "a.avatar")
    assert isinstance(again, GohaSmallAvatar)
    np.testing.assert_array_equal(frames(model, again), frames(model, avatar))


def test_expressions_and_turns_change_the_frame(model, avatar):
    still = frames(model, avatar)
    assert still.shape == (64, 64, 4)
    assert np.abs(frames(model, avatar, jawOpen=1.0, mouthPucker=1.0) - still).max() > 0
    assert np.abs(frames(model, avatar, yaw=0.4) - still).mean() > 0.1
    np.testing.assert_array_equal(frames(model, avatar), still)


def test_what_the_basel_model_drew_is_not_stored_as_small(tmp_path, monkeypatch):
    monkeypatch.setenv("CAMEO3D_WEIGHTS", str(tmp_path))
    recipe = replace(SUPER_RESOLUTION, network=PLAIN)
    with pytest.raises(TrainingError, match="drawn by the basel face model"):
        store_generator(checkpoint(tmp_path / "a.safetensors", "basel"), STAGE, recipe, "small", "CC0")
    with pytest.raises(TrainingError, match="drawn by the shipped face model"):
        store_generator(checkpoint(tmp_path / "a.safetensors", "shipped"), STAGE, recipe, "official", "CC0")


def test_without_trained_weights_the_message_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("CAMEO3D_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="trained no small GOHA"):
        load_model("goha", size="small")
    with pytest.raises(InputError, match="--fast"):
        load_model("goha", size="small", fast=True)
