"""`cameo3d weights`: take over published weights."""

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from cameo3d.app.cli.shared import say


def weights(
    action: Annotated[Positional[Literal["import"]], arg(metavar="import")],
    model: Annotated[Positional[Literal["real3d", "goha"]], arg(metavar="real3d|goha")],
    folder: Annotated[Positional[Path], arg(metavar="FOLDER")],
) -> None:
    """Take over the published weights of a model into your own folder, checked and converted.

    They go to the folder named by CAMEO3D_WEIGHTS, by default cameo3d in your data folder (~/.local/share).

    Args:
        action: What to do.
        model: Whose weights.
        folder: Where the official files lie, as they were published.
    """
    from cameo3d.pipeline.importing import import_weights

    for path in import_weights(model, folder, say):
        print(path)
