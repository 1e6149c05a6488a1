"""How the lite voice model is trained: one loop, from clips to weights."""

import copy
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from cameo3d.data.voice_clips import VoiceClip, in_step
from cameo3d.data.voices import changed_features, plain_features
from cameo3d.models.voice.lite.lips import lip_opening, lip_width
from cameo3d.models.voice.lite.mouth import FEATURE_CONTEXT, LATENTS, MOUTH_SHAPES, SOUNDS, Mouth
from cameo3d.models.voice.lite.sound import BANDS, FEATURES_PER_MOTION_FRAME
from cameo3d.training import voice_losses
from cameo3d.training.checkpoints import load_checkpoint, save_checkpoint
from cameo3d.training.voice_posterior import Posterior

_LEAD_IN = 500
_NAME_MARGIN = 7
_JAW = tuple(MOUTH_SHAPES.index(name) for name in ("jawOpen", "mouthClose"))
_CLOSED = tuple(SOUNDS.index(name) for name in ("P", "B", "M"))
_HELD_OUT_EVERY = 10


@dataclass(frozen=True)
class VoiceRecipe:
    """All choices of a training."""

    steps: int = 1400
    batch: int = 20
    frames: int = 50
    """Motion frames of each clip in a batch."""
    untracked: float = 0.4
    """Share of a batch that is speech without a picture."""
    unchanged: float = 0.5
    """Share of the tracked clips whose sound, and the timing of their corpus, are left as they are."""
    speaker_power: float = 0.5
    """A speaker is drawn as often as the power of what there is of them; 0 would draw all alike."""
    learning_rate: float = 1e-3
    warm_up_steps: int = 50
    weight_decay: float = 0.02
    dropout: float = 0.1
    average: float = 0.99
    """How much of the averaged network stays in every step."""
    seed: int = 0
    save_every: int = 100
    loss_weights: tuple[tuple[str, float], ...] = (
        ("shape", 0.5),
        ("drawn_shape", 0.25),
        ("opening", 1.0),
        ("velocity", 0.2),
        ("discord", 1.0),
        ("width", 0.3),
        ("spoken_opening", 0.5),
        ("spoken_discord", 0.5),
        ("closure", 0.3),
        ("naming", 0.4),
        ("latent", 0.01),
    )


@dataclass(frozen=True)
class VoiceBatch:
    """Pieces of clips of one length."""

    features: Float[Tensor, "batch features bands"]
    sounds: Int64[Tensor, "batch names"]
    """At every other feature frame; `UNLABELLED` where a clip has ended."""
    weights: Float[Tensor, "batch frames shapes"]
    openings: Float[Tensor, "batch frames"]
    known: Bool[Tensor, "batch frames"]
    """Where the clip has not ended."""
    closed: Bool[Tensor, "batch frames"]
    """Where p, b or m is spoken."""
    tracked: Bool[Tensor, " batch"]
    """Whose motion was seen."""


def held_out(clips: Sequence[VoiceClip]) -> set[str]:
    """Names of the tracked clips that are for testing: every tenth of each speaker who has ten."""
    speakers: dict[str, list[str]] = {}
    for clip in sorted(clips, key=lambda clip: clip.name):
        if clip.tracked:
            speakers.setdefault(clip.speaker, []).append(clip.name)
    return {name for names in speakers.values() for name in names[_HELD_OUT_EVERY - 1 :: _HELD_OUT_EVERY]}


