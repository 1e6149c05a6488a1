"""Tiny networks and made-up pairs for the stages of Real3D-Portrait."""

from dataclasses import replace

import torch

from cameo3d.data.portraits.pairs import PairBatch, View
from cameo3d.models.real3d.config import FusionSizes, MotionSizes, PlaneSizes, Real3DConfig, TorsoSizes
from cameo3d.models.real3d.eg3d.cameras import orbit_cameras
from cameo3d.models.real3d.eg3d.config import Eg3dConfig
from cameo3d.training.real3d.recipes import Adversary

TINY = Real3DConfig(
    image_size=32,
    render_size=8,
    plane_channels=8,
    decoder_width=16,
    coarse_samples=8,
    fine_samples=8,
    plane=PlaneSizes((8, 8, 16, 16), (1, 1, 1, 1), 8, 16, 1, 4, 8, 16, 16),
    motion=MotionSizes((8, 8, 16, 16), (1, 1, 1, 1), (1, 1, 2, 2), (4, 2, 1, 1), 16),
    torso=TorsoSizes((8, 8, 16), 4, 4, 1, 4, 4, (8, 16), 4, (16, 16, 8), 8),
    fusion=FusionSizes(16, 8, 8, 8),
)
TINY_TEACHER = Eg3dConfig(latent=16, style=16, base=256, most=16, rendering=TINY)
TINY_ADVERSARY = Adversary(base=256, most=8)
CPU = torch.device("cpu")


def view(seed, count=4, size=32):
    """Blobs of a colour of their own on a background, with a map that says where they are."""
    random = torch.Generator().manual_seed(seed)
    grid = (torch.arange(size) + 0.5) / size * 2 - 1
    y, x = torch.meshgrid(grid, grid, indexing="ij")
    shift = (torch.rand((count, 2), generator=random) - 0.5) * 0.3
    near = ((x - shift[:, :1, None]) ** 2 + (y - shift[:, 1:, None]) ** 2).sqrt()
    head, torso = near < 0.4, (y.expand_as(near) > 0.5) & (near >= 0.4)
    color = torch.rand((count, 3, 1, 1), generator=random) * 1.6 - 0.8
    black = torch.full((count, 3, size, size), -1.0)
    head_picture = torch.where(head[:, None], color, black)
    torso_picture = torch.where(torso[:, None], -color, black)
    picture = torch.where(head[:, None], color, torch.where(torso[:, None], -color, torch.tensor(0.3)))
    classes = torch.zeros(count, 6, size, size)
    classes[:, 3], classes[:, 4] = head.float(), torso.float()
    classes[:, 0] = 1 - head.float() - torso.float()
    points = torch.zeros(count, 68, 3)
    points[..., :2] = shift[:, None] + 0.2 * torch.randn((count, 68, 2), generator=random)
    turn = (torch.rand(count, generator=random) - 0.5) * 0.4
    return View(
        picture=picture,
        head=head_picture,
        torso=torso_picture,
        classes=classes,
        pncc=torch.where(head[:, None], torch.stack((x, y, x * y)).expand(count, -1, -1, -1), black),
        camera=orbit_cameras(torch.zeros(count), turn, torch.full((count,), 2.7)),
        points=points,
    )


def pairs(count=4):
    source, target = view(0, count), view(1, count)
    target = replace(
        target, picture=source.picture, head=source.head, torso=source.torso, classes=source.classes
    )
    return PairBatch(
        source=source,
        target=target,
        background=torch.full((count, 3, 32, 32), 0.3),
        neutral=source.pncc,
        base=target.pncc,
        perturbed=target.pncc + 0.01,
        blinks=torch.stack((target.pncc, 0.98 * target.pncc, 0.9 * target.pncc), dim=1),
    )


class SamePairs:
    """The same four pairs in every step."""

    def draw(self, index):
        return pairs()
