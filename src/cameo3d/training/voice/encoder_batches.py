"""What the voice model's ear learns from in one step: pieces of speech, sewn together, in other voices."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int64
from torch import Tensor

from cameo3d.data.voice.augmentation import heard_features, other_voices
from cameo3d.data.voice.clips import VoiceClip, speaker_chances
from cameo3d.data.voice.speech_sounds import SOUNDS_PER_SECOND, UNLABELLED
from cameo3d.models.voice.lite.sound import FEATURES_PER_MOTION_FRAME, HOP, WINDOW, power_spectra
from cameo3d.models.voice.lite.speech_encoder import FEATURES_AFTER, FEATURES_BEFORE, FEATURES_PER_STEP
from cameo3d.perception.moonshine import FIRST_SAMPLE, STEP_SAMPLES
from cameo3d.perception.speech_embedding import TEACHER_CONTEXT, teacher_corners
from cameo3d.training.voice.encoder_recipe import SpeechEncoderRecipe
from cameo3d.values.sound import SAMPLE_RATE

_LEAD_IN = 300
"""Feature frames before a piece, in some part of which its voice is heard already."""
_LOUD = 0.07
"""The level that the teacher hears speech at: root mean square of its louder parts."""
_APART = SAMPLE_RATE
"""Samples of silence between two clips."""
_SHORTEST, _LONGEST, _FADE = 0.4 * SAMPLE_RATE, 1.6 * SAMPLE_RATE, 0.02 * SAMPLE_RATE
"""Samples of the stretches that pieces are sewn from, and in which one fades into the next."""


@dataclass(frozen=True)
class SpeechEncoderBatch:
    """Pieces of clips of one length."""

    features: Float[Tensor, "batch features bands"]
    """What the ear hears: other rooms, microphones and noises."""
    power: Float[Tensor, "batch teacher_features bins"]
    """What the teacher hears: the voice alone, always as loud."""
    corners: Float[Tensor, "batch corners"]
    """The teacher's bands, as they lie for the vocal tract that both hear."""
    recognised: Float[Tensor, "batch frames recognised"]
    """What the recogniser made of the clip."""
    sounds: Int64[Tensor, "batch steps"]
    """Place in `SOUNDS` of what is spoken, or `UNLABELLED`."""


@runtime_checkable
class Recogniser(Protocol):
    """Whoever makes something of a whole clip, such as `data.recogniser.Recogniser`."""

    def hear(self, samples: Float32[np.ndarray, " samples"]) -> Float[Tensor, "steps recognised"]:
        """What it recognises in a clip."""
        ...