def train_voice(
    clips: Sequence[VoiceClip],
    recipe: VoiceRecipe,
    checkpoint: Path,
    log: Callable[[int, dict[str, float]], None],
) -> Mouth:
    """Train, or take up the training that the checkpoint holds.

    The same clips and recipe on the same machine give the same weights, however often it was stopped.

    Args:
        clips: What to learn from, those held out taken away.
        recipe: All choices.
        checkpoint: File for the state of the training.
        log: Called with the step and its losses now and then.

    Returns:
        The averaged network.
    """
    torch.manual_seed(recipe.seed)
    mouth, posterior = Mouth(dropout=recipe.dropout), Posterior()
    average = copy.deepcopy(mouth).eval().requires_grad_(False)
    networks = nn.ModuleDict({"mouth": mouth, "posterior": posterior, "average": average})
    trained = [parameter for parameter in networks.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, recipe.learning_rate, weight_decay=recipe.weight_decay)
    batches = VoiceBatches(clips, recipe)
    written = json.dumps(asdict(recipe))

    for step in range(load_checkpoint(checkpoint, written, networks, optimizer), recipe.steps):
        torch.manual_seed(recipe.seed + step)
        losses = voice_model_losses(mouth, posterior, batches.draw(step), batches.spreads)
        loss = torch.stack([weight * losses[name] for name, weight in recipe.loss_weights]).sum()

        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * _pace(step, recipe)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0, error_if_nonfinite=True)
        optimizer.step()
        _approach(average, mouth, 1 - min(recipe.average, step / (step + 10)))

        if (step + 1) % recipe.save_every == 0 or step + 1 == recipe.steps:
            log(step + 1, {name: float(value.detach()) for name, value in losses.items()})
            save_checkpoint(checkpoint, step + 1, written, networks, optimizer)
    return average


def voice_model_losses(
    mouth: Mouth, posterior: Posterior, batch: VoiceBatch, spreads: Float[Tensor, " shapes"]
) -> dict[str, Float[Tensor, ""]]:
    """All losses of one batch, by the names of the recipe; drawing the latent takes torch's own noise."""
    names, context = mouth.understand(batch.features)
    frames = context.shape[:2]
    likely = mouth.decode(context, mouth.flow.latent(torch.zeros(*frames, LATENTS), context))
    latent, density = posterior(batch.weights, context.detach(), torch.randn(*frames, LATENTS))
    noise, volume = mouth.flow.noise(latent, context.detach())
    drawn = mouth.decode(context, latent)

    seen = batch.known & batch.tracked[:, None]
    spoken = batch.known & ~batch.tracked[:, None]
    openings, widths = lip_opening(likely), lip_width(likely)
    return {
        "shape": voice_losses.shape_loss(likely, batch.weights, spreads, seen),
        "drawn_shape": voice_losses.shape_loss(drawn, batch.weights, spreads, seen),
        "opening": voice_losses.opening_loss(openings, batch.openings, seen),
        "velocity": voice_losses.velocity_loss(openings, batch.openings, seen),
        "discord": voice_losses.discord_loss(openings, batch.openings, seen),
        "width": voice_losses.discord_loss(widths, lip_width(batch.weights), seen),
        "spoken_opening": voice_losses.opening_loss(openings, batch.openings, spoken),
        "spoken_discord": voice_losses.discord_loss(openings, batch.openings, spoken),
        "closure": voice_losses.closure_loss(openings, spoken & batch.closed),
        "naming": voice_losses.naming_loss(names[:, _NAME_MARGIN:-_NAME_MARGIN], batch.sounds),
        "latent": voice_losses.latent_loss(density, noise, volume, seen),
    }


