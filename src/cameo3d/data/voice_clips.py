"""What the voice model learns from: tracked talking videos, and speech without a picture.

Each clip is prepared once, by the same tracker that drives avatars, and kept as one file, so that preparing
can be stopped and taken up again.
"""

import csv
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int64
from torch import Tensor

from cameo3d.data.speech_sounds import name_sounds
from cameo3d.errors import InputError
from cameo3d.media.audio import read_audio
from cameo3d.media.files import check_input, shown
from cameo3d.models.voice.lite.lips import lip_opening
from cameo3d.models.voice.lite.mouth import FEATURE_CONTEXT, FRAME_RATE, MOUTH_COLUMNS, MOUTH_SHAPES
from cameo3d.models.voice.lite.sound import FEATURES_PER_MOTION_FRAME, HOP, SAMPLE_RATE, WINDOW, power_spectra
from cameo3d.pipeline.motion import track_video
from cameo3d.values.storage import load_value, save_value

logger = logging.getLogger(__name__)

_LEADS = (("grid_", 0.5), ("obama_wa", -1.65), ("obama_wh", -0.8))
"""By how many frames the lips of a corpus come later than in most; measured, see docs/cards/voice.md."""


@dataclass(frozen=True)
class VoiceClip:
    """One stretch of speech, with the motion that belongs to it."""

    name: str
    """The file, relative to its folder."""
    speaker: str
    tracked: bool
    """Whether the motion was seen; else it is zero."""
    samples: Float[Tensor, " samples"]
    """The sound, 16000 samples a second; sample 0 belongs to frame 0."""
    sounds: Int64[Tensor, " names"]
    """Place in `SOUNDS` of what is spoken, a hundred times a second."""
    weights: Float[Tensor, "frames shapes"]
    """Of `MOUTH_SHAPES`, at 25 frames a second; zeros if not tracked."""
    openings: Float[Tensor, " frames"]
    """Lip opening, see `lip_opening`."""

    def __len__(self) -> int:
        return len(self.openings)

    @property
    def synthesised(self) -> bool:
        """Whether a machine said it."""
        return self.name.startswith(("espeak_", "flite_"))

    def power(self) -> Float[Tensor, "features bins"]:
        """Power spectra of all feature frames that the motion depends on, with silence around the sound."""
        before = HOP * FEATURE_CONTEXT + WINDOW // 2
        count = FEATURES_PER_MOTION_FRAME * (len(self) - 1) + 1 + 2 * FEATURE_CONTEXT
        padded = torch.zeros(HOP * (count - 1) + WINDOW)
        part = self.samples[: len(padded) - before]
        padded[before : before + len(part)] = part
        return power_spectra(padded)


def talking_clips(folder: Path, cache: Path) -> Iterator[VoiceClip]:
    """Tracked videos of a folder with an index.csv: licence class A whose sound is in step.

    Args:
        folder: Holds index.csv with the columns file, speaker, licence_class, audio and av_sync.
        cache: Folder for the prepared clips.

    Raises:
        InputError: If the index is missing or lacks a column, or a video cannot be read.
    """
    for row in _rows(folder, ("file", "speaker", "licence_class", "audio", "av_sync")):
        if row["licence_class"] == "A" and row["av_sync"].startswith("ok"):
            path = cache / f"{prepared_name(row['file'])}.clip"
            if not path.exists():
                logger.info("Tracking %s", row["file"])
                save_value(track_clip(folder / row["file"], row["file"], row["speaker"]), path)
            yield load_value(VoiceClip, path)


def speech_clips(folder: Path, cache: Path) -> Iterator[VoiceClip]:
    """Speech without a picture of a folder with an index.csv: licence class A.

    Raises:
        InputError: As `talking_clips`.
    """
    for row in _rows(folder, ("file", "speaker", "licence_class")):
        if row["licence_class"] == "A":
            path = cache / f"{prepared_name(row['file'])}.clip"
            if not path.exists():
                save_value(_speech_clip(folder / row["file"], row["file"], row["speaker"]), path)
            yield load_value(VoiceClip, path)


def prepared_name(name: str) -> str:
    """Of a clip's prepared file, less its ending; clips are learned from in the order of these."""
    return name.replace("/", "__")


def track_clip(path: Path, name: str, speaker: str) -> VoiceClip:
    """Prepare one talking video.

    Raises:
        InputError: If it cannot be read or has no sound.
        FaceError: If it shows no face.
    """
    motion = track_video(path, smooth=0.0, frame_rate=FRAME_RATE).motion
    weights = motion.expression[:, MOUTH_COLUMNS].float()
    samples = _samples(path)
    sounds = name_sounds(_filled(samples, len(weights)))
    return VoiceClip(name, speaker, True, torch.from_numpy(samples), sounds, weights, lip_opening(weights))


def _speech_clip(path: Path, name: str, speaker: str) -> VoiceClip:
    samples = _samples(path)
    count = int(len(samples) * FRAME_RATE / SAMPLE_RATE)
    sounds = name_sounds(_filled(samples, count))
    return VoiceClip(
        name,
        speaker,
        False,
        torch.from_numpy(samples),
        sounds,
        torch.zeros(count, len(MOUTH_SHAPES)),
        torch.zeros(count),
    )


def _samples(path: Path) -> Float32[np.ndarray, " samples"]:
    return np.concatenate(list(read_audio(path, SAMPLE_RATE)))


def _filled(samples: np.ndarray, frames: int) -> np.ndarray:
    """At least as long as so many motion frames."""
    return np.pad(samples, (0, max(0, int(frames * SAMPLE_RATE / FRAME_RATE) - len(samples))))


def in_step(clip: VoiceClip) -> VoiceClip:
    """The motion moved in time, so that all corpora agree in how sound and lips belong together."""
    lead = next((lead for prefix, lead in _LEADS if clip.name.startswith(prefix)), 0.0)
    places = (np.arange(len(clip)) + lead).clip(0, len(clip) - 1)
    before = torch.from_numpy(places.astype(np.int64))
    after = (before + 1).clamp(max=len(clip) - 1)
    share = torch.from_numpy(places - before.numpy()).float()[:, None]
    weights = clip.weights[before] * (1 - share) + clip.weights[after] * share
    return VoiceClip(clip.name, clip.speaker, True, clip.samples, clip.sounds, weights, lip_opening(weights))


def speaker_chances(clips: Sequence[VoiceClip], power: float) -> Float64[np.ndarray, " clips"]:
    """How likely each clip is drawn: a speaker as often as the power of what there is of them."""
    totals: dict[str, int] = {}
    for clip in clips:
        totals[clip.speaker] = totals.get(clip.speaker, 0) + len(clip)
    chances = np.array([len(clip) * totals[clip.speaker] ** (power - 1) for clip in clips])
    return chances / chances.sum()


def _rows(folder: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    index = check_input(folder / "index.csv", "index")
    with index.open(newline="", encoding="utf8") as file:
        rows = list(csv.DictReader(file))
    missing = [column for column in columns if not rows or column not in rows[0]]
    if missing:
        raise InputError(f"The index {shown(index)} lacks {', '.join(missing)}; add these columns.")
    return rows
