"""How the lite voice model is trained: one loop, from clips to weights."""

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from cameo3d.data.voice.augmentation import heard_features, other_voices
from cameo3d.data.voice.clips import VoiceClip, in_step, speaker_chances
from cameo3d.models.voice.lite.lip_shape import lip_opening, lip_width
from cameo3d.models.voice.lite.motion_decoder import (
    FRAME_STEPS,
    LATENTS,
    MOUTH_SHAPES,
    MotionDecoder,
    feature_count,
)
from cameo3d.models.voice.lite.sound import FEATURES_PER_MOTION_FRAME
from cameo3d.models.voice.lite.speech_encoder import SpeechEncoder
from cameo3d.training.checkpoints import load_checkpoint, save_checkpoint
from cameo3d.training.ema import ema_decay, update_ema
from cameo3d.training.schedule import cosine
from cameo3d.training.voice import losses as voice_losses
from cameo3d.training.voice.posterior import PosteriorEncoder

_LEAD_IN = 300
"""Feature frames before a piece, in some part of which its voice is heard already."""
_JAW = tuple(MOUTH_SHAPES.index(name) for name in ("jawOpen", "mouthClose"))
_HELD_OUT_EVERY = 10


@dataclass(frozen=True)
class VoiceRecipe:
    """All choices of a training."""

    steps: int = 600
    batch: int = 20
    frames: int = 50
    """Motion frames of each clip in a batch."""
    unchanged: float = 0.5
    """Share of the clips whose sound is left as it is."""
    speaker_power: float = 0.5
    """A speaker is drawn as often as the power of what there is of them; 0 would draw all alike."""
    learning_rate: float = 1e-3
    warm_up_steps: int = 50
    weight_decay: float = 0.02
    dropout: float = 0.3
    ear_dropout: float = 0.2
    """The ear has learned from these clips, and hears them better than it hears strangers."""
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
        ("latent", 0.01),
    )


@dataclass(frozen=True)
class VoiceBatch:
    """Pieces of clips of one length."""

    features: Float[Tensor, "batch features bands"]
    weights: Float[Tensor, "batch frames shapes"]
    openings: Float[Tensor, "batch frames"]
    known: Bool[Tensor, "batch frames"]
    """Where the clip has not ended."""


def held_out(clips: Sequence[VoiceClip]) -> set[str]:
    """Names of the tracked clips that are for testing: every tenth of each speaker who has ten."""
    speakers: dict[str, list[str]] = {}
    for clip in sorted(clips, key=lambda clip: clip.name):
        if clip.tracked:
            speakers.setdefault(clip.speaker, []).append(clip.name)
    return {name for names in speakers.values() for name in names[_HELD_OUT_EVERY - 1 :: _HELD_OUT_EVERY]}


def train_voice(
    clips: Sequence[VoiceClip],
    ear: SpeechEncoder,
    recipe: VoiceRecipe,
    checkpoint: Path,
    log: Callable[[int, dict[str, float]], None],
) -> MotionDecoder:
    """Train, or take up the training that the checkpoint holds.

    The same clips and recipe on the same machine give the same weights, however often it was stopped.

    Args:
        clips: Tracked ones to learn from, those held out taken away.
        ear: One that has learned to hear, from `encoder_loop`; it stays as it is.
        recipe: All choices.
        checkpoint: File for the state of the training.
        log: Called with the step and its losses now and then.

    Returns:
        The averaged network.
    """
    torch.manual_seed(recipe.seed)
    mouth, posterior = MotionDecoder(recipe.dropout, recipe.ear_dropout), PosteriorEncoder()
    mouth.ear.load_state_dict(ear.state_dict())
    mouth.ear.requires_grad_(False)
    average = copy.deepcopy(mouth).eval().requires_grad_(False)
    networks = nn.ModuleDict({"mouth": mouth, "posterior": posterior, "average": average})
    trained = [parameter for parameter in networks.parameters() if parameter.requires_grad]
    rate = cosine(recipe.learning_rate, recipe.steps, recipe.warm_up_steps)
    optimizer = torch.optim.AdamW(trained, recipe.learning_rate, weight_decay=recipe.weight_decay)
    batches = VoiceBatches(clips, recipe)
    written = json.dumps(asdict(recipe))

    first, _ = load_checkpoint(checkpoint, written, networks, {"voice": optimizer})
    for step in range(first, recipe.steps):
        torch.manual_seed(recipe.seed + step)
        losses = voice_model_losses(mouth, posterior, batches.draw(step), batches.spreads)
        loss = torch.stack([weight * losses[name] for name, weight in recipe.loss_weights]).sum()

        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0, error_if_nonfinite=True)
        optimizer.step()
        update_ema(average, mouth, ema_decay(recipe.average, step))

        if (step + 1) % recipe.save_every == 0 or step + 1 == recipe.steps:
            log(step + 1, {name: float(value.detach()) for name, value in losses.items()})
            save_checkpoint(checkpoint, step + 1, written, networks, {"voice": optimizer})
    return average


