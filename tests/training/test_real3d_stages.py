"""Every stage of Real3D-Portrait at a tiny size: it learns four examples by heart, and goes on as one run."""

from dataclasses import replace

import pytest
import torch
from real3d_making import CPU, TINY, TINY_ADVERSARY, TINY_TEACHER, SamePairs, pairs

from cameo3d.models.real3d.eg3d.generator import Eg3dGenerator
from cameo3d.models.real3d.generator import Real3DGenerator
from cameo3d.training.learner import Part
from cameo3d.training.loop import Plan, train
from cameo3d.training.losses.motion import AdaptiveWeight
from cameo3d.training.norms import without_norms
from cameo3d.training.real3d.image_to_plane import ImageToPlaneStage, TeacherBatches, reference_due
from cameo3d.training.real3d.motion import MotionStage, motion_rates
from cameo3d.training.real3d.recipes import (
    MOTION_ABLATIONS,
    TORSO_ABLATIONS,
    ImageToPlaneRecipe,
    MotionRecipe,
    TorsoRecipe,
)
from cameo3d.training.real3d.torso import TorsoStage

LATER = replace(TINY_ADVERSARY, begins=10**9)
PLANES = ImageToPlaneRecipe(
    TINY,
    TINY_TEACHER,
    batch=4,
    rate=1e-3,
    max_norm=10.0,
    warm_up=0,
    decoder_from=0,
    adversarial_from=10**6,
    adversary=LATER,
)
MOTION = MotionRecipe(
    TINY,
    rate=3e-3,
    warm_up=0,
    others_from=0,
    super_resolution_from=0,
    adversarial_from=10**6,
    adversary=LATER,
)
TORSO = TorsoRecipe(TINY, rate=3e-3, warm_up=0, adversarial_from=10**6, adversary=LATER)


def teacher():
    torch.manual_seed(1)
    network = Eg3dGenerator(TINY_TEACHER)
    with torch.no_grad():  # something to see: dense planes of strong colours
        network.renderer.decoder.second.bias[0] = 6.0
        network.renderer.decoder.second.weight[1:4] *= 6
        for name, parameter in network.planes.named_parameters():
            if name.endswith("planes.weight"):
                parameter *= 3
    return network


class OneDraw:
    def draw(self, index):
        return TeacherBatches(PLANES, None, 0, CPU).draw(0)


def planes_stage(recipe=PLANES):
    torch.manual_seed(0)
    return ImageToPlaneStage(recipe, teacher(), None, CPU), OneDraw()


def motion_stage(recipe=MOTION):
    torch.manual_seed(0)
    return MotionStage(recipe, None, CPU), SamePairs()


def torso_stage(recipe=TORSO):
    torch.manual_seed(0)
    return TorsoStage(recipe, None, CPU), SamePairs()


STAGES = {
    "planes": (planes_stage, "second_l1", 0.7),
    "motion": (motion_stage, "target_l1", 0.75),
    "torso": (torso_stage, "target_l1", 0.45),
}
"""How to build each, which loss is watched, and what share of it is left after sixty steps, with room."""


@pytest.mark.parametrize("name", STAGES)
def test_four_examples_are_learned_by_heart(name):
    build, watched, left = STAGES[name]
    stage, batches = build()
    batch = batches.draw(0)
    errors = []
    for step in range(60):
        scalars = stage.step(step, [Part(batch, step)])
        errors.append(scalars[watched])
    assert sum(errors[-5:]) < left * sum(errors[:5])
    sheet = stage.sheet(batch)
    assert sheet.shape[0] == 4 * 192
    assert sheet.std() > 0


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_that_was_stopped_ends_as_one_run(name, tmp_path):
    build = STAGES[name][0]

    def run(folder, *steps):
        for last in steps:
            stage, batches = build()
            train(stage, batches, Plan(last, ema=0.9, save_every=2, log_every=1, workers=0), folder, name)
        return stage.networks.state_dict()

    whole, parts = run(tmp_path / "whole", 4), run(tmp_path / "parts", 2, 4)
    assert all(torch.equal(whole[key], parts[key]) for key in whole)


@pytest.mark.parametrize("build", [planes_stage, motion_stage, torso_stage])
def test_in_the_adversarial_phase_both_sides_learn(build):
    recipe = {planes_stage: PLANES, motion_stage: MOTION, torso_stage: TORSO}[build]
    fighting = replace(TINY_ADVERSARY, begins=0, penalty_every=2)
    stage, batches = build(replace(recipe, adversarial_from=0, adversary=fighting))
    before = {name: x.clone() for name, x in stage.networks.state_dict().items()}
    scalars = {}
    for step in range(2):
        scalars |= stage.step(step, [Part(batches.draw(0), step)])
    assert {"discriminator", "r1"} <= scalars.keys()
    assert any(name.endswith("_adversarial") for name in scalars)
    changed = {
        name.split(".")[0]
        for name, x in stage.networks.state_dict().items()
        if not torch.equal(x, before[name])
    }
    assert {"generator", "discriminator"} <= changed


