"""`cameo3d create`: a photo to an avatar file."""

from pathlib import Path

from cameo3d.app.cli.shared import File, Model, Photo, check_files
from cameo3d.pipeline.options import DEFAULT_MODEL


def create(
    photo: Photo,
    out: File = None,
    face: int = 0,
    overwrite: bool = False,
    model: Model = DEFAULT_MODEL,
) -> None:
    """Make an avatar file from a photo, to be animated many times.

    Args:
        photo: Photo of one person.
        out: Avatar file (.avatar) to write; by default the photo's name with .avatar.
        face: Which face of the photo, counted from the largest, 0.
        overwrite: Replace an existing output.
        model: The avatar model.
    """
    out = out or Path(f"{photo.stem}.avatar")
    check_files(out, overwrite, photo=photo)
    from cameo3d.app.outputs import checked_file
    from cameo3d.pipeline.animate import create as create_avatar

    out = checked_file(out, overwrite, [photo], ".avatar")
    create_avatar(photo, face, model).save(out)
    print(out)
