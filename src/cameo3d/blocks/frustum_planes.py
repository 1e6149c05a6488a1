"""Tri-planes in a photo's own perspective: what each channel means, and the bent rays that see them.

A point's first two coordinates are where the photo saw it, from 0 to 1 over the canvas; its third is depth.
So the first of the three planes lies over the photo pixel by pixel, and a surface packed into it is exact:
its front and back depths are channels. The other planes hold ramps of depth. As in EG3D (Chan et al., CVPR
2022) the three look-ups are added, which gives how far a point lies behind the front and before the back.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

FRONT, BACK, HEAD, ANCHOR, COVER = range(5)
"""Channels: metres behind the front surface and before the back one (once the ramps are added); how far a
point follows the head, and how far the torso's motion; whether there is a person."""
COLORS = slice(5, 8)
"""Red, green, blue in [0, 1]."""
CHANNELS = 8
DEPTH_SIDE = 0.5
"""Metres of depth over which the planes reach, around `PlaneFrame.middle`."""
ABSORPTION, SOFTNESS = 2500.0, 0.0008
"""Density within the person, per metre, and metres over which it sets in behind a surface."""


@dataclass(frozen=True)
class PlaneFrame:
    """Where the planes lie in the crop camera's axes."""

    scale: float
    """Canvas sides per unit of x / z."""
    left: float
    top: float
    """x / z and y / z of the canvas's upper left corner."""
    middle: float
    """Depth in the middle of the planes, metres."""


@dataclass(frozen=True)
class Bend:
    """From a point that the camera sees to where the photo saw it: head and torso go different ways.

    A point `q` of the head was at `q @ turn + shift`, one of the torso at `q - (q @ sway + drift)`, unless
    it is anchored. In between, positions are mixed, as skinning does.
    """

    turn: Float32[np.ndarray, "3 3"]
    shift: Float32[np.ndarray, "3"]
    sway: Float32[np.ndarray, "3 3"]
    drift: Float32[np.ndarray, "3"]
