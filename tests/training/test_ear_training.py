import contextlib

import torch
from made_clips import Stopped, made_clip, stopping_at

from cameo3d.data.speech_teacher import TEACHER_SYLLABLES, TEACHER_WORDS
from cameo3d.models.voice.lite.ear import Ear
from cameo3d.training.ear import EarBatches, EarPupil, EarRecipe, ear_losses, train_ear

SMALL = EarRecipe(steps=4, batch=3, frames=8, warm_up_steps=1, save_every=2)
CLIPS = [made_clip("a", "x", True), made_clip("bb", "y", True, 10), made_clip("espeak_z", "z", False)]


class LoudnessTeacher:
    """Hears nothing but how loud it is."""

    def hear(self, power: torch.Tensor, stretch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        level = torch.log(power.mean(-1) + 1e-6)
        syllables, words = level[:, 20:-17:4], level[:, 28:-28:4]
        return (
            syllables[..., None].expand(-1, -1, TEACHER_SYLLABLES),
            words[..., None].expand(-1, -1, TEACHER_WORDS),
        )


def same(one: Ear, other: Ear) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_one_batch_is_learned_by_heart():
    torch.manual_seed(0)
    batch, pupil = EarBatches(CLIPS, SMALL).draw(0), EarPupil()
    optimizer = torch.optim.Adam(pupil.parameters(), 4e-3)
    errors = []
    for _ in range(15):
        losses = ear_losses(pupil, LoudnessTeacher(), batch)
        errors.append(float(losses["words"].detach()))
        optimizer.zero_grad()
        (losses["words"] + losses["syllables"]).backward()
        optimizer.step()
    assert errors[-1] < 0.4 * errors[0]


def test_a_stopped_training_goes_on_as_if_it_had_not_stopped(tmp_path):
    whole = train_ear(CLIPS, LoudnessTeacher(), SMALL, tmp_path / "whole.safetensors", lambda *_: None)

    steps, stop = stopping_at(4)
    parts = tmp_path / "parts.safetensors"
    with contextlib.suppress(Stopped):
        train_ear(CLIPS, LoudnessTeacher(), SMALL, parts, stop)
    assert same(train_ear(CLIPS, LoudnessTeacher(), SMALL, parts, stop), whole)
    assert steps == [2, 4, 4]


def test_the_same_step_draws_the_same_batch():
    one, other = EarBatches(CLIPS, SMALL).draw(3), EarBatches(CLIPS, SMALL).draw(3)
    assert torch.equal(one.features, other.features)
    assert torch.equal(one.power, other.power)
    assert torch.equal(one.sounds, other.sounds)


def test_the_teacher_hears_every_voice_as_loud():
    power = EarBatches([made_clip("long", "x", True, 500)], SMALL).draw(0).power.sum(-1)
    loud = torch.stack([level[level >= level.quantile(0.7)].mean() for level in power])
    torch.testing.assert_close(loud.sqrt(), torch.full_like(loud, 0.07), atol=1e-4, rtol=0)
