"""How the voice model's ear learns: from a teacher that hears the same sound, undisturbed."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import scipy.fft
import scipy.signal
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from cameo3d.data.speech_sounds import SOUNDS
from cameo3d.data.speech_teacher import TEACHER_SYLLABLES, TEACHER_WORDS
from cameo3d.data.voice_clips import VoiceClip, speaker_chances
from cameo3d.data.voices import STRETCHES, changed_features, plain_features
from cameo3d.models.voice.lite.ear import (
    EAR_CONTEXT,
    SOUND_CHANNELS,
    SOUND_MARGINS,
    SYLLABLE_CHANNELS,
    WORD_CHANNELS,
    Ear,
    settled,
)
from cameo3d.models.voice.lite.sound import FEATURES_PER_MOTION_FRAME, HOP, WINDOW, power_spectra
from cameo3d.training.checkpoints import load_checkpoint, save_checkpoint
from cameo3d.training.pace import pace
from cameo3d.training.voice_losses import UNLABELLED, naming_loss

_LEAD_IN = 500
_CALIBRATION_BATCHES = 8
_LOUD = 0.07
"""The level that the teacher hears speech at: root mean square of its louder parts."""


@dataclass(frozen=True)
class EarRecipe:
    """All choices of a training."""

    steps: int = 2500
    batch: int = 20
    frames: int = 50
    """Motion frames of each piece in a batch."""
    synthesised: float = 0.3
    """Share of a batch that a machine said."""
    unchanged: float = 0.3
    """Share of the pieces that are heard as they are."""
    tempo: float = 0.2
    """How far the logarithm of the tempo (and pitch) is spread around zero."""
    learning_rate: float = 3e-3
    warm_up_steps: int = 100
    weight_decay: float = 1e-3
    seed: int = 0
    save_every: int = 100
    loss_weights: tuple[tuple[str, float], ...] = (("syllables", 1.0), ("words", 1.0), ("naming", 0.1))


@dataclass(frozen=True)
class EarBatch:
    """Pieces of clips of one length."""

    features: Float[Tensor, "batch features bands"]
    """What the ear hears: other rooms, microphones and noises."""
    power: Float[Tensor, "batch features bins"]
    """What the teacher hears: the voice alone, always as loud."""
    stretch: Float[Tensor, " batch"]
    """The vocal tract that both hear."""
    sounds: Int64[Tensor, "batch names"]
    """Place in `SOUNDS` of what is spoken at every other feature frame, or `UNLABELLED`."""


@runtime_checkable
class Teacher(Protocol):
    """Whoever hears what the ear should hear, such as `data.speech_teacher.SpeechTeacher`."""

    def hear(
        self, power: Float[Tensor, "batch features bins"], stretch: Float[Tensor, " batch"]
    ) -> tuple[Float[Tensor, "batch more_frames syllables"], Float[Tensor, "batch frames words"]]:
        """What is heard of a sound; see there."""
        ...


class EarPupil(nn.Module):
    """The ear with what only its training needs: from its layers to those of the teacher, and to names."""

    def __init__(self) -> None:
        super().__init__()
        self.ear = Ear(learning=True)
        self.name = nn.Linear(SOUND_CHANNELS, len(SOUNDS))
        self.syllables = nn.Linear(SYLLABLE_CHANNELS, TEACHER_SYLLABLES)
        self.words = nn.Linear(WORD_CHANNELS, TEACHER_WORDS)
        # Mean and spread of what the teacher hears, by channel.
        self.syllables_mean = nn.Buffer(torch.zeros(TEACHER_SYLLABLES))
        self.syllables_spread = nn.Buffer(torch.ones(TEACHER_SYLLABLES))
        self.words_mean = nn.Buffer(torch.zeros(TEACHER_WORDS))
        self.words_spread = nn.Buffer(torch.ones(TEACHER_WORDS))


def train_ear(
    clips: Sequence[VoiceClip],
    teacher: Teacher,
    recipe: EarRecipe,
    checkpoint: Path,
    log: Callable[[int, dict[str, float]], None],
) -> Ear:
    """Train, or take up the training that the checkpoint holds.

    The same clips and recipe on the same machine give the same weights, however often it was stopped.

    Args:
        clips: What to learn from; their motion is not looked at.
        teacher: Whom to learn from.
        recipe: All choices.
        checkpoint: File for the state of the training.
        log: Called with the step and its losses now and then.
    """
    torch.manual_seed(recipe.seed)
    pupil = EarPupil()
    pupil.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    optimizer = torch.optim.AdamW(pupil.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    batches = EarBatches(clips, recipe)
    networks, written = nn.ModuleDict({"pupil": pupil}), json.dumps(asdict(recipe))

    first = load_checkpoint(checkpoint, written, networks, optimizer)
    if first == 0:
        _calibrate(pupil, teacher, [batches.draw(-1 - number) for number in range(_CALIBRATION_BATCHES)])
    for step in range(first, recipe.steps):
        losses = ear_losses(pupil, teacher, batches.draw(step))
        loss = torch.stack([weight * losses[name] for name, weight in recipe.loss_weights]).sum()
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * pace(step, recipe.steps, recipe.warm_up_steps)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(pupil.parameters(), 1.0, error_if_nonfinite=True)
        optimizer.step()

        if (step + 1) % recipe.save_every == 0 or step + 1 == recipe.steps:
            log(step + 1, {name: float(value.detach()) for name, value in losses.items()})
            save_checkpoint(checkpoint, step + 1, written, networks, optimizer)
    return settled(pupil.ear).eval().requires_grad_(False)


def ear_losses(pupil: EarPupil, teacher: Teacher, batch: EarBatch) -> dict[str, Float[Tensor, ""]]:
    """Share of the teacher's variance that the ear does not tell, by layer; the cross entropy of names."""
    heard = pupil.ear(batch.features)
    syllables, words = teacher.hear(batch.power, batch.stretch)
    names = pupil.name(heard.sounds[:, SOUND_MARGINS[0] : -SOUND_MARGINS[1]]).log_softmax(-1)
    return {
        "syllables": _unlike(
            pupil.syllables(heard.syllables), syllables, pupil.syllables_mean, pupil.syllables_spread
        ),
        "words": _unlike(pupil.words(heard.words), words, pupil.words_mean, pupil.words_spread),
        "naming": naming_loss(names, batch.sounds),
    }


