"""Photos and clips in a folder, one's own or a well-known data set's.

VFHQ lies as folders of numbered frames, CelebV-HQ, TalkingHead-1KH, HDTF and RAVDESS as videos, FFHQ as
numbered pictures in numbered folders of a thousand.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cameo3d.errors import InputError
from cameo3d.media.files import shown

PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
CLIP_SUFFIXES = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg"}
Kind = Literal["photo", "clip"]
_VALIDATION_EVERY = 100
_PERSONS = (
    r"(?:^|/)(?P<person>Actor_\d+)/",  # RAVDESS
    r"(?:^|/)Clip\+(?P<person>.+?)\+P\d+\+C",  # VFHQ
    r"(?:^|/)(?P<person>(?:RD|WDA|WRA)_.+?)_\d+(?:_|\.|$)",  # HDTF
    r"(?:^|/)(?P<person>[\w-]{11})_[^/]*$",  # CelebV-HQ and TalkingHead-1KH: a video's name, then its part
)


@dataclass(frozen=True)
class Source:
    """One photo or one clip."""

    name: str
    """Its path in the folder without suffix, with dashes for slashes."""
    path: Path
    """A file, or the folder of a clip's frames."""
    kind: Kind
    person: str
    """Who it shows, as far as the layout tells; its own name otherwise."""

    @property
    def validation(self) -> bool:
        """Whether the person is held out: about one in a hundred, the same ones on every machine."""
        digest = hashlib.sha256(self.person.encode()).digest()
        return int.from_bytes(digest[:4], "big") % _VALIDATION_EVERY == 0


def find_sources(folder: Path) -> list[Source]:
    """All photos and clips below a folder, in order; hidden ones are passed over.

    Raises:
        InputError: If it is no folder, or holds none.
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
        if place != folder and _are_frames(place, pictures):
            found.append((place, "clip"))
        else:
            for path in pictures:
                found.append((path, "photo"))
    if not found:
        raise InputError(f"The folder {shown(folder)} holds neither photos nor clips; give another.")
    return [_source(folder, path, kind) for path, kind in found]


def frame_files(folder: Path) -> list[Path]:
    """The pictures of a clip that lies as numbered frames, in order."""
    pictures = [path for path in folder.iterdir() if path.suffix.lower() in PHOTO_SUFFIXES]
    return sorted(pictures, key=lambda path: (int(path.stem), path.name))


def person_of(place: str) -> str | None:
    """The person in a path of a known layout, with slashes; None if it tells nothing."""
    for pattern in _PERSONS:
        if match := re.search(pattern, place):
            return match["person"]
    return None


def _are_frames(place: Path, pictures: list[Path]) -> bool:
    """Whether a folder's pictures are frames of one clip: all numbered, and no thousand of FFHQ."""
    if len(pictures) < 2 or not all(path.stem.isdigit() for path in pictures):
        return False
    if not (place.name.isdigit() and place.name.endswith("000")):
        return True
    first = int(place.name)
    return not all(first <= int(path.stem) < first + 1000 for path in pictures)


def _source(folder: Path, path: Path, kind: Kind) -> Source:
    relative = path.relative_to(folder)
    named = relative if path.is_dir() else relative.with_suffix("")
    name = "-".join(named.parts)
    return Source(name, path, kind, person_of(relative.as_posix()) or name)
