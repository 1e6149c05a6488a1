import pytest
import torch
from tiny_goha import TINY

from cameo3d.bench import goha as bench_goha
from cameo3d.bench.stand_in_face import sheet_arrays
from cameo3d.errors import InputError
from cameo3d.geometry.basel.bfm import BaselFace
from cameo3d.models.goha.avatar import Goha
from cameo3d.models.goha.generator import GohaGenerator
from cameo3d.perception.deep3d import FaceRegressor


def test_goha_is_measured_stage_by_stage_and_beside_the_official_times(monkeypatch):
    def tiny(bench, fast):
        torch.manual_seed(0)
        face = BaselFace.from_arrays(sheet_arrays(9))
        return Goha(
            GohaGenerator(TINY), FaceRegressor(width=4), face, lambda picture: picture[..., 0] / 255, fast
        )

    monkeypatch.setattr(bench_goha._GohaBench, "_model", tiny)
    monkeypatch.setattr(bench_goha, "_product_gigaflops", lambda meter: 43.5)
    report = bench_goha.measure_goha(lambda text: None)
    figures = {figure.name: figure for figure in report.figures}
    for stage, official in bench_goha.OFFICIAL_SECONDS.items():
        ratio = figures[f"{stage}, faster than official"].value
        # A machine of half the speed: its seconds count half.
        if figures[stage].value > 0.05:
            assert ratio == pytest.approx(official / (figures[stage].value / 2), rel=0.05)
    stages = ("expression planes", "appearance planes", "rendering", "super-resolution")
    assert figures["frame"].value == pytest.approx(sum(figures[name].value for name in stages), abs=1e-4)
    assert figures["frame"].unit == "CPU s"
    assert figures["frame, faster than official"].goal == 2
    assert figures["reconstruction, faster than official"].goal == 1.3
    # The tiny network hardly answers to expressions, so that only bfloat16 tells.
    assert figures["fast frame against exact"].value > 38


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_told():
    with pytest.raises(InputError, match="no CUDA device"):
        bench_goha.measure_goha(lambda line: None, "cuda")
