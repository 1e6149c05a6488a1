"""Folders of data: which photos and clips lie in them."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from cameo3d.errors import InputError
from cameo3d.media.files import shown

PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
CLIP_SUFFIXES = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg"}
Kind = Literal["photo", "clip"]


def photos_and_clips(folder: Path, are_frames: Callable[[Path, list[Path]], bool]) -> list[tuple[Path, Kind]]:
    """All photos and clips below a folder, in order of their paths; hidden ones are passed over.

    Args:
        folder: Where to look.
        are_frames: Told a sub-folder and its pictures: whether they are the frames of one clip.

    Raises:
        InputError: If it is no folder, or holds neither photos nor clips.
    """
    if not folder.is_dir():
        raise InputError(f"The data {shown(folder)} is not a folder; give one with photos or clips.")
    found: list[tuple[Path, Kind]] = []
    for place in sorted([folder, *(path for path in folder.rglob("*") if path.is_dir())]):
        if any(part.startswith(".") for part in place.relative_to(folder).parts):
            continue
        files = sorted(path for path in place.iterdir() if path.is_file() and path.name[0] != ".")
        for path in files:
            if path.suffix.lower() in CLIP_SUFFIXES:
                found.append((path, "clip"))
        pictures = [path for path in files if path.suffix.lower() in PHOTO_SUFFIXES]
        if place != folder and are_frames(place, pictures):
            found.append((place, "clip"))
        else:
            for path in pictures:
                found.append((path, "photo"))
    if not found:
        raise InputError(f"The folder {shown(folder)} holds neither photos nor clips; give another.")
    return found