def voice_model_losses(
    mouth: MotionDecoder, posterior: PosteriorEncoder, batch: VoiceBatch, spreads: Float[Tensor, " shapes"]
) -> dict[str, Float[Tensor, ""]]:
    """All losses of one batch, by the names of the recipe; drawing the latent takes torch's own noise."""
    with torch.no_grad():
        heard = mouth.ear(batch.features)
    context = mouth.understand(heard)[:, FRAME_STEPS]
    frames = context.shape[:2]
    closure = torch.zeros(frames)  # with it, the mouth would learn to undo it
    likely = mouth.decode(context, mouth.flow.latent(torch.zeros(*frames, LATENTS), context), closure)
    latent, density = posterior(batch.weights, context.detach(), torch.randn(*frames, LATENTS))
    noise, volume = mouth.flow.noise(latent, context.detach())
    drawn = mouth.decode(context, latent, closure)

    openings, widths = lip_opening(likely), lip_width(likely)
    return {
        "shape": voice_losses.shape_loss(likely, batch.weights, spreads, batch.known),
        "drawn_shape": voice_losses.shape_loss(drawn, batch.weights, spreads, batch.known),
        "opening": voice_losses.opening_loss(openings, batch.openings, batch.known),
        "velocity": voice_losses.velocity_loss(openings, batch.openings, batch.known),
        "discord": voice_losses.correlation_loss(openings, batch.openings, batch.known),
        "width": voice_losses.correlation_loss(widths, lip_width(batch.weights), batch.known),
        "latent": voice_losses.latent_loss(density, noise, volume, batch.known),
    }


class VoiceBatches:
    """Draws pieces of clips; the same ones for the same step.

    Args:
        clips: Tracked ones.
        recipe: How to draw.
    """

    def __init__(self, clips: Sequence[VoiceClip], recipe: VoiceRecipe) -> None:
        self._recipe = recipe
        self._clips = [in_step(clip) for clip in clips]
        self._power = {clip.name: clip.power() for clip in clips}
        self._targets = _speaker_normalised(self._clips)
        self._shares = speaker_chances(self._clips, recipe.speaker_power)
        self.spreads = torch.cat(list(self._targets.values())).std(0) + 0.02
        """How much each shape varies."""

    def draw(self, step: int) -> VoiceBatch:
        """The batch of one step."""
        recipe, generator = self._recipe, np.random.default_rng((self._recipe.seed, step))
        rows = [self._piece(generator) for _ in range(recipe.batch)]
        power, weights, openings, known = (torch.stack(parts) for parts in zip(*rows, strict=True))
        changed = generator.random(recipe.batch) >= recipe.unchanged
        voices = other_voices(recipe.batch, power.shape[-1], changed, generator)
        coloured = power * voices.colours.exp()[:, None]
        features = heard_features(coloured, voices, changed, generator)[:, _LEAD_IN:]
        return VoiceBatch(features, weights, openings, known)

    def _piece(self, generator: np.random.Generator) -> tuple[Tensor, ...]:
        recipe = self._recipe
        clip = self._clips[generator.choice(len(self._clips), p=self._shares)]
        count = min(recipe.frames, len(clip))
        first = int(generator.integers(0, len(clip) - count + 1))
        # What was heard before the piece is part of how it sounds.
        lead = min(int(generator.integers(0, _LEAD_IN + 1)), FEATURES_PER_MOTION_FRAME * first)
        start = FEATURES_PER_MOTION_FRAME * first - lead
        heard = self._power[clip.name][start : start + lead + feature_count(count)]
        power = torch.zeros(_LEAD_IN + feature_count(recipe.frames), heard.shape[1])
        power[_LEAD_IN - lead :][: len(heard)] = heard

        weights = torch.zeros(recipe.frames, len(MOUTH_SHAPES))
        openings = torch.zeros(recipe.frames)
        weights[:count] = self._targets[clip.name][first : first + count]
        openings[:count] = clip.openings[first : first + count]
        return power, weights, openings, torch.arange(recipe.frames) < count


def _speaker_normalised(clips: Sequence[VoiceClip]) -> dict[str, Float[Tensor, "frames shapes"]]:
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
