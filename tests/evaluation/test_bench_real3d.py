from cameo3d.evaluation.bench_real3d import measure_real3d
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


def test_every_stage_is_timed_exact_and_fast():
    said = []
    report = measure_real3d(said.append, TINY)
    figures = {figure.name: figure for figure in report.figures}
    for stage in ("canonical planes", "motion planes", "rendering", "super-resolution", "frame"):
        for suffix in ("", ", fast"):
            assert figures[stage + suffix].unit == "CPU s"
            assert figures[f"{stage}{suffix}, against the official code"].value > 0
    assert figures["frame, against the official code"].goal == 1.6
    assert figures["frame, fast, against the official code"].goal == 4.0
    assert figures["canonical planes, done a second"].value > 0
    assert figures["convolution, peak"].value > 0
    assert any("random weights" in line for line in said)
