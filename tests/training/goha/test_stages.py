from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_stages import (
    Features,
    PaintedFaces,
    four_pairs,
    squared_distance,
    tiny_discriminator,
    tiny_generator,
)

from cameo3d.blocks.images import resize
from cameo3d.training.goha import recipe
from cameo3d.training.goha.adversarial import AdversarialStage
from cameo3d.training.goha.losses import blurred
from cameo3d.training.goha.reconstruction import ReconstructionStage
from cameo3d.training.goha.super_resolution import SuperResolutionStage
from cameo3d.training.goha.views import View
from cameo3d.training.learner import Part

EARLY = replace(recipe.RECONSTRUCTION, expression_from=6, appearance_from=12, rate=5e-3)


def reconstruction(recipe=EARLY, **changes):
    return ReconstructionStage(tiny_generator(**changes), PaintedFaces(), squared_distance, recipe)


def adversarial(recipe, **changes):
    return AdversarialStage(
        tiny_generator(**changes), tiny_discriminator(3), PaintedFaces(), Features(), recipe
    )


def super_resolution(recipe, **changes):
    return SuperResolutionStage(
        tiny_generator(**changes), tiny_discriminator(6), PaintedFaces(), Features(), recipe
    )


def state(module):
    return {name: x.clone() for name, x in module.state_dict().items()}


def changed(before, module):
    return {name for name, x in module.state_dict().items() if not torch.equal(x, before[name])}


def run(stage, steps, first=0, pairs=None):
    pairs = pairs or four_pairs()
    return [stage.step(step, [Part(pairs, seed=step)]) for step in range(first, first + steps)]


def test_stage_1_overfits_four_pairs():
    stage = reconstruction(replace(EARLY, rate=1e-3))
    logged = run(stage, 96)
    truth = resize(four_pairs().target, 8, 8)
    unknowing = float((truth - truth.mean(dim=0)).abs().mean())  # whoever cannot tell the four apart
    for mode in range(4):
        last = np.mean([row["l1"] for row in logged[mode::6][-2:]])
        assert last < 0.7 * unknowing, mode
    canonical = [row["l1"] for row in logged[22::6]]
    assert np.mean(canonical[-2:]) < 0.85 * canonical[0]


def test_stage_1_learns_everything_but_super_resolution_and_parser():
    stage = reconstruction()
    before = state(stage.generator)
    run(stage, 6, first=12)
    parts = {name.split(".")[0] for name in changed(before, stage.generator)}
    assert parts == {"canonical", "expression", "appearance", "renderer"}


def test_stage_1_starts_with_canonical_planes_then_expressions_then_details():
    stage = reconstruction()
    before = state(stage.generator)
    run(stage, 6)
    assert {name.split(".")[0] for name in changed(before, stage.generator)} == {"canonical", "renderer"}
    run(stage, 5, first=7)
    parts = {name.split(".")[0] for name in changed(before, stage.generator)}
    assert parts == {"canonical", "renderer", "expression"}


def test_without_the_neutral_constraint_canonical_planes_learn_the_photo_and_then_the_coarse_view():
    stage = reconstruction(neutral_constraint=False)
    assert [stage.mode(i) for i in (0, 6, 7, 10, 11)] == [
        "canonical",
        "canonical",
        "target",
        "coarse",
        "coarse",
    ]
    pairs = four_pairs()
    torch.manual_seed(1)
    losses = stage.losses(0, pairs)
    torch.manual_seed(1)
    view = stage.views(0, "canonical", pairs)
    truth = resize(pairs.target, 8, 8)
    assert float(losses["l1"]) == pytest.approx(float((view.colors - truth).abs().mean()))


@pytest.mark.parametrize("kind", ["rendering", "linear", "modulation", "encoder"])
@pytest.mark.parametrize("appearance", [True, False])
def test_every_ablation_takes_a_step_in_every_mode(kind, appearance):
    stage = reconstruction(expression=kind, appearance=appearance)
    before = state(stage.generator)
    logged = run(stage, 6, first=12)
    assert all(np.isfinite(list(row.values())).all() for row in logged)
    assert any(name.startswith("expression.") for name in changed(before, stage.generator))
    rates = [group["lr"] for group in stage.learners["generator"].optimizer.param_groups]
    assert rates == ([5e-3, 1e-2] if kind == "linear" else [5e-3])


def test_synthetic_pairs_keep_their_own_expression_in_stage_1_and_get_the_targets_in_stage_1b():
    pairs = four_pairs("views")
    asked = []

    class Listening(PaintedFaces):
        def expression(self, person, expression):
            asked.append(expression.images is pairs.source)
            return super().expression(person, expression)

    stage = reconstruction()
    stage.views._drawer = Listening()
    stage.views(20, "target", pairs)
    late = adversarial(replace(recipe.ADVERSARIAL, expression_from=0))
    late.views._drawer = stage.views._drawer
    late.views(20, "target", pairs)
    late.views(20, "source", pairs)
    assert asked == [True, False, True]


