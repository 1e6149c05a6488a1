"""`cameo3d credentials`: the key that signs outputs."""

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from cameo3d.app.cli.shared import usage


def credentials(
    action: Annotated[Positional[Literal["init", "show", "use"]], arg(metavar="init|show|use")],
    files: Annotated[Positional[tuple[Path, ...]], arg(metavar="CERT KEY")] = (),
) -> None:
    """Manage the key that signs outputs; one is made for this installation when the first output is signed.

    Args:
        action: Make a new key, show the one that there is, or take your own certificate and key.
        files: With use, PEM files: the certificate with those that vouch for it, and its private key.
    """
    if len(files) != (2 if action == "use" else 0):
        raise usage("Write `cameo3d credentials init`, `... show`, or `... use CERT KEY`.")
    from cameo3d.app.provenance import manage_credentials

    manage_credentials(action, *files)
