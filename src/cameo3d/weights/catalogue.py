"""Every file of weights in one table: what the package ships, what a package brings, what the user adds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cameo3d.weights.packages import PACKAGE_FILES
from cameo3d.weights.released import RELEASED
from cameo3d.weights.shipped import SHIPPED, shipped_path
from cameo3d.weights.user_files import FILES, own_networks


@dataclass(frozen=True)
class Entry:
    """One file of weights."""

    name: str
    kind: Literal["shipped", "package", "imported", "own file"]
    """Shipped by cameo3d; inside an optional package; converted by `weights import`; put into `networks`."""
    use: str
    """What needs it."""
    licence: str
    """Its terms."""
    origin: str
    """The card of a shipped file; else how to get it."""
    path: Path | None
    """Where it is, or None while it is missing."""

    @property
    def size(self) -> int | None:
        """In bytes; None while it is missing."""
        return None if self.path is None else self.path.stat().st_size


def catalogue() -> list[Entry]:
    """All files of weights that any part of cameo3d uses, the shipped ones first."""
    networks = own_networks().folder
    return [
        *(
            Entry(name, "shipped", entry.use, entry.licence, entry.card, _there(shipped_path(name)))
            for name, entry in SHIPPED.items()
        ),
        *(
            Entry(file.install.split("=")[0], "package", use, file.licence, file.command, file.find())
            for use, file in PACKAGE_FILES.items()
        ),
        *(
            Entry(
                name,
                "imported",
                f"--model {entry.model} --size official",
                entry.licence,
                entry.advice,
                _there(entry.path),
            )
            for name, entry in RELEASED.items()
        ),
        *(
            Entry(
                *(file.name, "own file", file.use, file.licence),
                origin=f"put it into {networks}; from {file.source}",
                path=_there(networks / file.name),
            )
            for file in FILES
        ),
    ]


def _there(path: Path) -> Path | None:
    return path if path.is_file() else None
