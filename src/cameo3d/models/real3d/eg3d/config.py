"""Sizes of EG3D: Real3D-Portrait's teacher, and a small one for tests."""

import math
from dataclasses import dataclass, field

from cameo3d.models.real3d.config import OFFICIAL as REAL3D
from cameo3d.models.real3d.config import Real3DConfig


@dataclass(frozen=True)
class Eg3dConfig:
    """Everything that fixes the network; the defaults are the teacher of Real3D-Portrait."""

    latent: int = 512
    """Random numbers that make a person."""
    style: int = 512
    """Length of the style vector."""
    camera: int = 25
    """Numbers of the camera on which the person is conditioned."""
    mapping_depth: int = 2
    """Layers from latent to style."""
    base: int = 32768
    """Channels at a size times the size, as long as there are fewer than the most."""
    most: int = 512
    """Most channels."""
    rendering: Real3DConfig = field(default_factory=lambda: REAL3D)
    """Planes, decoder, rays and super-resolution, which Real3D-Portrait takes over."""

    @property
    def plane_size(self) -> int:
        """Side of the planes, half the picture's."""
        return self.rendering.image_size // 2

    def widths(self) -> dict[int, int]:
        """Channels at 4, 8, 16, ... up to the planes' size."""
        sizes = [2**power for power in range(2, int(math.log2(self.plane_size)) + 1)]
        return {size: min(self.base // size, self.most) for size in sizes}


EG3D = Eg3dConfig()
"""The published teacher."""