class VoiceBatches:
    """Draws pieces of clips; the same ones for the same step.

    Args:
        clips: Tracked ones, and perhaps others.
        recipe: How to draw.
    """

    def __init__(self, clips: Sequence[VoiceClip], recipe: VoiceRecipe) -> None:
        self._recipe = recipe
        self._tracked = [clip for clip in clips if clip.tracked]
        self._others = [clip for clip in clips if not clip.tracked]
        self._power = {clip.name: clip.power() for clip in clips}
        timings = {True: [in_step(clip) for clip in self._tracked], False: self._tracked}
        self._targets = {changed: _without_manners(moved) for changed, moved in timings.items()}
        self._openings = {
            changed: {clip.name: clip.openings for clip in moved} for changed, moved in timings.items()
        }
        self._shares = {True: self._chances(self._tracked), False: self._chances(self._others)}
        self.spreads = torch.cat(list(self._targets[False].values())).std(0) + 0.02
        """How much each shape varies."""

    def draw(self, step: int) -> VoiceBatch:
        """The batch of one step."""
        recipe = self._recipe
        generator = np.random.default_rng((recipe.seed, step))
        others = int(recipe.batch * recipe.untracked) if self._others else 0
        rows = [self._piece(True, generator) for _ in range(recipe.batch - others)]
        rows += [self._piece(False, generator) for _ in range(others)]
        tracked = torch.arange(recipe.batch) < recipe.batch - others
        features, sounds, weights, openings, known = (torch.stack(parts) for parts in zip(*rows, strict=True))
        closed = torch.isin(sounds[:, ::2], torch.tensor(_CLOSED))
        return VoiceBatch(features, sounds, weights, openings, known, closed, tracked)

    def _piece(self, tracked: bool, generator: np.random.Generator) -> tuple[Tensor, ...]:
        clips, recipe = self._tracked if tracked else self._others, self._recipe
        clip = clips[generator.choice(len(clips), p=self._shares[tracked])]
        count = min(recipe.frames, len(clip))
        first = int(generator.integers(0, len(clip) - count + 1))
        # What was heard before the piece is part of how it sounds.
        start = max(0, FEATURES_PER_MOTION_FRAME * first - int(generator.integers(0, _LEAD_IN)))
        end = FEATURES_PER_MOTION_FRAME * (first + count - 1) + 1 + 2 * FEATURE_CONTEXT
        power = self._power[clip.name][start:end]
        changed = not tracked or generator.random() >= recipe.unchanged
        if not changed:
            heard = plain_features(power)
        else:
            heard = changed_features(power, self._babble(len(power), generator), generator)
        heard = heard[FEATURES_PER_MOTION_FRAME * first - start :]

        names = 2 * (recipe.frames - 1) + 1
        features = torch.full((2 * names - 1 + 2 * FEATURE_CONTEXT, BANDS), float(heard.min()))
        features[: len(heard)] = heard
        sounds = torch.full((names,), voice_losses.UNLABELLED)
        spoken = clip.sounds[FEATURES_PER_MOTION_FRAME * first :: 2][: 2 * (count - 1) + 1]
        sounds[: len(spoken)] = spoken
        part = slice(first, first + count)
        weights = torch.zeros(recipe.frames, len(MOUTH_SHAPES))
        openings = torch.zeros(recipe.frames)
        if tracked:
            weights[:count] = self._targets[changed][clip.name][part]
            openings[:count] = self._openings[changed][clip.name][part]
        else:
            openings[:count] = clip.openings[part]
        return features, sounds, weights, openings, torch.arange(recipe.frames) < count

    def _babble(self, length: int, generator: np.random.Generator) -> Tensor | None:
        if not self._others:
            return None
        power = self._power[self._others[generator.integers(len(self._others))].name]
        return power.repeat(-(-length // len(power)), 1)[:length]

    def _chances(self, clips: Sequence[VoiceClip]) -> np.ndarray:
        totals: dict[str, int] = {}
        for clip in clips:
            totals[clip.speaker] = totals.get(clip.speaker, 0) + len(clip)
        chances = np.array(
            [len(clip) * totals[clip.speaker] ** (self._recipe.speaker_power - 1) for clip in clips]
        )
        return chances / chances.sum()


def _without_manners(clips: Sequence[VoiceClip]) -> dict[str, Float[Tensor, "frames shapes"]]:
    """Weights without most of what a speaker's mouth always does, such as smile; the jaw is left alone."""
    speakers: dict[str, list[Tensor]] = {}
    for clip in clips:
        speakers.setdefault(clip.speaker, []).append(clip.weights)
    rests = {speaker: torch.cat(parts).median(0).values for speaker, parts in speakers.items()}
    usual = torch.stack(list(rests.values())).median(0).values
    targets = {}
    for clip in clips:
        moved = (clip.weights - 0.8 * (rests[clip.speaker] - usual)).clamp(0, 1)
        moved[:, _JAW] = clip.weights[:, _JAW]
        targets[clip.name] = moved
    return targets


def _pace(step: int, recipe: VoiceRecipe) -> float:
    return min(1.0, (step + 1) / recipe.warm_up_steps) * (0.5 + 0.5 * math.cos(math.pi * step / recipe.steps))


@torch.no_grad()
def _approach(average: Mouth, mouth: Mouth, share: float) -> None:
    for slow, fast in zip(average.state_dict().values(), mouth.state_dict().values(), strict=True):
        slow.lerp_(fast, share)
