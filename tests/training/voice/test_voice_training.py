import contextlib

import torch
from made_clips import Stopped, made_clip, stopping_at

from cameo3d.models.voice.lite.motion_decoder import MotionDecoder
from cameo3d.models.voice.lite.speech_encoder import SpeechEncoder
from cameo3d.training.voice.loop import VoiceBatches, VoiceRecipe, held_out, train_voice, voice_model_losses
from cameo3d.training.voice.posterior import PosteriorEncoder

SMALL = VoiceRecipe(steps=4, batch=3, frames=12, save_every=2)


CLIPS = [made_clip("a", "x", True), made_clip("bb", "y", True, 10)]
EAR = SpeechEncoder().eval()


def same(one: MotionDecoder, other: MotionDecoder) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_one_batch_is_learned_by_heart():
    torch.manual_seed(0)
    batches = VoiceBatches(CLIPS, SMALL)
    batch, mouth, posterior = batches.draw(0), MotionDecoder(), PosteriorEncoder()
    optimizer = torch.optim.Adam([*mouth.parameters(), *posterior.parameters()], 2e-3)
    errors = []
    for _ in range(100):
        losses = voice_model_losses(mouth, posterior, batch, batches.spreads)
        errors.append(float(losses["discord"].detach()))
        optimizer.zero_grad()
        torch.stack([losses[name] * weight for name, weight in SMALL.loss_weights]).sum().backward()
        optimizer.step()
    assert errors[-1] < 0.15 * errors[0]


def test_a_stopped_training_goes_on_as_if_it_had_not_stopped(tmp_path):
    whole = train_voice(CLIPS, EAR, SMALL, tmp_path / "whole.safetensors", lambda step, losses: None)

    steps, stop = stopping_at(4)
    parts = tmp_path / "parts.safetensors"
    with contextlib.suppress(Stopped):
        train_voice(CLIPS, EAR, SMALL, parts, stop)
    assert same(train_voice(CLIPS, EAR, SMALL, parts, stop), whole)
    assert steps == [2, 4, 4]


def test_the_same_step_draws_the_same_batch():
    one, other = VoiceBatches(CLIPS, SMALL).draw(3), VoiceBatches(CLIPS, SMALL).draw(3)
    assert torch.equal(one.features, other.features)
    assert torch.equal(one.openings, other.openings)


def test_every_tenth_tracked_clip_of_a_speaker_is_held_out():
    many = [made_clip(f"s{index:02d}", "x", True, 5) for index in range(21)]
    few = [made_clip(f"t{index}", "y", True, 5) for index in range(9)]
    silent = [made_clip(f"u{index:02d}", "z", False, 5) for index in range(10)]
    assert held_out([*many, *few, *silent]) == {"s09", "s19"}
