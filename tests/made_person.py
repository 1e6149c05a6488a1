"""A person without a face, for tests that only need poses."""

from dataclasses import replace
from typing import Any

import torch

from cameo3d.values import Crop, Person

_NOBODY = Person(
    photo=torch.full((120, 100, 3), 128, dtype=torch.uint8),
    matte=torch.full((120, 100), 255, dtype=torch.uint8),
    crop=Crop(50.0, 60.0, 80.0),
    identity=torch.zeros(10),
    expression=torch.zeros(52),
    rotation=torch.zeros(3),
    translation=torch.tensor([0.0, 0.0, 1.0]),
    gaze=torch.zeros(2, 2),
)


def made_person(**changes: Any) -> Person:
    """Somebody who looks straight into the camera from a metre away, but for the changes."""
    return replace(_NOBODY, **changes)
