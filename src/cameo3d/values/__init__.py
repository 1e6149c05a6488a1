"""The plain values that travel between rooms: person, portrait, motion."""

from cameo3d.values.motion import BLENDSHAPES, Motion
from cameo3d.values.portrait import Crop, Person, Portrait

__all__ = ["BLENDSHAPES", "Crop", "Motion", "Person", "Portrait"]
