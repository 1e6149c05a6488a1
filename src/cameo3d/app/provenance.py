"""`cameo3d verify` and `cameo3d credentials`."""

import json
import sys
from pathlib import Path

from cameo3d.errors import CameoError
from cameo3d.provenance.keys import Credentials, load_credentials, make_credentials, use_credentials
from cameo3d.provenance.verifying import verify


def verify_file(path: Path, as_json: bool) -> int:
    """Print what a file says about its origin.

    Returns:
        The exit code: 0 if it says that it is generated, 1 if not, 2 if it cannot be read.
    """
    try:
        verdict = verify(path)
    except CameoError as error:
        print(f"cameo3d: {error}", file=sys.stderr)
        return 2
    if as_json:
        print(json.dumps(verdict.facts(), indent=2))
    else:
        print("\n".join(verdict.lines()))
    return 0 if verdict.found else 1


def manage_credentials(action: str, *files: Path) -> None:
    """Make, show or take over the key, and say which it is."""
    if action == "init":
        _show(make_credentials())
    elif action == "use":
        _show(use_credentials(*files))
    else:
        _show(load_credentials())


def _show(credentials: Credentials) -> None:
    print(f"folder       {credentials.folder}")
    print(f"certificate  {credentials.subject}")
    print(f"issued by    {credentials.issuer}")
    print(f"valid until  {credentials.expires:%Y-%m-%d}")
    print(f"SHA-256      {credentials.fingerprint}")
    if credentials.root is not None:
        print("Readers call the issuer unknown, unless they are given root.pem of this folder to trust.")
