import pytest
import torch
from tiny_goha import TINY as GOHA
from tiny_real3d import TINY as REAL3D

from cameo3d.bench.clip import ClipSizes, Plainly, measure_clip
from cameo3d.blocks.steady import Steady

SIZES = ClipSizes(frames=3, real3d=REAL3D, goha=GOHA)


@pytest.mark.parametrize("name", ["real3d", "goha"])
def test_a_clip_is_measured_from_its_first_frame_to_its_file(name):
    report = measure_clip(name, lambda text: None, sizes=SIZES)
    figures = {figure.name: figure for figure in report.figures}
    for stage in ("draw", "draw, mark, encode by x264"):
        assert figures[stage].value > 0
        assert figures[stage].unit == "frames/s"
    assert 0 < figures["first frame of a saved avatar"].value < 60
    assert figures["peak memory"].value > 0
    assert report.machine["device"] == "cpu"
    assert not any("graphs" in stage for stage in figures)  # a processor has none


def test_what_stands_for_a_graph_does_the_same():
    plain = Steady(lambda scale, x: (x * scale,), Plainly())
    for x in torch.randn(4, 3):
        assert torch.equal(plain((torch.tensor(3.0),), (x,))[0], x * 3)