@pytest.mark.parametrize("build", [planes_stage, motion_stage])
def test_computing_again_what_gradients_need_changes_no_number(build):
    fighting = replace(TINY_ADVERSARY, begins=0, penalty_every=4)
    # Stage B's adversarial phase would leave all but the super-resolution as it is.
    recipe = replace(PLANES, adversarial_from=0) if build is planes_stage else MOTION
    recipe = replace(recipe, adversary=fighting)
    states = []
    for recompute in (False, True):
        stage, batches = build(replace(recipe, recompute=recompute))
        # The reference view at 5003, R1 of the discriminator, total variations.
        scalars = stage.step(5003, [Part(batches.draw(0), 0)])
        assert {"discriminator", "r1", "density"} <= {name.split("_")[-1] for name in scalars}
        gradients = {name: x.grad for name, x in stage.networks.named_parameters() if x.grad is not None}
        assert len(gradients) > 100
        states.append(gradients | stage.networks.state_dict())
    torch.testing.assert_close(states[1], states[0])


def test_the_torso_leaves_everything_else_as_it_is():
    stage, batches = torso_stage()
    before = {name: x.clone() for name, x in stage.generator.state_dict().items()}
    stage.step(0, [Part(batches.draw(0), 0)])
    changed = {
        name.split(".")[0]
        for name, x in stage.generator.state_dict().items()
        if not torch.equal(x, before[name])
    }
    assert changed == {"super_resolution"}


def test_merged_weights_fill_a_plain_network_that_draws_the_same():
    stage, batches = torso_stage()
    for step in range(3):
        stage.step(step, [Part(batches.draw(0), step)])
    plain = Real3DGenerator(TINY)
    plain.load_state_dict(without_norms(stage.generator.state_dict()))
    batch = pairs()
    with torch.no_grad():
        frames = [
            stage._draw(network.eval(), batch, batch.target, False) for network in (stage.generator, plain)
        ]
    torch.testing.assert_close(frames[1].image, frames[0].image, atol=1e-5, rtol=1e-4)


def test_an_ablation_that_concatenates_goes_on_from_the_stage_before():
    start = {"generator": Real3DGenerator(TINY).state_dict()}
    recipe = TORSO_ABLATIONS["concatenation"](TORSO)
    state = TorsoStage(recipe, None, CPU, start).networks["average"].state_dict()
    kept = {
        name
        for name, x in state.items()
        if name in start["generator"] and x.shape == start["generator"][name].shape
    }
    assert all(torch.equal(state[name], start["generator"][name]) for name in kept)
    assert {"image_to_plane", "motion_adapter", "renderer"} <= {name.split(".")[0] for name in kept}
    with pytest.raises(RuntimeError, match="join_torso"):
        TorsoStage(TORSO, None, CPU, {"generator": state})


def test_regularisation_comes_every_fourth_step_and_tunes_its_weights():
    stage, batches = motion_stage()
    first = stage.step(0, [Part(batches.draw(0), 0)])
    fourth = stage.step(3, [Part(batches.draw(0), 3)])
    assert not {"density", "blink", "pncc"} & first.keys()
    assert {"density", "blink", "pncc", "blink_change"} <= fourth.keys()
    weight = stage.networks["blink_weight"]
    assert isinstance(weight, AdaptiveWeight)
    assert float(weight.value) != pytest.approx(0.001)
    assert any(name.startswith("source_") for name in first)
    assert not any(name.startswith("source_") for name in fourth)


def test_the_reference_is_drawn_ever_more_often():
    due = [step for step in range(35_100) if reference_due(step, 30_000)]
    assert len([step for step in due if step < 30_000]) == 6000
    assert len([step for step in due if 30_000 <= step < 35_000]) == 2500
    assert due[-100:] == list(range(35_000, 35_100))


def test_the_rates_of_the_motion_stage_at_their_corners():
    rates = motion_rates(MotionRecipe(adversarial_from=200_000, canonical_until=70_000))
    assert rates["canonical"](0) == 5e-6
    assert rates["canonical"](6000) == 5e-6
    assert rates["canonical"](60_000) == pytest.approx(max(5e-6, 1e-4 * 0.95**12 * 60 / 220))
    assert rates["canonical"](70_000) == 0
    assert (rates["adapter"](0), rates["adapter"](4000)) == (0, pytest.approx(1e-4))
    assert (rates["decoder"](6000), rates["super_resolution"](30_000)) == (0, 0)
    assert rates["decoder"](6001) == pytest.approx(0.95e-4)
    assert rates["super_resolution"](30_001) == pytest.approx(1e-4 * 0.95**6)
    assert rates["adapter"](200_000) == rates["decoder"](200_000) == 0
    assert rates["super_resolution"](249_999) == pytest.approx(max(5e-6, 1e-4 * 0.95**49))


@pytest.mark.parametrize("name", [*MOTION_ABLATIONS, *TORSO_ABLATIONS])
def test_every_ablation_trains(name):
    if name in MOTION_ABLATIONS:
        stage, batches = motion_stage(MOTION_ABLATIONS[name](MOTION))
        watched = "target_raw_l1"
    else:
        stage, batches = torso_stage(TORSO_ABLATIONS[name](TORSO))
        watched = "target_l1"
    errors = [stage.step(step, [Part(batches.draw(0), step)])[watched] for step in range(1, 9)]
    assert min(errors[-3:]) < errors[0]
