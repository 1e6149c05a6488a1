"""What can be chosen about an avatar model; light, so that the command line reads it first."""

from dataclasses import dataclass
from typing import Literal

ModelName = Literal["relief", "real3d", "goha"]
Size = Literal["official", "lite"]
Device = Literal["cpu", "cuda"]


@dataclass(frozen=True)
class ModelOptions:
    """A model, and what can be chosen about it."""

    model: ModelName | None = None
    """Avatar model; by default relief, or the one that made the avatar file."""
    size: Size | None = None
    """Published network with imported weights, or our small one; by default official."""
    fast: bool = False
    """Draw several times faster, a little less exactly."""
    device: Device = "cpu"
    """Where to compute."""
    head_threshold: float | None = None
    """Opacity from which Real3D's head hides the background completely, 0.1 to 1, by default 0.9; raise it
    where hair looks translucent."""


DEFAULT_MODEL = ModelOptions()
"""The relief model, or the one that made an avatar file."""
