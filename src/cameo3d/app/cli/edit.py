"""`cameo3d edit`: retouch one photo."""

from pathlib import Path
from typing import Literal

from cameo3d.app.cli.shared import DisclosureFlags, File, Model, Photo, RetouchFlags, check_files
from cameo3d.pipeline.adjustments import Retouch
from cameo3d.pipeline.options import DEFAULT_MODEL
from cameo3d.provenance.disclosure import FULL_DISCLOSURE


def edit(
    photo: Photo,
    out: File = None,
    change: RetouchFlags = Retouch(),  # noqa: B008  # frozen
    face: int = 0,
    hidden: Literal["still", "move"] = "still",
    overwrite: bool = False,
    disclosure: DisclosureFlags = FULL_DISCLOSURE,
    model: Model = DEFAULT_MODEL,
) -> None:
    """Retouch a face in a photo: close a mouth, open eyes, turn to the camera. All else stays as it is.

    Args:
        photo: Photo with a face.
        out: Picture to write (.png, .jpg or .webp); by default the photo's name with _edited.png.
        change: What is changed.
        face: Which face of the photo, counted from the largest, 0.
        hidden: Whether what the photo does not show, such as shut eyes, stays as it is or moves all the same.
        overwrite: Replace an existing output.
        disclosure: How the picture says that it is generated.
        model: What draws it.
    """
    out = out or Path(f"{photo.stem}_edited.png")
    check_files(out, overwrite, photo=photo)
    from cameo3d.app.outputs import checked_picture, report
    from cameo3d.pipeline.animate import model_of
    from cameo3d.pipeline.edit import edit as edit_photo

    out = checked_picture(out, overwrite, [photo])
    drawn_by = None if model == DEFAULT_MODEL else model_of(model)
    edited = edit_photo(photo, change, model=drawn_by, face=face, hidden=hidden)
    report([out], edited.save(out, overwrite, disclosure))
