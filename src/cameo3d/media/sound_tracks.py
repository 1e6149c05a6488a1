"""Which of a file's sound tracks is heard, and what a file holds beyond it."""

import logging
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from cameo3d.media.containers import decoded, open_container
from cameo3d.media.files import shown

logger = logging.getLogger(__name__)

_SILENT = 1e-3
"""Samples below this are silence, full scale being 1."""
_LISTEN_SECONDS = 600.0
"""A track that is silent for so long counts as silent."""
_ASIDE = (
    Disposition.comment
    | Disposition.karaoke
    | Disposition.hearing_impaired
    | Disposition.visual_impaired
    | Disposition.clean_effects
    | Disposition.non_diegetic
    | Disposition.dependent
)
"""Tracks that players take only when asked: audio descriptions, commentaries, parts of a mix."""


def heard_track(path: Path) -> int | None:
    """Position of the sound track that is heard, among the file's sound tracks; None if there is none.

    It is the one that players take: flagged as default, or else the first. If that one is silent and another
    is not, the other is heard. Where there is a choice, a notice in the log tells it.

    Raises:
        InputError: If the file cannot be opened (see `containers.open_container`).
    """
    with open_container(path, "sound") as container:
        tracks = sound_tracks(container)
        if not tracks:
            return None
        order = sorted(tracks, key=_rank)
        usual = tracks.index(order[0])
        names = [_name(tracks, track) for track in tracks]
    if len(tracks) == 1:
        return 0
    name = f"The sound {shown(path)} has {len(tracks)} tracks;"
    for number in [usual, *(i for i in range(len(tracks)) if i != usual)]:
        if not _is_silent(path, number):
            silent = "" if number == usual else f" {names[usual]}, which players take, is silent, so"
            logger.warning("%s%s %s is heard.", name, silent, names[number])
            return number
    logger.warning("%s all are silent.", name)
    return usual


def sound_tracks(container: InputContainer) -> list[AudioStream]:
    """Sound tracks whose codec is known."""
    return [stream for stream in container.streams.audio if stream.codec_context is not None]


def track_at(container: InputContainer, number: int) -> AudioStream:
    """The sound track at a position that `heard_track` told."""
    return sound_tracks(container)[number]


def _rank(stream: AudioStream) -> tuple[bool, bool, int]:
    flags = stream.disposition
    return bool(flags & _ASIDE), not flags & Disposition.default, stream.index


def _name(tracks: list[AudioStream], track: AudioStream) -> str:
    title = "".join(c for c in track.metadata.get("title", "")[:40] if c.isprintable())
    return f"number {tracks.index(track) + 1}" + (f' ("{title}")' if title else "")


def _is_silent(path: Path, number: int) -> bool:
    with open_container(path, "sound") as container:
        seconds = 0.0
        mixer = None
        for frame in decoded(container, track_at(container, number), []):
            key = (frame.format.name, frame.layout.name, frame.sample_rate)
            if mixer is None or mixer[0] != key:
                mixer = key, av.AudioResampler(format="fltp")
            seconds += frame.samples / frame.sample_rate
            frame.pts = None
            if any(np.abs(part.to_ndarray()).max(initial=0) > _SILENT for part in mixer[1].resample(frame)):
                return False
            if seconds > _LISTEN_SECONDS:
                break
        return True


def warn_of_more_sound(path: Path) -> None:
    """Tell when a WAV file is followed by another one in the same file, which no player reads."""
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return
        length = int.from_bytes(head[4:8], "little")
        file.seek(8 + length + length % 2)
        following = file.read(12)
    if following[:4] == b"RIFF" and following[8:] == b"WAVE":
        logger.warning(
            "The sound %s holds another WAV file after its first, and only the first is heard; join them in "
            "a sound editor.",
            shown(path),
        )
