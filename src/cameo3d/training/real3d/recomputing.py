"""Activation recomputation (Chen et al., 2016): less is kept for the gradients, more is computed twice."""

from functools import partial

from torch.utils.checkpoint import checkpoint

from cameo3d.models.real3d.generator import Real3DGenerator
from cameo3d.training.discriminator import Discriminator


def recompute(generator: Real3DGenerator, discriminator: Discriminator) -> None:
    """Let networks keep less while they learn; no number changes.

    What has batch norms is left as it is, since these would count every batch twice.
    """
    planes, adapter = generator.image_to_plane, generator.motion_adapter
    large = generator.super_resolution
    for part in (
        *(planes.context, planes.shape, planes.detail, planes.join),
        *(adapter.encoder, adapter.fuse),
        *(large.head_block, large.last_block),
        *discriminator.blocks,
    ):
        part.forward = partial(checkpoint, part.forward, use_reentrant=False)
    generator.renderer.recompute = True
