"""What writes H.264: x264 on the processor, or NVENC, the encoder of NVIDIA's GPUs.

GPUs for data centres such as the A100 and the H100 have none.
"""

import functools
from fractions import Fraction
from typing import Literal

import av
import av.error
from av.video.codeccontext import VideoCodecContext

from cameo3d.errors import OutputError

Encoder = Literal["auto", "x264", "nvenc"]
_SIDE = 256
"""Of the trial's picture, in pixels; NVENC takes none below 145."""


def choose_encoder(wanted: Encoder, on_gpu: bool) -> Literal["x264", "nvenc"]:
    """The encoder to use.

    Args:
        wanted: "auto" is NVENC where frames are drawn on a GPU that has one, and x264 elsewhere.
        on_gpu: Whether they are.

    Raises:
        OutputError: If NVENC is asked for by name and cannot be opened.
    """
    if wanted == "nvenc" and not has_nvenc():
        raise OutputError("There is no NVIDIA encoder (NVENC) here that opens; leave --encoder out.")
    if wanted == "auto":
        return "nvenc" if on_gpu and has_nvenc() else "x264"
    return wanted


@functools.cache
def has_nvenc() -> bool:
    """Whether NVENC can be opened: FFmpeg knows it, and driver and GPU have it. Tried once."""
    try:
        context = av.CodecContext.create("h264_nvenc", "w")
        assert isinstance(context, VideoCodecContext), "it encodes pictures"
        context.width = context.height = _SIDE
        context.pix_fmt, context.time_base = "yuv420p", Fraction(1, 25)
        context.open()
    except (av.error.FFmpegError, ValueError):  # an unknown codec is a ValueError
        return False
    return True
