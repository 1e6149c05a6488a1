"""What a photo says of its depth that a relief cannot know: a correction of planes, learned from real clips.

Both small models build their planes from the relief. This network sees that plane over the photo, colours and
geometry, and moves the surface nearer or further, and how far places follow head and torso.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.frustum_planes import ANCHOR, BACK, CHANNELS, COLORS, COVER, FRONT, HEAD
from cameo3d.blocks.small_unet import SmallUNet
from cameo3d.errors import WeightsError
from cameo3d.weights.shipped import load_tensors

MOVED = [FRONT, HEAD, ANCHOR]
"""The channels that are corrected."""
_MOST = torch.tensor((0.02, 0.4, 0.4))
"""How much at most: metres, and shares of motion."""
_STRENGTH = 0.5
"""Of the shipped network: on other corpora half a correction helps nearly as much, and harms half as much."""
_METRES = 0.1
"""Depths of this size are seen as 1."""
_SIZE = 128
"""Texels across what the network sees."""


class PlaneCorrection(nn.Module):
    """The network. A new one corrects nothing.

    Args:
        widths: Channels of its U-Net.
        strength: Share of its corrections that is taken.
    """

    def __init__(self, widths: tuple[int, int, int, int] = (16, 24, 32, 48), strength: float = 1.0) -> None:
        super().__init__()
        self.strength = strength
        self.network = SmallUNet(CHANNELS, len(MOVED), widths)

    def forward(
        self, plane: Float[Tensor, "batch channels size size"]
    ) -> Float[Tensor, "batch channels size size"]:
        """What to add to the plane over the photo; nothing where nobody is."""
        size, small = plane.shape[-1], functional.interpolate(plane, (_SIZE, _SIZE), mode="area")
        seen = small.clone()
        seen[:, COLORS] = 2 * small[:, COLORS] - 1
        seen[:, FRONT] = small[:, FRONT] / _METRES
        seen[:, BACK] = (small[:, FRONT] + small[:, BACK]) / _METRES
        most = self.strength * _MOST.to(plane)[:, None, None]
        moved = self.network(seen).tanh() * most * small[:, COVER : COVER + 1]
        full = functional.interpolate(moved, (size, size), mode="bilinear", align_corners=False)
        added = torch.zeros_like(plane)
        added[:, FRONT], added[:, HEAD], added[:, ANCHOR] = full.unbind(1)
        # Nobody follows the head by more than all of it.
        for channel in (HEAD, ANCHOR):
            added[:, channel] = (plane[:, channel] + added[:, channel]).clamp(0, 1) - plane[:, channel]
        return added


def load_plane_correction() -> PlaneCorrection:
    """The shipped network.

    Raises:
        WeightsError: If the file is missing, damaged, or of another layout.
    """
    tensors = {name: tensor.float() for name, tensor in load_tensors("plane_correction").items()}
    network = PlaneCorrection(strength=_STRENGTH)
    expected = {name: tensor.shape for name, tensor in network.state_dict().items()}
    if {name: tensor.shape for name, tensor in tensors.items()} != expected:
        raise WeightsError("The plane correction has another layout than expected; install cameo3d again.")
    network.load_state_dict(tensors)
    return network.eval().requires_grad_(False)
