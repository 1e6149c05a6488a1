"""`cameo3d verify`: whether a file says that it is generated."""

import sys
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from cameo3d.app.cli.shared import check_files, say
from cameo3d.errors import CameoError


def verify(file: Annotated[Positional[Path], arg(metavar="FILE")], json: bool = False) -> None:
    """Say whether a picture or a video tells that it is generated, by credentials or by the hidden mark.

    Exits with 0 if it does, with 1 if nothing was found (which proves nothing), with 2 if it cannot be read.

    Args:
        file: Picture or video, of whatever origin.
        json: Print all figures as JSON.
    """
    try:
        check_files(None, False, file=file)
    except CameoError as error:
        say(str(error))
        sys.exit(2)
    from cameo3d.app.provenance import verify_file

    sys.exit(verify_file(file, json))
