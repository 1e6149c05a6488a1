"""From a sound file to the motion of somebody who says it."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from cameo3d.blocks.processors import one_thread
from cameo3d.errors import InputError
from cameo3d.media.audio import probe_audio, read_audio
from cameo3d.media.files import shown
from cameo3d.models.voice.contract import FRAME_RATE, Delivery, VoiceModel
from cameo3d.models.voice.lite.voice import LiteVoice
from cameo3d.pipeline.motion import Progress
from cameo3d.values import BLENDSHAPES, Motion
from cameo3d.values.motion import joined
from cameo3d.values.sound import SAMPLE_RATE

logger = logging.getLogger(__name__)

LONG_SECONDS = 3600.0
"""Of longer sounds the user is told what they take."""
_BLOCK = 4 * SAMPLE_RATE
_MOUTH = [i for i, name in enumerate(BLENDSHAPES) if name.startswith(("jaw", "mouth"))]


def check_voice(path: Path) -> None:
    """Refuse, before anything long begins, what holds no sound.

    Raises:
        InputError: If the file cannot be opened, or has no audio stream.
    """
    if probe_audio(path) is None:
        raise InputError(f"The sound {shown(path)} has no audio stream; give a file with sound.")


def voice_motion(
    path: Path,
    delivery: Delivery | None = None,
    model: VoiceModel | None = None,
    progress: Progress | None = None,
) -> Motion:
    """Move as somebody who says what a file holds; sound and motion begin and end together.

    Sound is read and heard in pieces. The motion is kept: 248 bytes a frame, 22 MB an hour.

    Args:
        path: A sound file, or a video whose sound is taken, all of it, whenever its pictures begin.
        delivery: How it is spoken.
        model: The voice model, by default the shipped one.
        progress: Called after each piece with how many frames are done, and of about how many.

    Raises:
        InputError: If the file cannot be read, holds no sound, or numbers that are no sound.
    """
    stream = (model or LiteVoice()).start(delivery or Delivery())
    parts, frames, warned = [], 0, False
    info = probe_audio(path) if progress is not None else None
    total = None if info is None or info.stated_seconds is None else round(info.stated_seconds * FRAME_RATE)
    for block in _blocks(path):
        with one_thread():
            parts.append(stream.push(block))
        frames += len(parts[-1])
        if frames > LONG_SECONDS * FRAME_RATE and not warned:
            logger.warning(
                "The sound %s lasts longer than an hour; its motion takes 22 MB of memory for each.",
                shown(path),
            )
            warned = True
        if progress is not None:
            progress(frames, None if total is None else max(total, frames))
    motion = joined([*parts, stream.finish()])
    if not motion.expression[:, _MOUTH].any():
        logger.warning("No voice was heard in the sound %s; the lips stay at rest.", shown(path))
    return motion


def _blocks(path: Path) -> Iterator[Float32[np.ndarray, " samples"]]:
    """The file's sound in pieces of a few seconds, checked."""
    held, length, total = [], 0, 0
    for block in read_audio(path, SAMPLE_RATE, early=True):
        if not np.isfinite(block).all():
            seconds = (total + int(np.argmin(np.isfinite(block)))) / SAMPLE_RATE
            raise InputError(
                f"The sound {shown(path)} holds a sample that is not a number, {seconds:.2f} s after its "
                "start; export it again."
            )
        held.append(block)
        length, total = length + len(block), total + len(block)
        if length >= _BLOCK:
            yield np.concatenate(held)
            held, length = [], 0
    if total == 0:
        raise InputError(f"The sound {shown(path)} holds no sound at all; give another file.")
    if held:
        yield np.concatenate(held)
