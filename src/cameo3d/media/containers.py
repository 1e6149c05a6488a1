"""Opening a video or a sound file: one plain local file, which cannot point to any other."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import av.error
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from cameo3d.errors import InputError
from cameo3d.media.files import check_input, shown

_PLAYLIST = re.compile(
    rb"(?is)(\xef\xbb\xbf)?\s*("
    rb"#EXTM3U|ffconcat|file\s+['\"/]|v=0\s|\[playlist\]|\[reference\]|rtsptext|#!?\s*playlist"
    rb"|<(asx|smil|playlist)\b|(<\?xml.*?)?(<!--.*?-->\s*)*<(MPD|SmoothStreamingMedia|playlist|smil)\b"
    rb"|[a-z][a-z0-9+.-]+://\S+\s*(\n|$))"
)
_PLAYLIST_FORMATS = {"hls", "concat", "concatf", "dash", "sdp", "rtsp", "rtp", "imf", "webm_dash_manifest"}
_TITLES_AS_THEY_ARE: dict[str, Any] = (
    {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
)
"""PyAV before 19 refuses files whose titles are no UTF-8, unless told not to; later ones do not read them."""
_PICTURE_FORMATS = {"image2", "image2pipe", "ico", "tty", "bintext", "xbin", "idf", "adf"}


@contextmanager
def open_container(path: Path, what: str) -> Iterator[InputContainer]:
    """Open a plain local video or sound file of any container format that PyAV knows.

    The content decides about the format, not the name. FFmpeg sees only the bytes of this one
    file: it knows no name (so that no name is taken for a protocol or a pattern) and may open
    nothing else (so that no playlist leads it anywhere).

    Args:
        path: The file.
        what: What it is for, such as "video"; it begins the message.

    Raises:
        InputError: If `check_input` refuses the file, if it is a playlist or a picture, or if it
            is no media file at all.
    """
    name = f"The {what} {shown(check_input(path, what))}"
    with path.open("rb") as file:
        if _PLAYLIST.match(file.read(4096)):
            raise InputError(f"{name} is a playlist; give the media file itself.")
        file.seek(0)
        try:
            container = av.open(
                _Nameless(file), "r", options={"protocol_whitelist": "none"}, **_TITLES_AS_THEY_ARE
            )
        except (av.error.FFmpegError, ValueError) as error:
            raise InputError(
                f"{name} is damaged or not a media file ({_reason(error)}); give another."
            ) from error
        with container:
            formats = set(container.format.name.split(","))
            if formats & _PLAYLIST_FORMATS:
                raise InputError(f"{name} is a playlist; give the media file itself.")
            if formats & _PICTURE_FORMATS or container.format.name.endswith("_pipe"):
                raise InputError(f"{name} is a picture or a text; give a video or a sound.")
            try:
                yield container
            except av.error.FFmpegError as error:
                raise InputError(f"{name} is damaged ({_reason(error)}); give another.") from error


def moving_picture(container: InputContainer) -> VideoStream | None:
    """The first video stream that is not the cover picture of a sound file."""
    for stream in container.streams.video:
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic:
            return stream
    return None


def first_picture_seconds(path: Path) -> float | None:
    """When the first picture of a video is shown, on the file's own clock; None if none decodes."""
    with open_container(path, "video") as container:
        frame = first_picture(container)
        return None if frame is None or frame.pts is None else frame.time


def first_picture(container: InputContainer) -> VideoFrame | None:
    """Decode the first picture that can be decoded."""
    stream = moving_picture(container)
    return None if stream is None else next(decoded(container, stream, []), None)


def decoded(container: InputContainer, stream: Stream, damage: list[str]) -> Iterator[Any]:
    """Decode one stream frame by frame; what is damaged is left out.

    Args:
        container: An open container.
        stream: One of its streams.
        damage: One reason is appended for each piece that was left out.

    Yields:
        Frames in the order in which they are shown.
    """
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError as error:
            damage.append(_reason(error))
            return
        if packet is None:
            return
        try:
            yield from packet.decode()
        except av.error.FFmpegError as error:
            damage.append(_reason(error))


class _Nameless:
    def __init__(self, file) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
