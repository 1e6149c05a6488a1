"""Data as it usually lies in folders: photos, clips, and clips as folders of numbered frames."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cameo3d.errors import InputError
from cameo3d.evaluation.measures import Picture
from cameo3d.media.files import shown
from cameo3d.media.folders import PHOTO_SUFFIXES, Kind, photos_and_clips
from cameo3d.media.images import read_image
from cameo3d.media.video import DEFAULT_FRAME_RATE, VideoWriter, probe_video, read_frames
from cameo3d.pipeline.animate import MAX_PHOTO_SIDE


@dataclass(frozen=True)
class Item:
    """One photo or one clip of a data set."""

    name: str
    """Its path in the data set without suffix, with dashes for slashes; the stem in a flat folder."""
    path: Path
    """A file, or the folder of a clip's frames."""
    kind: Kind


def find_items(folder: Path) -> list[Item]:
    """List photos and clips in a folder and its sub-folders, in order of their paths.

    CelebA-HQ lies as pictures directly in the folder; HDTF and VFHQ as one video a clip, VFHQ also as one
    folder of numbered pictures a clip. So a sub-folder whose pictures are all numbered, and are at least two,
    is a clip; all other pictures are photos. Hidden files and folders are passed over.

    Args:
        folder: Where to look.

    Raises:
        InputError: If it is no folder, or holds neither photos nor clips.
    """
    return _named(folder, photos_and_clips(folder, _are_numbered))


def frame_rate_of(clip: Item) -> float:
    """Frames a second; folders of frames have 25."""
    return float(DEFAULT_FRAME_RATE if clip.path.is_dir() else probe_video(clip.path).frame_rate)


def frames_of(item: Item, frame_rate: float | None = None) -> Iterator[Picture]:
    """A clip's frames, or a photo as the only one.

    Args:
        item: Photo or clip.
        frame_rate: Frames a second of a video, by default its own; nothing else is resampled.

    Raises:
        InputError: If it cannot be read.
    """
    if item.kind == "photo":
        yield read_image(item.path, MAX_PHOTO_SIDE)
    elif item.path.is_dir():
        for path in _frame_files(item.path):
            yield read_image(path)
    else:
        yield from read_frames(item.path, frame_rate)


@contextmanager
def as_video(clip: Item) -> Iterator[Path]:
    """A video file of a clip; of a folder of frames a temporary one is made, to be tracked."""
    if not clip.path.is_dir():
        yield clip.path
        return
    frames = frames_of(clip)
    first = next(frames)
    with tempfile.TemporaryDirectory(prefix="cameo3d-clip-") as folder:
        path = Path(folder) / "clip.mp4"
        with VideoWriter(path, (first.shape[1], first.shape[0]), DEFAULT_FRAME_RATE) as writer:
            writer.write(first)
            for frame in frames:
                if frame.shape != first.shape:
                    raise InputError(f"The frames in {shown(clip.path)} differ in size; make them equal.")
                writer.write(frame)
        yield path


def _frame_files(folder: Path) -> list[Path]:
    pictures = [path for path in folder.iterdir() if path.suffix.lower() in PHOTO_SUFFIXES]
    return sorted(pictures, key=lambda path: (int(path.stem), path.name))


def _named(folder: Path, found: list[tuple[Path, Kind]]) -> list[Item]:
    """Names without suffixes; files that differ in nothing else keep them."""
    plain = ["-".join(path.relative_to(folder).with_suffix("").parts) for path, _ in found]
    full = ["-".join(path.relative_to(folder).parts) for path, _ in found]
    counts = Counter(plain)
    names = [short if counts[short] == 1 else long for short, long in zip(plain, full, strict=True)]
    return [Item(name, path, kind) for name, (path, kind) in zip(names, found, strict=True)]


def _are_numbered(place: Path, pictures: list[Path]) -> bool:
    return len(pictures) > 1 and all(path.stem.isdigit() for path in pictures)
