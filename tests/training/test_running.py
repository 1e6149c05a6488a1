"""Stages by their names, recipes by their sizes, and what comes out of a training."""

from dataclasses import replace

import pytest
import torch
from real3d_making import CPU, TINY, TINY_ADVERSARY, pairs

from cameo3d.errors import TrainingError
from cameo3d.models.real3d.generator import Real3DGenerator
from cameo3d.training import running
from cameo3d.training.loop import Plan
from cameo3d.training.real3d.motion import MotionStage
from cameo3d.training.real3d.recipes import MotionRecipe, TorsoRecipe
from cameo3d.training.real3d.torso import TorsoStage
from cameo3d.training.running import changed, run_stage, store_generator, trained_network
from cameo3d.training.setting import Setting
from cameo3d.training.stages import STAGES, StageEntry, recipe_of
from cameo3d.weights.imported import load_weights


class SmallPairs:
    def draw(self, index):
        return pairs(1)


RECIPE = TorsoRecipe(TINY, Plan(2, workers=0), adversary=replace(TINY_ADVERSARY, begins=9))
ENTRY = StageEntry(
    "tiny", {"tiny": RECIPE}, lambda recipe, setting: (TorsoStage(recipe, None, CPU), SmallPairs()), "average"
)


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_has_an_official_and_a_small_recipe(name):
    assert {"official", "small"} <= STAGES[name].recipes.keys()
    assert recipe_of(name, "official").plan.steps > recipe_of(name, "small").plan.steps


def test_ablations_are_recipes_at_both_sizes():
    assert not recipe_of("real3d.motion", "small-without-motion-adapter").motion_adapter
    assert not recipe_of("real3d.motion", "official-without-pre-training").pre_trained
    assert recipe_of("real3d.torso", "official-concatenation").network.fusion.concatenate
    assert not recipe_of("real3d.torso", "small-without-inpainted-background").inpainted_background


def test_unknown_stages_and_recipes_are_refused():
    with pytest.raises(TrainingError, match=r"no stage 'real3d\.all'"):
        recipe_of("real3d.all", "small")
    with pytest.raises(TrainingError, match="no recipe 'huge'"):
        recipe_of("real3d.torso", "huge")


def test_choices_replace_those_of_the_recipe_and_of_its_plan():
    recipe = changed(RECIPE, steps=7, batch=3, accumulate=None)
    assert (recipe.plan.steps, recipe.batch, recipe.plan.accumulate) == (7, 3, 1)
    with pytest.raises(TrainingError, match="no choice batch"):
        changed(recipe_of("real3d.sync", "small"), batch=3)


def test_a_stage_without_data_says_what_to_give():
    with pytest.raises(TrainingError, match="--data SHARDS"):
        STAGES["real3d.motion"].build(recipe_of("real3d.motion", "small"), Setting(CPU, perceptual=False))
    with pytest.raises(TrainingError, match="--teacher"):
        STAGES["real3d.image_to_plane"].build(recipe_of("real3d.image_to_plane", "small"), Setting(CPU))


def test_a_trained_generator_is_stored_where_the_model_finds_it(tmp_path, monkeypatch):
    monkeypatch.setenv("CAMEO3D_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setitem(STAGES, "tiny", ENTRY)
    path = run_stage("tiny", RECIPE, Setting(CPU), tmp_path / "run")
    stored = store_generator(path, "tiny", RECIPE, "small", "MIT")
    tensors = load_weights(stored, "real3d-small", TINY)
    network = Real3DGenerator(TINY)
    network.load_state_dict(tensors)  # strictly, so all norms are multiplied in
    assert all(torch.equal(tensors[name], x) for name, x in trained_network("tiny", path).items())
    # Longer is the same training, another rate is not.
    longer = changed(RECIPE, steps=3)
    assert run_stage("tiny", longer, Setting(CPU), tmp_path / "run") == path
    with pytest.raises(TrainingError, match="other choices"):
        run_stage("tiny", replace(longer, rate=1.0), Setting(CPU), tmp_path / "run")
    assert running.entry_of("tiny") is ENTRY


def test_a_training_that_ran_out_of_memory_goes_on_in_less(tmp_path, monkeypatch):
    recipe = MotionRecipe(TINY, Plan(1, workers=0), adversary=replace(TINY_ADVERSARY, begins=9))
    entry = replace(ENTRY, build=lambda recipe, setting: (MotionStage(recipe, None, CPU), SmallPairs()))
    monkeypatch.setitem(STAGES, "tiny", entry)
    path = run_stage("tiny", recipe, Setting(CPU), tmp_path)
    assert run_stage("tiny", changed(recipe, steps=2, recompute=True), Setting(CPU), tmp_path) == path
