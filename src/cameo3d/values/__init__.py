"""The plain values that travel between rooms: portrait, motion, avatar."""

from cameo3d.values.motion import BLENDSHAPES, Motion
from cameo3d.values.portrait import Crop, Portrait

__all__ = ["BLENDSHAPES", "Crop", "Motion", "Portrait"]
