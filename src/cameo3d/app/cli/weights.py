"""`cameo3d weights`: what there is, and taking over published weights."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from cameo3d.app.cli.shared import say
from cameo3d.errors import CameoError

if TYPE_CHECKING:
    from cameo3d.weights.catalogue import Entry

_KINDS = {
    "shipped": "Shipped with cameo3d",
    "package": "Inside optional packages",
    "imported": "Published with the papers, taken over by `cameo3d weights import`",
    "own file": "Your own files, for measures and training",
}


def weights(
    action: Annotated[Positional[Literal["list", "import"]], arg(metavar="list|import")],
    model: Annotated[Positional[Literal["real3d", "goha"] | None], arg(metavar="real3d|goha")] = None,
    folder: Annotated[Positional[Path | None], arg(metavar="FOLDER")] = None,
    json: bool = False,
) -> None:
    """List all files of weights, or take over the published weights of a model, checked and converted.

    Your own ones are in the folder named by CAMEO3D_WEIGHTS, by default cameo3d in your data folder
    (~/.local/share).

    Args:
        action: `list`, or `import` with a model and a folder.
        model: Whose weights are imported.
        folder: Where the official files are, as they were published.
        json: Print the list as JSON.
    """
    if action == "list":
        from cameo3d.weights.catalogue import catalogue

        print(_as_json(catalogue()) if json else _as_text(catalogue()))
        return
    if model is None or folder is None:
        raise CameoError("`weights import` needs a model and a folder: cameo3d weights import real3d FOLDER.")
    from cameo3d.pipeline.importing import import_weights

    for path in import_weights(model, folder, say):
        print(path)


def _as_json(entries: "list[Entry]") -> str:
    rows = [asdict(entry) | {"path": entry.path and str(entry.path), "size": entry.size} for entry in entries]
    return json.dumps(rows, indent=2)


def _as_text(entries: "list[Entry]") -> str:
    lines: list[str] = []
    for kind, title in _KINDS.items():
        rows = [entry for entry in entries if entry.kind == kind]
        lines.append(f"{title} ({_megabytes(sum(entry.size or 0 for entry in rows))}):")
        for entry in rows:
            size = "missing" if entry.size is None else _megabytes(entry.size)
            card = f"; {entry.origin}" if kind == "shipped" else ""
            lines.append(f"  {size:>9}  {entry.name}: {entry.use}; {entry.licence}{card}")
    return "\n".join((*lines, "`cameo3d doctor` says how to get what is missing."))


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.2f} MB"
