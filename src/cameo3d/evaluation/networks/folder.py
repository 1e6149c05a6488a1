"""The files of published networks that measures use, in the user's own folder; nothing is ever downloaded."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class NetworkFile:
    """One file that the user may put into the folder."""

    name: str
    """Its name in the folder, as its makers gave it."""
    measures: str
    source: str
    licence: str


@dataclass(frozen=True)
class Networks:
    """The user's folder of networks."""

    folder: Path

    def missing(self, *names: str) -> str:
        """One sentence about which of the files are not there; empty if all are."""
        absent = [name for name in names if not (self.folder / name).is_file()]
        return f"{' and '.join(absent)} is not in {self.folder}." if absent else ""


def own_networks() -> Networks:
    """The folder that CAMEO3D_NETWORKS names, or ~/.local/share/cameo3d/networks."""
    named = os.environ.get("CAMEO3D_NETWORKS")
    return Networks(Path(named) if named else Path.home() / ".local/share/cameo3d/networks")
