"""GOHA of a few numbers, for tests."""

from cameo3d.models.goha.config import GohaConfig

TINY = GohaConfig(
    image_size=64,
    render_size=12,
    lift_size=16,
    plane_channels=4,
    decoder_width=8,
    coarse_samples=6,
    fine_samples=6,
    encoder_widths=(8, 8, 10, 16),
    encoder_depths=(1, 1, 1, 1),
    fused_width=16,
    parsing_width=4,
    super_resolution_widths=(8, 8, 8, 8, 8),
    style_width=8,
)