class EarBatches:
    """Draws pieces of clips in other voices; the same ones for the same step.

    Args:
        clips: Anything that is spoken.
        recipe: How to draw.
    """

    def __init__(self, clips: Sequence[VoiceClip], recipe: EarRecipe) -> None:
        self._recipe = recipe
        made = [clip for clip in clips if clip.synthesised]
        real = [clip for clip in clips if not clip.synthesised]
        self._groups = [group for group in (real, made) if group]
        self._chances = [speaker_chances(group, 0.5) for group in self._groups]

    def draw(self, step: int) -> EarBatch:
        """The batch of one step; negative ones are others still."""
        generator = np.random.default_rng((self._recipe.seed, step % 2**32))
        parts = zip(*(self._piece(generator) for _ in range(self._recipe.batch)), strict=True)
        features, power, stretch, sounds = (torch.stack(part) for part in parts)
        return EarBatch(features, power, stretch, sounds)

    def _piece(self, generator: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        recipe = self._recipe
        count = FEATURES_PER_MOTION_FRAME * (recipe.frames - 1) + 1 + 2 * EAR_CONTEXT
        lead = int(generator.integers(0, _LEAD_IN))
        clip = self._clip(generator)
        tempo = float(np.exp(generator.uniform(-recipe.tempo, recipe.tempo)))
        changed = generator.random() >= recipe.unchanged
        tempo = tempo if changed else 1.0
        power, first = _power(clip, lead, count, tempo, generator)
        stretch = float(generator.choice(STRETCHES)) if changed else 1.0
        if changed:
            babble, _ = _power(self._clip(generator), 0, len(power), 1.0, generator)
            features = changed_features(power, babble, stretch, generator)
        else:
            features = plain_features(power)
        places = first + tempo * (EAR_CONTEXT + 2 * np.arange(2 * recipe.frames - 1))
        return features[-count:], _as_loud(power[-count:]), torch.tensor(stretch), _sounds_at(clip, places)

    def _clip(self, generator: np.random.Generator) -> VoiceClip:
        made = len(self._groups) > 1 and generator.random() < self._recipe.synthesised
        group, chances = self._groups[made], self._chances[made]
        return group[generator.choice(len(group), p=chances)]


def _power(
    clip: VoiceClip, lead: int, count: int, tempo: float, generator: np.random.Generator
) -> tuple[Float[Tensor, "features bins"], float]:
    """Power of a piece with what was heard before it, and in which hundredth of a second the piece begins."""
    total = _quick_length(HOP * (lead + count - 1) + WINDOW)
    length = _quick_length(math.ceil(total * tempo)) if tempo != 1.0 else total
    samples = clip.samples.numpy()
    start = int(generator.integers(-length // 4, max(1, len(samples) - length * 3 // 4)))
    part = np.pad(samples[max(0, start) : start + length], (max(0, -start), 0))
    part = np.pad(part, (0, length - len(part)))
    if tempo != 1.0:
        part = np.asarray(scipy.signal.resample(part, total), np.float32)
    power = power_spectra(torch.from_numpy(part))[: lead + count]
    return power, start / HOP + lead * length / total


def _quick_length(samples: int) -> int:
    """So many or a few more, of which a Fourier transform is quick."""
    return int(scipy.fft.next_fast_len(samples) or samples)


def _as_loud(power: Float[Tensor, "features bins"]) -> Float[Tensor, "features bins"]:
    level = power.sum(-1)
    loud = level[level >= level.quantile(0.7)].mean()
    return power * (_LOUD**2 / loud.clamp(min=1e-6))


def _sounds_at(clip: VoiceClip, places: np.ndarray) -> Int64[Tensor, " names"]:
    """What is spoken at some hundredths of a second."""
    inside = (places >= 0) & (places < len(clip.sounds) - 1)
    sounds = torch.full((len(places),), UNLABELLED)
    sounds[torch.from_numpy(inside)] = clip.sounds[places[inside].round().astype(np.int64)]
    return sounds


def _calibrate(pupil: EarPupil, teacher: Teacher, batches: Sequence[EarBatch]) -> None:
    syllables, words = zip(*(teacher.hear(batch.power, batch.stretch) for batch in batches), strict=True)
    for parts, mean, spread in (
        (syllables, pupil.syllables_mean, pupil.syllables_spread),
        (words, pupil.words_mean, pupil.words_spread),
    ):
        rows = torch.cat(parts).flatten(0, 1)
        mean.copy_(rows.mean(0))
        spread.copy_(rows.std(0) + 0.05)


def _unlike(guess: Tensor, truth: Tensor, mean: Tensor, spread: Tensor) -> Float[Tensor, ""]:
    return (guess - (truth - mean) / spread).square().mean()
