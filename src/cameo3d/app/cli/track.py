"""`cameo3d track`: a video to a motion file."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from cameo3d.app.cli.shared import File, check_files, unit


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
        out: Motion file (.csv) to write; by default the video's name with _motion.csv. With .npy the
            coefficients of the Basel model, as Real3D-Portrait fits and reads them; needs your model.
        face: Which face, counted from the largest, 0.
        smooth: How strongly the motion is smoothed, from 0 to 1.
        overwrite: Replace an existing output.
    """
    smooth = unit("smooth", smooth)
    out = out or Path(f"{video.stem}_motion.csv")
    check_files(out, overwrite, video=video)
    from cameo3d.app.outputs import checked_file
    from cameo3d.app.progress import progress_bar
    from cameo3d.pipeline.animate import track as track_face
    from cameo3d.pipeline.coefficients import is_coefficients
    from cameo3d.pipeline.drivers import write_coefficients
    from cameo3d.values.motion_files import save_motion

    fits = is_coefficients(out)
    out = checked_file(out, overwrite, [video], ".npy" if fits else ".csv")
    with progress_bar("Tracking") as advance:
        if fits:
            write_coefficients(video, out, face, smooth, advance)
        else:
            tracked = track_face(video, face, smooth, advance)
            save_motion(tracked.motion, out, tracked.seen)
    print(out)
