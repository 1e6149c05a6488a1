"""`cameo3d orbit`: turn a head."""

import math
from pathlib import Path
from typing import Literal

from cameo3d.app.cli.shared import (
    Background,
    DisclosureFlags,
    File,
    Model,
    PhotoOrAvatar,
    check_files,
    usage,
)
from cameo3d.pipeline.options import DEFAULT_MODEL
from cameo3d.provenance.disclosure import FULL_DISCLOSURE


def orbit(
    source: PhotoOrAvatar,
    out: File = None,
    seconds: float = 4.0,
    yaw: float = 25.0,
    pitch: float = 10.0,
    background: Background = "keep",
    frame: Literal["crop", "photo"] = "crop",
    face: int = 0,
    overwrite: bool = False,
    disclosure: DisclosureFlags = FULL_DISCLOSURE,
    model: Model = DEFAULT_MODEL,
) -> None:
    """Turn a head to both sides and nod.

    Args:
        source: Photo of one person, or avatar file.
        out: Video to write; by default the photo's name with _orbit.mp4, in the current folder.
        seconds: Length.
        yaw: Largest turn to either side, in degrees.
        pitch: Largest nod up and down, in degrees.
        background: What stands behind the person; transparent needs .mov, .webm, or a folder for PNG frames.
        frame: Head and shoulders at --size-px, or the whole photo at its own size, at most 1920.
        face: Which face of the photo, counted from the largest, 0.
        overwrite: Replace an existing output.
        disclosure: How the video says that it is generated.
        model: The avatar model.
    """
    if not 0.04 <= seconds <= 3600:
        raise usage(f"--seconds should lie between 0.04 and 3600, got {seconds}.")
    if not (abs(yaw) <= 60 and abs(pitch) <= 60):
        raise usage(f"--yaw and --pitch should lie between -60 and 60 degrees, got {yaw} and {pitch}.")
    transparent = background == "transparent"
    out = out or Path(f"{source.stem}_orbit{'.mov' if transparent else '.mp4'}")
    check_files(out, overwrite, photo=source)
    from cameo3d.app.outputs import checked_video, origin, report
    from cameo3d.app.progress import counted
    from cameo3d.pipeline.animate import orbit as orbit_head
    from cameo3d.pipeline.animation import write_animation

    out = checked_video(out, transparent, overwrite, [source])
    animation = orbit_head(
        source,
        seconds=seconds,
        yaw_radians=math.radians(yaw),
        pitch_radians=math.radians(pitch),
        background=background,
        frame=frame,
        face=face,
        model=model,
    )
    rendered = counted(animation, len(animation), "Rendering")
    made_of = origin(animation, source, background=background)
    signed = write_animation(animation, rendered, animation.size, out, overwrite, made_of, disclosure)
    report([out], signed)
