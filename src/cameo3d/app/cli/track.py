"""`cameo3d track`: a video to a motion file."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from cameo3d.app.cli.shared import File, unit


def track(
    video: Annotated[Positional[Path], arg(metavar="VIDEO")],
    out: File = None,
    face: int = 0,
    smooth: float = 0.3,
    overwrite: bool = False,
) -> None:
    """Follow a face through a video and write a motion file.

    Args:
        video: Video with one person.
        out: Motion file (.csv) to write; by default the video's name with _motion.csv.
        face: Which face, counted from the largest, 0.
        smooth: How strongly the motion is smoothed, from 0 to 1.
        overwrite: Replace an existing output.
    """
    smooth = unit("smooth", smooth)
    from cameo3d.app.outputs import checked_file
    from cameo3d.app.progress import progress_bar
    from cameo3d.pipeline.animate import track as track_face

    out = checked_file(out or Path(f"{video.stem}_motion.csv"), overwrite, [video], ".csv")
    with progress_bar("Tracking") as advance:
        tracked = track_face(video, face, smooth, advance)
    tracked.motion.save(out)
    print(out)
