"""Where results go: names that are derived, checked before the long work."""

import sys
from collections.abc import Sequence
from pathlib import Path

from cameo3d.errors import OutputError
from cameo3d.media.files import check_output, shown
from cameo3d.media.images import IMAGE_SUFFIXES
from cameo3d.media.video import FrameFolderWriter, codec_for
from cameo3d.models.kinds import label_of
from cameo3d.pipeline.animation import Animation
from cameo3d.pipeline.prepared import first_picture
from cameo3d.provenance.manifest import SIDECAR_KINDS, sidecar
from cameo3d.provenance.origin import Origin, origin_of


def checked_video(out: Path, transparent: bool, overwrite: bool, inputs: Sequence[Path | None]) -> Path:
    """Refuse a video name (or, for transparent frames, a folder name) that could not be written later.

    Args:
        out: The name.
        transparent: Whether the frames have alpha.
        overwrite: Whether what is there may be replaced.
        inputs: Files that are read meanwhile and must never be replaced.

    Raises:
        OutputError: If the suffix does not suit, the folder cannot be written, or something is there.
    """
    if transparent and not out.suffix:
        return FrameFolderWriter(out, overwrite).path
    codec_for(out, transparent)
    if out.suffix.lower() in SIDECAR_KINDS:
        checked_file(sidecar(out), overwrite, inputs)
    return checked_file(out, overwrite, inputs)


def checked_file(out: Path, overwrite: bool, inputs: Sequence[Path | None], suffix: str = "") -> Path:
    """Refuse a file name that could not be written later; see `checked_video`.

    Raises:
        OutputError: As there, or if the name does not end in `suffix`.
    """
    if suffix and out.suffix.lower() != suffix:
        raise OutputError(f"The output {shown(out)} should end in {suffix}.")
    check_output(out, overwrite)
    if any(path and path.exists() and out.exists() and out.samefile(path) for path in inputs):
        raise OutputError(f"The output {shown(out)} is also an input; give another name.")
    return out


def checked_picture(out: Path, overwrite: bool, inputs: Sequence[Path | None]) -> Path:
    """Refuse a picture's name that could not be written later; see `checked_video`.

    Raises:
        OutputError: As there.
    """
    if out.suffix.lower() not in IMAGE_SUFFIXES:
        raise OutputError(f"The output {shown(out)} should end in one of {', '.join(IMAGE_SUFFIXES)}.")
    return checked_file(out, overwrite, inputs)


def origin(animation: Animation, source: Path, seed: int = 0, **files: Path | str | None) -> Origin:
    """From what an animation is made.

    Args:
        animation: The animation.
        source: Photo or avatar file.
        seed: The seed of the take.
        files: The other files, under the names of `provenance.origin.Role`; what is no file is left out.
    """
    source = first_picture(source) if source.is_dir() else source
    role = "avatar" if source.suffix.lower() == ".avatar" else "photo"
    there = {name: Path(file) for name, file in files.items() if file is not None and Path(file).is_file()}
    return origin_of(label_of(animation.avatar), seed, **{role: source, **there})


def report(paths: Sequence[Path], signed: bool) -> None:
    """Print what was written, and end with 3 if it is unsigned against the user's will."""
    for path in paths:
        print(path)
    if not signed:
        sys.exit(3)
