"""Parts of one drawn face as thumbnails of 8x8 pixels, compared with how they were drawn before.

After a change of the drawing that was looked at and is meant, record them again:

    python tests/models/relief/golden_parts.py
"""

import json
from pathlib import Path

import cv2
import numpy as np
import torch
from skimage import data

from cameo3d.geometry.face_topology import OVAL
from cameo3d.geometry.rotations import angles_from_matrices, matrices_from_angles
from cameo3d.imaging.compose import compose
from cameo3d.models.avatar import render
from cameo3d.models.relief import RELIEF, ReliefAvatar
from cameo3d.models.relief.eyes import LIDS
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.values import BLENDSHAPES, Motion

THUMBNAILS = Path(__file__).with_name("golden_parts.json")
SIZE = 8
EYES = [*LIDS[0][0], *LIDS[0][1]], [*LIDS[1][0], *LIDS[1][1]]
MOUTH = (61, 291, 0, 17)
CASES = {
    "half closed eye": (EYES[0], {"eyeBlinkLeft": 0.5}, (0, 0, 0), 0.0),
    "shut eye": (EYES[1], {"eyeBlinkRight": 1.0}, (0, 0, 0), 0.0),
    "eye that looks aside": (EYES[0], {}, (0, 0, 0), 0.4),
    "open mouth": (MOUTH, {"jawOpen": 0.6}, (0, 0, 0), 0.0),
    "wide mouth": (MOUTH, {"jawOpen": 0.9, "mouthFunnel": 0.4}, (0, 0, 0), 0.0),
    "closed lips": (MOUTH, {"mouthClose": 0.0}, (0, 0, 0), 0.0),
    "pursed lips": (MOUTH, {"mouthPucker": 0.8}, (0, 0, 0), 0.0),
    "turned face": (OVAL, {}, (18, 0, 0), 0.0),
    "nodding face": (OVAL, {}, (0, 12, 8), 0.0),
}
"""Which vertices lie in a part, the weights that are set, degrees of turn, and radians of gaze aside."""


def thumbnails() -> dict[str, np.ndarray]:
    """Every part as it is drawn now."""
    avatar = RELIEF.encode([make_portrait(data.astronaut())])
    behind = RELIEF.background(avatar)
    return {name: _thumbnail(avatar, behind, *case) for name, case in CASES.items()}


def _thumbnail(avatar: ReliefAvatar, behind: np.ndarray, part, shapes, turn, aside) -> np.ndarray:
    person = avatar.person
    rotation = matrices_from_angles(torch.tensor(turn).float().deg2rad()) @ matrices_from_angles(
        person.rotation
    )
    expression = (
        torch.tensor([shapes.get(name, 0.0) for name in BLENDSHAPES]) if shapes else person.expression
    )
    motion = Motion(
        expression[None],
        angles_from_matrices(rotation)[None],
        person.translation[None],
        (person.gaze + aside)[None],
        25.0,
        "golden",
    )
    frame = compose(next(render(RELIEF, avatar, motion)), behind)
    crop = person.crop
    corner = np.array((crop.center_x, crop.center_y)) - crop.side / 2
    points = (avatar.face_in_photo()[list(part)] - corner) * (512 / crop.side)
    middle, reach = (points.max(0) + points.min(0)) / 2, 0.65 * np.ptp(points, axis=0).max()
    left, top = np.maximum(0, (middle - reach).round().astype(int))
    right, bottom = (middle + reach).round().astype(int)
    return cv2.resize(frame[top:bottom, left:right], (SIZE, SIZE), interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    recorded = [f'  "{name}": {json.dumps(part.ravel().tolist())}' for name, part in thumbnails().items()]
    THUMBNAILS.write_text("{\n" + ",\n".join(recorded) + "\n}\n", "utf8")
