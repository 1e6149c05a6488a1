"""From folders of talking videos and speech to the clips that the voice model learns from.

Each clip is prepared once, by the same tracker that drives avatars, and kept as one file, so that preparing
can be stopped and taken up again.
"""

import csv
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32

from cameo3d.data.voice.clips import VoiceClip
from cameo3d.data.voice.speech_sounds import SOUNDS_PER_SECOND, grid_words, lay_words, name_sounds
from cameo3d.errors import InputError
from cameo3d.media.audio import read_audio
from cameo3d.media.files import check_input, shown
from cameo3d.models.voice.lite.lip_shape import lip_opening
from cameo3d.models.voice.lite.motion_decoder import FRAME_RATE, MOUTH_COLUMNS, MOUTH_SHAPES
from cameo3d.pipeline.motion import track_video
from cameo3d.values.sound import SAMPLE_RATE
from cameo3d.values.storage import load_value, save_value

logger = logging.getLogger(__name__)


Reader = Callable[[Float32[np.ndarray, " samples"]], list[str]]
"""Whoever writes down what is said, such as `data.recogniser.Recogniser.words`."""


def talking_clips(folder: Path, cache: Path, read: Reader) -> Iterator[VoiceClip]:
    """Tracked videos of a folder with an index.csv: licence class A whose sound is in step.

    Args:
        folder: Holds index.csv with the columns file, speaker, licence_class, audio and av_sync.
        cache: Folder for the prepared clips.
        read: Tells what is said where a file's name does not; that must be English.

    Raises:
        InputError: If the index is missing or lacks a column, or a video cannot be read.
    """
    for row in _rows(folder, ("file", "speaker", "licence_class", "audio", "av_sync")):
        if row["licence_class"] == "A" and row["av_sync"].startswith("ok"):
            path = cache / f"{prepared_name(row['file'])}.clip"
            if not path.exists():
                logger.info("Tracking %s", row["file"])
                video = folder / row["file"]
                words = grid_words(row["file"]) or read(_samples(video))
                save_value(track_clip(video, row["file"], row["speaker"], words), path)
            yield load_value(VoiceClip, path)


def speech_clips(folder: Path, cache: Path, read: Reader) -> Iterator[VoiceClip]:
    """Speech without a picture of a folder with an index.csv: licence class A.

    Args:
        folder: Holds index.csv with the columns file, speaker, licence_class and language.
        cache: Folder for the prepared clips.
        read: Tells what is said in English.

    Raises:
        InputError: As `talking_clips`.
    """
    for row in _rows(folder, ("file", "speaker", "licence_class", "language")):
        if row["licence_class"] == "A":
            path = cache / f"{prepared_name(row['file'])}.clip"
            if not path.exists():
                samples = _samples(folder / row["file"])
                words = read(samples) if row["language"] == "en" else ()
                save_value(heard_clip(row["file"], row["speaker"], samples, words), path)
            yield load_value(VoiceClip, path)


def prepared_name(name: str) -> str:
    """Of a clip's prepared file, less its ending; clips are learned from in the order of these."""
    return name.replace("/", "__")


def track_clip(path: Path, name: str, speaker: str, words: Sequence[str] = ()) -> VoiceClip:
    """Prepare one talking video.

    Args:
        path: The video.
        name: What the clip is called.
        speaker: Who speaks.
        words: What is said, if that is known.

    Raises:
        InputError: If it cannot be read or has no sound.
        FaceError: If it shows no face.
    """
    motion = track_video(path, smooth=0.0, frame_rate=FRAME_RATE).motion
    weights = motion.expression[:, MOUTH_COLUMNS].float()
    samples = _samples(path)
    sounds = name_sounds(_names(samples), lay_words(samples, words))
    return VoiceClip(name, speaker, True, torch.from_numpy(samples), sounds, weights, lip_opening(weights))


def heard_clip(
    name: str, speaker: str, samples: Float32[np.ndarray, " samples"], words: Sequence[str] = ()
) -> VoiceClip:
    """Prepare speech without a picture; see `track_clip`."""
    count = int(len(samples) * FRAME_RATE / SAMPLE_RATE)
    sounds = name_sounds(_names(samples), lay_words(samples, words))
    nothing = torch.zeros(count, len(MOUTH_SHAPES)), torch.zeros(count)
    return VoiceClip(name, speaker, False, torch.from_numpy(samples), sounds, *nothing)


def _samples(path: Path) -> Float32[np.ndarray, " samples"]:
    return np.concatenate(list(read_audio(path, SAMPLE_RATE)))


def _names(samples: Float32[np.ndarray, " samples"]) -> int:
    return len(samples) * SOUNDS_PER_SECOND // SAMPLE_RATE + 1


def _rows(folder: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    index = check_input(folder / "index.csv", "index")
    with index.open(newline="", encoding="utf8") as file:
        rows = list(csv.DictReader(file))
    missing = [column for column in columns if not rows or column not in rows[0]]
    if missing:
        raise InputError(f"The index {shown(index)} lacks {', '.join(missing)}; add these columns.")
    return rows
