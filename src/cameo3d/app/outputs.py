"""Where results go: names that are derived, checked before the long work, and the writer that suits them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from cameo3d.errors import OutputError
from cameo3d.media.files import check_output, shown
from cameo3d.media.video import FrameFolderWriter, VideoWriter, codec_for
from cameo3d.pipeline.animate import Animation


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


def write_video(
    out: Path, frames: Iterable, size: tuple[int, int], animation: Animation, overwrite: bool
) -> None:
    """Write frames, with the driver's sound, to the file or folder that `checked_video` accepted."""
    transparent = animation.background is None
    if transparent and not out.suffix:
        writer = FrameFolderWriter(out, overwrite)
    else:
        codec = codec_for(out, transparent)
        writer = VideoWriter(out, size, animation.frame_rate, animation.audio, codec, overwrite)
    with writer:
        for frame in frames:
            writer.write(frame)