def test_stage_1b_overfits_four_pairs_and_leaves_canonical_planes_alone():
    # A discriminator that hardly learns, so that the pictures themselves are judged.
    short = replace(recipe.ADVERSARIAL, first=0, expression_from=0, appearance_from=0, rate=5e-4)
    stage = adversarial(replace(short, discriminator_rate=1e-6, adversarial_weight=0.01))
    before = state(stage.generator)
    logged = run(stage, 48)
    errors = [np.mean([row["l1"] for row in logged[start : start + 6]]) for start in (0, 42)]
    assert errors[1] < 0.7 * errors[0]
    parts = {name.split(".")[0] for name in changed(before, stage.generator)}
    assert parts == {"expression", "appearance", "renderer"}


def test_the_discriminator_of_stage_1b_learns_every_fourth_iteration_with_a_penalty_every_sixteenth():
    stage = adversarial(replace(recipe.ADVERSARIAL, first=0))
    logged = run(stage, 17)
    told = [step for step, row in enumerate(logged) if "discriminator_telling" in row]
    assert told == [0, 4, 8, 12, 16]
    assert [step for step, row in enumerate(logged) if "discriminator_r1" in row] == [0, 16]
    full = [step for step, row in enumerate(logged) if "fooling" in row]
    assert full == [step for step in range(17) if step % 6 in (0, 1)]


def test_stage_1b_shows_its_discriminator_the_target_as_small_as_the_rendering():
    stage = adversarial(recipe.ADVERSARIAL)
    pairs = four_pairs()
    with torch.no_grad():
        real, made = stage.shown(695_000, pairs)
    assert made.shape == real.shape == (4, 3, 32, 32)
    torch.testing.assert_close(real, blurred(pairs.target, 8))


def test_stage_2_overfits_four_pairs_with_super_resolution_alone():
    short = replace(recipe.SUPER_RESOLUTION, first=0, rate=5e-3, discriminator_rate=1e-6)
    stage = super_resolution(replace(short, adversarial_weight=0.01))
    # Renderings of a trained stage before: the pictures, but small.
    planes = torch.zeros(4, 3, 1, 1, 1)
    small = View(resize(four_pairs().target, 8, 8), planes, four_pairs().target)
    stage.views = lambda iteration, mode, pairs: small  # type: ignore[assignment]
    before, pairs = state(stage.generator), four_pairs()
    logged = run(stage, 60)
    with torch.no_grad():
        finished, _, sharp, _ = stage._pictures(1, pairs)
    unknowing = float((sharp - sharp.mean(dim=0)).abs().mean())
    assert float((finished - sharp).abs().mean()) < 0.6 * unknowing
    assert {name.split(".")[0] for name in changed(before, stage.generator)} == {"super_resolution"}
    assert all("discriminator_telling" in row for row in logged)


def test_stage_2_moves_everything_when_trained_end_to_end():
    stage = super_resolution(
        replace(recipe.SUPER_RESOLUTION, first=0, appearance_from=0), train_end_to_end=True
    )
    before = state(stage.generator)
    run(stage, 1)
    parts = {name.split(".")[0] for name in changed(before, stage.generator)}
    assert {"canonical", "appearance", "renderer", "super_resolution"} <= parts
    assert "parser" not in parts


def test_what_does_not_learn_keeps_still_unless_the_releases_slip_is_asked_for():
    stage = adversarial(recipe.ADVERSARIAL)
    stage.prepare()
    assert not stage.generator.canonical.training
    assert stage.generator.expression.training
    slip = adversarial(replace(recipe.ADVERSARIAL, frozen_in_training_mode=True))
    slip.prepare()
    assert slip.generator.canonical.training
    assert not slip.generator.parser.training


def test_tracing_rays_again_gives_the_same_gradients():
    gradients = []
    for recompute in (False, True):
        stage = reconstruction(replace(EARLY, recompute=recompute))
        stage.generator.requires_grad_(True)
        torch.manual_seed(4)
        stage.losses(13, four_pairs())["l1"].backward()
        gradients.append(stage.generator.canonical.head.output.weight.grad)
    torch.testing.assert_close(gradients[0], gradients[1])


def test_the_sheet_has_a_row_for_each_pair_and_seven_columns():
    stage = reconstruction()
    assert stage.sheet(four_pairs()).shape == (4 * 8, 7 * 8, 3)
