"""`cameo3d demo`: let a portrait speak."""

from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from cameo3d.app.cli.shared import DisclosureFlags
from cameo3d.pipeline.options import ModelName
from cameo3d.provenance.disclosure import FULL_DISCLOSURE


def demo(
    out: Annotated[Path, arg(metavar="FOLDER")] = Path("demo"),
    model: ModelName = "relief",
    overwrite: bool = False,
    disclosure: DisclosureFlags = FULL_DISCLOSURE,
) -> None:
    """Let the astronaut's portrait that scikit-image carries speak, and say how long each stage took.

    Args:
        out: Folder for demo.mp4 and demo.png, a contact sheet; it is made if need be.
        model: The avatar model.
        overwrite: Replace the files of an earlier demo.
        disclosure: How video and sheet say that they are generated.
    """
    from cameo3d.app.demo import run

    run(out, model, overwrite, disclosure)
