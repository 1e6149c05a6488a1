"""Small networks, drawings and pairs for GOHA's stages."""

from dataclasses import replace

import torch
from goha_making import camera_numbers
from tiny_goha import TINY
from torch import nn

from cameo3d.data.portraits.goha_pairs import GohaPairs, Kind
from cameo3d.geometry.basel.bfm import FaceCoefficients
from cameo3d.models.goha.generator import GohaGenerator
from cameo3d.models.goha.shipped_faces import FaceKind
from cameo3d.training.discriminator import Discriminator

SIZE = 32
SMALL = replace(
    TINY,
    image_size=SIZE,
    render_size=8,
    lift_size=8,
    plane_channels=16,
    decoder_width=32,
    fused_width=32,
    super_resolution_widths=(8, 8, 8, 8),
)


class PaintedFaces:
    """Stands in for the face model: what it draws is a function of the mean colours of the images."""

    kind: FaceKind = "basel"

    def expression(self, person, expression):
        code = torch.cat((person.images.mean(dim=(2, 3)), expression.images.mean(dim=(2, 3))), dim=1)
        vectors = torch.zeros(len(code), 257)
        vectors[:, 80:86] = code
        picture = torch.sigmoid(code[:, :3] + code[:, 3:])[..., None, None].expand(-1, -1, 24, 24)
        return picture, FaceCoefficients.from_vectors(vectors)

    def neutral(self, person):
        mask = torch.zeros(len(person.images), 1, 24, 24)
        mask[..., 8:16, 8:16] = 1
        return mask * torch.sigmoid(person.images.mean(dim=(2, 3)))[..., None, None], mask

    def resting(self, person, expression):
        return None


class Features(nn.Module):
    """Stands in for VGG: five maps, the first ones the picture itself."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.layer = nn.Conv2d(3, 4, 3, padding=1).requires_grad_(False)

    def forward(self, picture):
        return [picture, picture, self.layer(picture), picture, picture]


def squared_distance(one, other):
    """Stands in for LPIPS."""
    return (one - other).square().mean(dim=(1, 2, 3))


def four_pairs(kind: Kind = "video") -> GohaPairs:
    """Four balls, each of its own colour, lit from the left in the source, from below in the target."""
    colors = torch.tensor(((0.9, 0.2, 0.1), (0.1, 0.9, 0.2), (0.2, 0.1, 0.9), (0.9, 0.9, 0.8)))
    y, x = torch.meshgrid(torch.linspace(-1, 1, SIZE), torch.linspace(-1, 1, SIZE), indexing="ij")
    ball = ((1.1 - x.hypot(y)) * 8).clamp(0, 1)
    source, target = (
        2 * colors[:, :, None, None] * (ball * (0.7 + 0.3 * light)).clamp(0, 1) - 1 for light in (-x, y)
    )
    cameras = torch.stack([torch.from_numpy(camera_numbers(0.1 * i - 0.2, 0.05)) for i in range(4)])
    return GohaPairs(source, target, cameras, cameras.flip(0), kind)


def tiny_generator(seed=0, **changes) -> GohaGenerator:
    torch.manual_seed(seed)
    return GohaGenerator(replace(SMALL, **changes))


def tiny_discriminator(channels: int) -> Discriminator:
    torch.manual_seed(5)
    return Discriminator(SIZE, channels, (8, 8, 8, 8), camera=0, group=4)
