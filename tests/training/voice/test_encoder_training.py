import contextlib
from dataclasses import replace

import numpy as np
import torch
from made_clips import Stopped, made_clip, stopping_at

from cameo3d.models.voice.lite.speech_encoder import FEATURES_AFTER, FEATURES_BEFORE, SOUNDS, SpeechEncoder
from cameo3d.perception.moonshine import RECOGNISED, STEP_SAMPLES
from cameo3d.perception.speech_embedding import TEACHER_HEARS
from cameo3d.training.voice.encoder_batches import SpeechEncoderBatches
from cameo3d.training.voice.encoder_loop import (
    SpeechEncoderStudent,
    speech_encoder_losses,
    train_speech_encoder,
)
from cameo3d.training.voice.encoder_recipe import SpeechEncoderRecipe

SMALL = SpeechEncoderRecipe(steps=4, batch=3, frames=8, warm_up_steps=1, save_every=2)
CLIPS = [made_clip("a", "x", True), made_clip("bb", "y", True, 10), made_clip("espeak_z", "z", False)]
CPU = torch.device("cpu")


class LoudnessTeacher:
    """Hears nothing but how loud it is."""

    def hear(self, power: torch.Tensor, corners: torch.Tensor) -> torch.Tensor:
        level = torch.log(power.mean(-1) + 1e-6)[:, 28:-28:4]
        return level[..., None].expand(-1, -1, TEACHER_HEARS)


class Counter:
    """Makes nothing of a sound but how far in it one is."""

    def hear(self, samples: np.ndarray) -> torch.Tensor:
        return torch.arange(len(samples) // STEP_SAMPLES)[:, None].expand(-1, RECOGNISED) / 10


def same(one: SpeechEncoder, other: SpeechEncoder) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_one_batch_is_learned_by_heart():
    torch.manual_seed(0)
    batch, pupil = (
        SpeechEncoderBatches(CLIPS, Counter(), SMALL, CPU).draw(0),
        SpeechEncoderStudent(dropout=0.0),
    )
    optimizer = torch.optim.Adam(pupil.parameters(), 2e-3)
    errors = []
    for _ in range(40):
        losses = speech_encoder_losses(pupil, LoudnessTeacher(), batch)
        loss = torch.stack(list(losses.values())).sum()
        errors.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert errors[-1] < 0.1 * errors[0]


def test_a_stopped_training_goes_on_as_if_it_had_not_stopped(tmp_path):
    given = (CLIPS, LoudnessTeacher(), Counter(), SMALL)
    whole = train_speech_encoder(*given, tmp_path / "whole.safetensors", lambda *_: None, CPU)

    steps, stop = stopping_at(4)
    parts = tmp_path / "parts.safetensors"
    with contextlib.suppress(Stopped):
        train_speech_encoder(*given, parts, stop, CPU)
    assert same(train_speech_encoder(*given, parts, stop, CPU), whole)
    assert steps == [2, 4, 4]


def test_the_same_step_draws_the_same_batch():
    one, other = (SpeechEncoderBatches(CLIPS, Counter(), SMALL, CPU).draw(3) for _ in range(2))
    assert torch.equal(one.features, other.features)
    assert torch.equal(one.power, other.power)
    assert torch.equal(one.sounds, other.sounds)
    assert torch.equal(one.recognised, other.recognised)


def test_the_teacher_hears_every_voice_as_loud():
    batches = SpeechEncoderBatches([made_clip("long", "x", True, 500)], Counter(), SMALL, CPU)
    power = batches.draw(0).power.sum(-1)
    loud = torch.stack([level.sort().values[int(0.7 * len(level)) :].mean() for level in power])
    torch.testing.assert_close(loud.sqrt(), torch.full_like(loud, 0.07), atol=1e-4, rtol=0)


def test_names_and_what_is_recognised_belong_to_the_sound_that_is_heard():
    """A clip that hisses where it says S, from its second second to its third."""
    clip = made_clip("one", "x", True, 100)
    samples, sounds = torch.zeros_like(clip.samples), torch.full_like(clip.sounds, SOUNDS.index("SIL"))
    samples[16000:32000] = 0.1 * torch.randn(16000, generator=torch.Generator().manual_seed(0))
    sounds[100:200] = SOUNDS.index("S")
    clip = replace(clip, samples=samples, sounds=sounds)
    for sewn in (0.0, 1.0):
        recipe = SpeechEncoderRecipe(batch=16, frames=40, sewn=sewn, unchanged=0.5)
        batch = SpeechEncoderBatches([clip], Counter(), recipe, CPU).draw(0)
        loud = batch.power.sum(-1)[:, 28:-28:2] > 1e-4
        known = batch.sounds >= 0
        agree = (loud == (batch.sounds == SOUNDS.index("S")))[known].float().mean()
        assert agree > 0.97
        # A step of the recogniser is 24 ms; the hiss is from the 42nd to the 83rd, which are 4.2 and 8.3.
        hiss = batch.recognised[..., 0][loud[:, ::2]]
        assert hiss.quantile(0.05) > 4.0
        assert hiss.quantile(0.95) < 8.5


def test_features_hold_just_the_context_of_the_steps():
    batch = SpeechEncoderBatches(CLIPS, Counter(), SMALL, CPU).draw(0)
    assert batch.features.shape[1] == FEATURES_BEFORE + 4 * 7 + 1 + FEATURES_AFTER
    assert batch.sounds.shape == (3, 15)
    assert batch.recognised.shape == (3, 8, RECOGNISED)
