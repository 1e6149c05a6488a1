"""`cameo3d faces`: which faces a photo shows."""

import json as notation
import math
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from cameo3d.app.cli.shared import check_files


def faces(photo: Annotated[Positional[Path], arg(metavar="PHOTO")], json: bool = False) -> None:
    """List the faces of a photo, the largest first, as --face of the other commands counts them.

    Exits with 1 if there is none.

    Args:
        photo: Picture with any number of faces, any way up.
        json: Print them as JSON: number, box (left, top, right, bottom in pixels), score in [0, 1], roll
            in degrees, clockwise.
    """
    check_files(None, False, picture=photo)
    from cameo3d.errors import FaceError
    from cameo3d.media.images import read_image
    from cameo3d.perception.landmarks import list_faces

    found = [
        {
            "face": number,
            "box": [round(float(edge), 1) for edge in face.box],
            "score": round(face.confidence, 3),
            "roll_degrees": round(math.degrees(face.roll_radians), 1),
        }
        for number, face in enumerate(list_faces(read_image(photo), any_way_up=True))
    ]
    if json:
        print(notation.dumps(found))
        return
    if not found:
        raise FaceError("No face was found in the photo; give one that shows a face from the front.")
    for face in found:
        left, top, right, bottom = (round(edge) for edge in face["box"])
        print(
            f"face {face['face']}: {right - left} x {bottom - top} pixels at {left}, {top}; "
            f"score {face['score']:.3f}, turned by {face['roll_degrees']:.0f} degrees"
        )
