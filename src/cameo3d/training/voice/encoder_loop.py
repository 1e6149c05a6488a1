"""How the voice model's ear learns: from names, and from two networks that hear the voice undisturbed."""

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cameo3d.data.voice.clips import VoiceClip
from cameo3d.models.voice.lite.sound import FEATURES_PER_MOTION_FRAME
from cameo3d.models.voice.lite.speech_encoder import FEATURES_PER_STEP, HEARD, SpeechEncoder
from cameo3d.perception.moonshine import RECOGNISED
from cameo3d.perception.speech_embedding import TEACHER_HEARS
from cameo3d.training.checkpoints import load_checkpoint, save_checkpoint
from cameo3d.training.ema import ema_decay, update_ema
from cameo3d.training.schedule import cosine
from cameo3d.training.voice.encoder_batches import Recogniser, SpeechEncoderBatch, SpeechEncoderBatches
from cameo3d.training.voice.encoder_recipe import SpeechEncoderRecipe
from cameo3d.training.voice.losses import naming_loss

_CALIBRATION_BATCHES = 8


@runtime_checkable
class Teacher(Protocol):
    """Whoever hears what the ear should hear, such as `data.speech_teacher.SpeechTeacher`."""

    def hear(
        self, power: Float[Tensor, "batch features bins"], corners: Float[Tensor, "batch corners"]
    ) -> Float[Tensor, "batch frames heard"]:
        """What the encoder hears in a sound."""
        ...


class SpeechEncoderStudent(nn.Module):
    """The ear with what only its training needs: from what it hears to what others hear."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.ear = SpeechEncoder(dropout)
        self.teacher = nn.Linear(HEARD, TEACHER_HEARS)
        self.recogniser = nn.Linear(HEARD, RECOGNISED)
        # Mean and spread of what they hear, by channel.
        self.teacher_mean = nn.Buffer(torch.zeros(TEACHER_HEARS))
        self.teacher_spread = nn.Buffer(torch.ones(TEACHER_HEARS))
        self.recogniser_mean = nn.Buffer(torch.zeros(RECOGNISED))
        self.recogniser_spread = nn.Buffer(torch.ones(RECOGNISED))


def train_speech_encoder(
    clips: Sequence[VoiceClip],
    teacher: Teacher,
    recogniser: Recogniser,
    recipe: SpeechEncoderRecipe,
    checkpoint: Path,
    log: Callable[[int, dict[str, float]], None],
    device: torch.device,
) -> SpeechEncoder:
    """Train, or take up the training that the checkpoint holds.

    The same clips and recipe on the same processor give the same weights, however often it was stopped; on a
    GPU nearly so.

    Args:
        clips: What to learn from; their motion is not looked at.
        teacher: What to learn from, on that device.
        recogniser: What else to learn from.
        recipe: All choices.
        checkpoint: File for the state of the training.
        log: Called with the step and its losses now and then.
        device: Where to train.

    Returns:
        The averaged network, on the CPU.
    """
    torch.manual_seed(recipe.seed)
    pupil = SpeechEncoderStudent(recipe.dropout).to(device)
    average = copy.deepcopy(pupil.ear).eval().requires_grad_(False)
    rate = cosine(recipe.learning_rate, recipe.steps, recipe.warm_up_steps)
    optimizer = torch.optim.AdamW(pupil.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    batches = SpeechEncoderBatches(clips, recogniser, recipe, device)
    networks, written = nn.ModuleDict({"pupil": pupil, "average": average}), json.dumps(asdict(recipe))

    first, _ = load_checkpoint(checkpoint, written, networks, {"voice": optimizer})
    if first == 0:
        _calibrate(pupil, teacher, [batches.draw(-1 - number) for number in range(_CALIBRATION_BATCHES)])
    for step in range(first, recipe.steps):
        torch.manual_seed(recipe.seed + step)
        losses = speech_encoder_losses(pupil, teacher, batches.draw(step))
        loss = torch.stack([weight * losses[name] for name, weight in recipe.loss_weights]).sum()
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(pupil.parameters(), 1.0)
        optimizer.step()
        update_ema(average, pupil.ear, ema_decay(recipe.average, step))

        if (step + 1) % recipe.save_every == 0 or step + 1 == recipe.steps:
            if not loss.isfinite():
                raise FloatingPointError(f"The losses of step {step + 1} are not finite.")
            log(step + 1, {name: float(value.detach()) for name, value in losses.items()})
            save_checkpoint(checkpoint, step + 1, written, networks, {"voice": optimizer})
    return average.cpu()


def speech_encoder_losses(
    pupil: SpeechEncoderStudent, teacher: Teacher, batch: SpeechEncoderBatch
) -> dict[str, Float[Tensor, ""]]:
    """Share of the others' variance that the ear does not tell; the cross entropy of names."""
    with torch.autocast(batch.features.device.type, torch.bfloat16, enabled=batch.features.is_cuda):
        heard = pupil.ear(batch.features)
        by_frame = heard[:, :: FEATURES_PER_MOTION_FRAME // FEATURES_PER_STEP]
        as_teacher, as_recogniser = pupil.teacher(by_frame).float(), pupil.recogniser(by_frame).float()
        names = pupil.ear.names(heard).float()
    truth = teacher.hear(batch.power, batch.corners)
    return {
        "teacher": _unlike(as_teacher, truth, pupil.teacher_mean, pupil.teacher_spread),
        "recogniser": _unlike(
            as_recogniser, batch.recognised, pupil.recogniser_mean, pupil.recogniser_spread
        ),
        "naming": naming_loss(names, batch.sounds),
    }


def _calibrate(pupil: SpeechEncoderStudent, teacher: Teacher, batches: Sequence[SpeechEncoderBatch]) -> None:
    for parts, mean, spread in (
        (
            [teacher.hear(batch.power, batch.corners) for batch in batches],
            pupil.teacher_mean,
            pupil.teacher_spread,
        ),
        ([batch.recognised for batch in batches], pupil.recogniser_mean, pupil.recogniser_spread),
    ):
        rows = torch.cat(parts).flatten(0, 1)
        mean.copy_(rows.mean(0))
        spread.copy_(rows.std(0) + 0.05)


def _unlike(guess: Tensor, truth: Tensor, mean: Tensor, spread: Tensor) -> Float[Tensor, ""]:
    return (guess - (truth - mean) / spread).square().mean()
