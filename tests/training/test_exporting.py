"""What was trained goes out in the official layout, and comes back as it was."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from official_real3d import TINY
from tiny_goha import TINY as TINY_GOHA
from torch import nn

from cameo3d.errors import TrainingError, WeightsError
from cameo3d.models.goha.generator import GohaGenerator
from cameo3d.models.real3d.generator import Real3DGenerator
from cameo3d.models.real3d.released_sizes import released_sizes
from cameo3d.models.real3d.torso import Torso
from cameo3d.models.voice.official.network import VoiceToExpression
from cameo3d.models.voice.official.sync_expert import SyncExpert
from cameo3d.training import exporting
from cameo3d.training.checkpoints import save_checkpoint
from cameo3d.training.discriminator import Discriminator
from cameo3d.training.exporting import check_exportable, export_trained
from cameo3d.training.loop import Plan
from cameo3d.training.norms import add_spectral_norms, add_weight_norms, without_norms
from cameo3d.training.real3d import building
from cameo3d.training.real3d.adversary import build_discriminator
from cameo3d.training.real3d.recipes import (
    IMAGE_TO_PLANE,
    MOTION,
    SYNC,
    TORSO,
    Adversary,
    MotionRecipe,
    TorsoRecipe,
)
from cameo3d.training.real3d.torso import TorsoStage
from cameo3d.weights.conversion import goha, goha_training, real3d, real3d_training
from cameo3d.weights.conversion.options import read_options

PLAN = Plan(steps=7)
TORSO_RECIPE = TorsoRecipe(TINY, PLAN, adversary=Adversary(base=256, most=8))


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """The official networks have a few numbers."""
    monkeypatch.setattr(exporting, "REAL3D", TINY)
    monkeypatch.setattr(exporting, "GOHA", TINY_GOHA)


def trained(path, **networks):
    save_checkpoint(path, 7, "", nn.ModuleDict(networks), {})
    return path


def options_of(folder):
    """But for three sizes, which can only be the official ones."""
    options, fixed = dict(read_options(folder)), ("final_resolution", "neural_rendering_resolution")
    assert [options.pop(name) for name in (*fixed, "secc_segformer_scale")] == [128, 32, "b0"]
    return options


def equal(found, state):
    assert found.keys() == state.keys()
    for name, x in state.items():
        torch.testing.assert_close(found[name], x, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("normed", [False, True])
def test_a_torsos_training_comes_back_with_its_norms_and_its_discriminator(normed, tmp_path):
    torch.manual_seed(0)
    network, judge = Real3DGenerator(TINY), Discriminator(128, 6, (4, 4, 4, 4, 4, 4))
    if normed:
        torso = network.super_resolution.torso
        assert isinstance(torso, Torso)
        add_spectral_norms(torso)
    checkpoint = trained(tmp_path / "a.safetensors", average=network, discriminator=judge)
    path = export_trained(checkpoint, "real3d.torso", TorsoRecipe(TINY, PLAN), tmp_path / "torso")
    assert path.name == "model_ckpt_steps_7.ckpt"
    assert real3d.training_kind(path.parent) == "torso"
    official = real3d.read_checkpoint(path)
    assert released_sizes(official, options_of(path.parent), base=TINY) == TINY
    equal(
        real3d.convert_generator(official, Real3DGenerator(TINY).state_dict()),
        without_norms(network.state_dict()),
    )
    equal(real3d_training.read_discriminator(path, 128, judge.state_dict()), judge.state_dict())


@pytest.mark.parametrize("depth", [1, 3])
def test_a_motion_adapters_training_is_a_head_alone(depth, tmp_path):
    network = Real3DGenerator(replace(TINY, plane_depth=depth))
    checkpoint = trained(tmp_path / "a.safetensors", average=network)
    recipe = MotionRecipe(replace(TINY, plane_depth=depth), PLAN)
    path = export_trained(checkpoint, "real3d.motion", recipe, tmp_path / "head")
    official, head = real3d.read_checkpoint(path), replace(TINY, plane_depth=depth, has_torso=False)
    assert real3d.training_kind(path.parent) == "head"
    assert released_sizes(official, options_of(path.parent), base=TINY) == head
    expected = Real3DGenerator(head).state_dict()
    equal(real3d.convert_generator(official, expected), {x: network.state_dict()[x] for x in expected})


@pytest.mark.parametrize("stage", ["image to plane", "head", "torso"])
def test_official_checkpoints_of_any_stage_begin_the_next(stage, tmp_path):
    """With their discriminator; what they lack begins at random."""
    torch.manual_seed(0)
    network, judge = Real3DGenerator(TINY), build_discriminator(TORSO_RECIPE.adversary, 128)
    checkpoint = trained(tmp_path / "a.safetensors", average=network, discriminator=judge)
    kind = {"image to plane": "real3d.image_to_plane", "head": "real3d.motion", "torso": "real3d.torso"}[
        stage
    ]
    path = export_trained(checkpoint, kind, TORSO_RECIPE, tmp_path / "official")
    begun = building._official_start(path, TORSO_RECIPE)
    own = network.state_dict()
    equal_parts = {name for name, x in begun["generator"].items() if torch.allclose(x, own[name], atol=1e-7)}
    parts = {name.split(".")[0] for name in begun["generator"].keys() - equal_parts}
    assert (
        parts
        == {
            "image to plane": {"motion_adapter", "super_resolution"},
            "head": {"super_resolution"},
            "torso": set(),
        }[stage]
    )
    equal(begun["discriminator"], judge.state_dict())
    TorsoStage(TORSO_RECIPE, None, torch.device("cpu"), begun)
    official = torch.load(path)["state_dict"]["model"]
    torch.save({"state_dict": {"model": official | {"odd": torch.ones(1)}}}, path)
    with pytest.raises(WeightsError, match="unknown: odd"):
        building._official_start(path, TORSO_RECIPE)


def test_a_voices_training_comes_back_with_its_norms(tmp_path):
    torch.manual_seed(0)
    network = VoiceToExpression()
    add_weight_norms(network)
    checkpoint = trained(tmp_path / "a.safetensors", voice=network)
    path = export_trained(checkpoint, "real3d.voice", SimpleNamespace(plan=PLAN), tmp_path / "voice")
    assert real3d.training_kind(path.parent) == "voice"
    found = real3d.convert_voice(real3d.read_checkpoint(path), VoiceToExpression().state_dict())
    equal(found, without_norms(network.state_dict()))


@pytest.mark.parametrize("depth", [1, 3])
def test_planes_trained_by_a_teacher_have_the_names_of_their_own_stage(depth, tmp_path):
    """The backbone without the prefix of later stages, nothing of adapter, torso or balances."""
    own = replace(TINY, plane_depth=depth)
    checkpoint = trained(tmp_path / "a.safetensors", average=Real3DGenerator(own))
    recipe = SimpleNamespace(plan=PLAN, network=own)
    path = export_trained(checkpoint, "real3d.image_to_plane", recipe, tmp_path / "planes")
    names = real3d.read_checkpoint(path)
    parts = {name.split(".")[0] for name in names}
    assert parts == {"img2plane_backbone", "decoder", "superresolution"} | (
        {"plane2grid_module"} if depth > 1 else set()
    )
    assert {name.split(".")[1] for name in names if name.startswith("superres")} == {"block0", "block1"}
    options = read_options(path.parent)
    assert str(options["task_cls"]).endswith("img2plane_task.OSAvatarImg2PlaneTask")
    assert options["triplane_depth"] == depth


def test_a_sync_expert_comes_back_and_teaches_the_voice(tmp_path):
    torch.manual_seed(0)
    expert = SyncExpert(12, width=8, embedding=16)
    checkpoint = trained(tmp_path / "a.safetensors", expert=expert)
    recipe = replace(SYNC["official"], plan=PLAN, width=8, embedding=16)
    path = export_trained(checkpoint, "real3d.sync", recipe, tmp_path / "sync")
    assert {name.split(".")[0] for name in real3d.read_checkpoint(path)} == {
        "hubert_encoder",
        "mouth_encoder",
    }
    assert "hubert_encoder.0.conv_block.1.running_mean" in real3d.read_checkpoint(path)
    assert read_options(path.parent)["syncnet_base_hid_size"] == 8
    for file in (path, checkpoint):
        found = building._expert(file, 12)
        assert found is not None
        equal(found.state_dict(), expert.state_dict())
    with pytest.raises(WeightsError, match="misshapen"):
        building._expert(path, 10)
    with pytest.raises(TrainingError, match=r"holds no sync expert"):
        state = {"state_dict": {"model": {"odd": torch.ones(1)}}}
        torch.save(state, path)
        building._expert(path, 12)


def test_gohas_stages_come_back_as_the_official_files_are(tmp_path):
    network, judge = GohaGenerator(TINY_GOHA), Discriminator(64, 3, (8,) * 5, camera=0, group=4)
    checkpoint = trained(tmp_path / "a.safetensors", generator=network, discriminator=judge)
    recipe = SimpleNamespace(plan=PLAN, first=750_000, network=replace(TINY_GOHA, train_end_to_end=True))
    path = export_trained(checkpoint, "goha.super_resolution", recipe, tmp_path / "out")
    assert path.name == "checkpoint750007.ckpt"
    equal(goha.convert_generator(goha.read_checkpoint(path), network.state_dict()), network.state_dict())
    equal(goha_training.read_discriminator(path, judge.state_dict()), judge.state_dict())
    path = export_trained(checkpoint, "goha.reconstruction", recipe, tmp_path / "out")
    assert not goha.has_super_resolution(goha.read_checkpoint(path))


def test_what_our_own_face_model_drew_for_is_not_exported(tmp_path):
    """The official programs draw the Basel model."""
    networks = nn.ModuleDict({"generator": GohaGenerator(TINY_GOHA)})
    save_checkpoint(tmp_path / "a.safetensors", 7, json.dumps({"faces": "shipped"}), networks, {})
    recipe = SimpleNamespace(plan=PLAN, first=0, network=TINY_GOHA)
    with pytest.raises(TrainingError, match="our own face model"):
        export_trained(tmp_path / "a.safetensors", "goha.reconstruction", recipe, tmp_path / "out")


def test_what_the_official_code_has_not_is_refused_before_anything_is_trained():
    with pytest.raises(TrainingError, match="of the recipe official"):
        check_exportable("real3d.motion", MOTION["small"])
    recipe = SimpleNamespace(network=replace(TINY_GOHA, expression="linear"))
    with pytest.raises(TrainingError, match="of the recipe official"):
        check_exportable("goha.adversarial", recipe)


def test_every_option_of_the_official_recipes_can_be_exported(monkeypatch):
    monkeypatch.undo()
    for stage, recipes in (
        ("real3d.image_to_plane", IMAGE_TO_PLANE),
        ("real3d.motion", MOTION),
        ("real3d.torso", TORSO),
    ):
        for name in recipes:
            if name.startswith("official"):
                check_exportable(stage, recipes[name])
