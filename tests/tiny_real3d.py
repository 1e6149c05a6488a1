"""Real3D-Portrait at a size that tests afford."""

from cameo3d.models.real3d.config import FusionSizes, MotionSizes, PlaneSizes, Real3DConfig, TorsoSizes

TINY = Real3DConfig(
    image_size=128,
    render_size=32,
    plane_channels=4,
    decoder_width=8,
    coarse_samples=4,
    fine_samples=4,
    plane=PlaneSizes((4, 4, 4, 4), (1, 1, 1, 1), 4, 16, 1, 2, 4, 4, 4),
    motion=MotionSizes((4, 4, 4, 4), (1, 1, 1, 1), (1, 1, 1, 1), fused_width=4),
    torso=TorsoSizes((4, 4, 4), 2, 4, 1, 2, 4, (4, 4), 2, (4, 4, 4), 4),
    fusion=FusionSizes(8, 4, 4, 8),
)
"""A few numbers of the published design."""