class SpeechEncoderBatches:
    """Draws pieces of clips in other voices; the same ones for the same step.

    Args:
        clips: Anything that is spoken.
        recogniser: Listens to each clip once.
        recipe: How to draw.
        device: Where the batches go.
    """

    def __init__(
        self,
        clips: Sequence[VoiceClip],
        recogniser: Recogniser,
        recipe: SpeechEncoderRecipe,
        device: torch.device,
    ) -> None:
        self._recipe = recipe
        made = [index for index, clip in enumerate(clips) if clip.synthesised]
        real = [index for index, clip in enumerate(clips) if not clip.synthesised]
        self._groups = [np.array(group) for group in (real, made) if group]
        self._chances = [speaker_chances([clips[index] for index in group], 0.5) for group in self._groups]
        self._lengths = np.array([len(clip.samples) for clip in clips])
        heard = [recogniser.hear(clip.samples.numpy()).half() for clip in clips]
        self._recognised_lengths = np.array([len(rows) for rows in heard])
        samples, self._first_samples = _in_a_row([_as_loud(clip.samples) for clip in clips], _APART)
        sounds, self._first_sounds = _in_a_row([clip.sounds.to(torch.int8) for clip in clips], 0)
        recognised, self._first_recognised = _in_a_row(heard, 0)
        self._samples, self._sounds, self._recognised = (
            part.to(device) for part in (samples, sounds, recognised)
        )

    def draw(self, step: int) -> SpeechEncoderBatch:
        """The batch of one step; negative ones are others still."""
        recipe, generator = self._recipe, np.random.default_rng((self._recipe.seed, step % 2**32))
        frames = FEATURES_PER_MOTION_FRAME * (recipe.frames - 1) + 1
        piece = FEATURES_BEFORE + frames + max(FEATURES_AFTER, TEACHER_CONTEXT)
        changed = generator.random(recipe.batch) >= recipe.unchanged
        tempo = np.where(changed, np.exp(generator.uniform(-recipe.tempo, recipe.tempo, recipe.batch)), 1.0)
        count = HOP * (_LEAD_IN + piece - 1) + WINDOW
        seam = self._seam(count, tempo, generator)
        silent = HOP * generator.integers(0, _LEAD_IN + 1, recipe.batch)

        power = power_spectra(self._heard(seam, tempo, silent, count))
        voices = other_voices(recipe.batch, power.shape[-1], changed, generator)
        power = power * voices.colours.exp()[:, None].to(power)
        features = heard_features(power, voices, changed, generator)[:, _LEAD_IN:]
        taught = power[:, _LEAD_IN + FEATURES_BEFORE - TEACHER_CONTEXT :]

        middles = HOP * (_LEAD_IN + FEATURES_BEFORE + np.arange(frames)) + WINDOW // 2
        clips, places = seam.at(middles, tempo)
        seconds = places / SAMPLE_RATE
        return SpeechEncoderBatch(
            features[:, : FEATURES_BEFORE + frames + FEATURES_AFTER],
            _equally_loud(taught[:, : frames + 2 * TEACHER_CONTEXT]),
            voices.corners(teacher_corners()).to(power),
            self._recognised_at(*(part[:, ::FEATURES_PER_MOTION_FRAME] for part in (clips, seconds))),
            self._sounds_at(*(part[:, ::FEATURES_PER_STEP] for part in (clips, seconds))),
        )

    def _seam(self, length: int, tempo: np.ndarray, generator: np.random.Generator) -> "_Seam":
        """Which stretches of which clips follow one another in so many samples."""
        recipe = self._recipe
        count = math.ceil(length / _SHORTEST) + 1
        shape = (recipe.batch, count)
        made = generator.random((recipe.batch, 1)) < recipe.synthesised
        groups = zip(self._groups, self._chances, strict=True)
        other = [generator.choice(group, shape, p=chances) for group, chances in groups]
        clips = np.where(made, other[-1], other[0])
        # Some stretches are of one clip, in another order.
        same = generator.random((recipe.batch, 1)) < 0.5
        clips = np.where(same, clips[:, :1], clips)
        lengths = generator.uniform(_SHORTEST, _LONGEST, shape)
        begins = np.concatenate((np.zeros((recipe.batch, 1)), lengths.cumsum(1)[:, :-1]), 1)
        whole = generator.random((recipe.batch, 1)) >= recipe.sewn
        begins = np.where(whole & (np.arange(count) > 0), np.inf, begins)
        # What is taught may begin or end in the silence around its clip, but for the most part lies within.
        lead = np.where(whole, HOP * _LEAD_IN, 0.0) * tempo[:, None]
        span = np.where(whole, length - HOP * _LEAD_IN, lengths) * tempo[:, None]
        starts = generator.uniform(-span / 4, np.maximum(self._lengths[clips] - span * 3 / 4, 1)) - lead
        return _Seam(clips, begins, starts)

    def _heard(
        self, seam: "_Seam", tempo: np.ndarray, silent: np.ndarray, count: int
    ) -> Float[Tensor, "batch samples"]:
        """Sound of a seam, in which one stretch fades into the next, silent for so many samples at first."""
        device = self._samples.device
        clips, begins, starts = (
            torch.from_numpy(part).to(device) for part in (seam.clips, seam.begins, seam.starts)
        )
        firsts, lengths = (
            torch.from_numpy(part).to(device)[clips] for part in (self._first_samples, self._lengths)
        )
        speed = torch.from_numpy(tempo)[:, None].to(device)
        places = torch.arange(count, device=device, dtype=torch.float64).expand(len(clips), -1)
        now = torch.searchsorted(begins, places.contiguous(), right=True) - 1
        sound = torch.zeros(places.shape, device=device)
        for which in (now, (now - 1).clamp(min=0)):
            begin = begins.gather(1, which)
            within = starts.gather(1, which) + speed * (places - begin)
            there = (within >= 0) & (within < lengths.gather(1, which) - 1)
            fade = ((places - begins.gather(1, now)) / _FADE).clamp(0, 1)
            fade = torch.where(which == now, torch.where(now == 0, 1.0, fade), 1 - fade)
            sound += self._between(within.clamp(0) + firsts.gather(1, which)) * there * fade
        return sound * (places >= torch.from_numpy(silent)[:, None].to(device))

    def _between(self, places: Float64[Tensor, "batch samples"]) -> Float[Tensor, "batch samples"]:
        """All sounds in a row at places between samples, by Catmull and Rom's cubic through four of them."""
        index = places.long().clamp(1, len(self._samples) - 3)
        share = (places - index).float()
        left, here, right, further = (self._samples[index + shift] for shift in (-1, 0, 1, 2))
        cubic = 1.5 * (here - right) + 0.5 * (further - left)
        square = left - 2.5 * here + 2 * right - 0.5 * further
        return ((cubic * share + square) * share + 0.5 * (right - left)) * share + here

    def _sounds_at(self, clips: np.ndarray, seconds: np.ndarray) -> Int64[Tensor, "batch steps"]:
        """What is spoken at these seconds of these clips."""
        places = np.floor(seconds * SOUNDS_PER_SECOND).astype(int)
        lengths = self._lengths[clips] * SOUNDS_PER_SECOND // SAMPLE_RATE
        index = self._first_sounds[clips] + places.clip(0, lengths)
        sounds = self._sounds[torch.from_numpy(index).to(self._sounds.device)].long()
        outside = torch.from_numpy((places < 0) | (places > lengths)).to(sounds.device)
        return sounds.masked_fill(outside, UNLABELLED)

    def _recognised_at(
        self, clips: np.ndarray, seconds: np.ndarray
    ) -> Float[Tensor, "batch frames recognised"]:
        """What the recogniser made of these seconds; of what is outside, what it made of the nearest."""
        last = self._recognised_lengths[clips] - 1.001
        places = ((seconds * SAMPLE_RATE - FIRST_SAMPLE) / STEP_SAMPLES).clip(0, last.clip(0))
        device = self._recognised.device
        index = torch.from_numpy(self._first_recognised[clips] + places.astype(int)).to(device)
        share = torch.from_numpy(places % 1)[..., None].float().to(device)
        after = (index + 1).clamp(max=len(self._recognised) - 1)
        return self._recognised[index] * (1 - share) + self._recognised[after] * share


