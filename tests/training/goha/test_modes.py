from collections import Counter

from cameo3d.training.goha import recipe
from cameo3d.training.goha.modes import (
    adversarial_mode,
    reconstruction_mode,
    smooths_in_adversarial,
    smooths_in_reconstruction,
    super_resolution_mode,
)


def test_canonical_planes_learn_alone_up_to_and_with_iteration_120000():
    assert {reconstruction_mode(i) for i in (0, 1, 119_999, 120_000)} == {"canonical"}
    modes = [reconstruction_mode(i) for i in range(120_001, 120_007)]
    # 120000 is divisible by six.
    assert modes == ["target", "coarse", "coarse", "canonical", "canonical", "source"]


def test_every_stage_turns_through_its_modes():
    assert Counter(map(adversarial_mode, range(60))) == {"source": 10, "target": 10, "coarse": 40}
    assert Counter(map(super_resolution_mode, range(60))) == {"source": 30, "target": 30}
    assert adversarial_mode(695_000) == "coarse"
    assert super_resolution_mode(750_000) == "source"


def test_full_views_are_always_smoothed_and_the_others_in_turn():
    late = range(120_012, 120_024)
    smooth = [i % 12 for i in late if smooths_in_reconstruction(reconstruction_mode(i), i)]
    # Source and target at 0, 1, 6, 7; coarse at 8, the only multiple of four; canonical at 4 and 10.
    assert smooth == [0, 1, 4, 6, 7, 8, 10]
    smooth = [i % 6 for i in range(6) if smooths_in_adversarial(adversarial_mode(i), i)]
    assert smooth == [0, 1, 2]


def test_the_stages_of_the_release_follow_each_other():
    stages = recipe.RECONSTRUCTION, recipe.ADVERSARIAL, recipe.SUPER_RESOLUTION
    counts = [(stage.first, stage.plan.steps) for stage in stages]
    assert counts == [(0, 695_000), (695_000, 55_000), (750_000, 75_000)]
    assert [sum(share for _, share in stage.shares) for stage in stages] == [1, 1, 1]
    assert [dict(stage.shares).keys() for stage in stages] == [
        {"ravdess", "celebv", "synthetic"},
        {"ravdess", "synthetic", "ffhq"},
        {"ravdess", "celebv", "synthetic", "ffhq"},
    ]
    assert [stage.discriminator_rate for stage in stages[1:]] == [1e-4, 5e-4]


def test_a_shortened_course_keeps_its_proportions():
    short = recipe.shortened(recipe.ADVERSARIAL, 0.01)
    assert (short.first, short.plan.steps) == (6950, 550)
    assert (short.expression_from, short.appearance_from) == (1200, 2400)
