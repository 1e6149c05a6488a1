"""Photos and clips in a folder, one's own or a well-known data set's.

VFHQ lies as folders of numbered frames, CelebV-HQ, TalkingHead-1KH, HDTF and RAVDESS as videos, FFHQ as
numbered pictures in numbered folders of a thousand.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from cameo3d.media.folders import PHOTO_SUFFIXES, Kind, photos_and_clips

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
    return [_source(folder, path, kind) for path, kind in photos_and_clips(folder, _are_frames)]


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