@dataclass(frozen=True)
class _Seam:
    """Stretches of clips that follow one another."""

    clips: Int64[np.ndarray, "batch stretches"]
    begins: Float64[np.ndarray, "batch stretches"]
    """At which sample of the whole a stretch begins, growing; infinite if never."""
    starts: Float64[np.ndarray, "batch stretches"]
    """Which sample of its clip is heard there."""

    def at(
        self, places: np.ndarray, tempo: np.ndarray
    ) -> tuple[Int64[np.ndarray, "batch places"], Float64[np.ndarray, "batch places"]]:
        """Which clips, and which samples of them, are heard at these samples of the whole."""
        now = (self.begins[:, :, None] <= places).sum(1) - 1
        clips, begins, starts = (
            np.take_along_axis(part, now, 1) for part in (self.clips, self.begins, self.starts)
        )
        return clips, starts + tempo[:, None] * (places - begins)


def _in_a_row(parts: Sequence[Tensor], apart: int) -> tuple[Tensor, Int64[np.ndarray, " parts"]]:
    """All parts one after the other with zeros between and around, and where each begins."""
    silence = parts[0].new_zeros((apart, *parts[0].shape[1:]))
    firsts = apart + np.cumsum([0, *(len(part) + apart for part in parts[:-1])])
    return torch.cat([piece for part in parts for piece in (silence, part)] + [silence]), firsts


def _equally_loud(power: Float[Tensor, "batch features bins"]) -> Float[Tensor, "batch features bins"]:
    return power * (_LOUD**2 / _loudness(power.sum(-1)))[:, None, None]


def _as_loud(samples: Float[Tensor, " samples"]) -> Float[Tensor, " samples"]:
    parts = samples[: len(samples) // HOP * HOP].view(1, -1, HOP).square().mean(-1)
    return samples * (_LOUD / _loudness(parts).sqrt())


def _loudness(level: Float[Tensor, "batch parts"]) -> Float[Tensor, " batch"]:
    """Mean power of the louder third."""
    return level.sort(-1).values[:, math.floor(0.7 * level.shape[1]) :].mean(-1).clamp(min=1e-6)
