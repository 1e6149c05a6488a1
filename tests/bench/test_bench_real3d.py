import pytest
import torch
from tiny_real3d import TINY

from cameo3d.bench import real3d as bench_real3d
from cameo3d.bench.real3d import measure_real3d
from cameo3d.errors import InputError


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
    assert figures["canonical planes, of the convolution's peak"].value > 0
    assert figures["convolution, peak"].value > 0
    assert any("random weights" in line for line in said)
    assert not any("compiled" in name for name in figures)


@pytest.fixture
def known_peaks(monkeypatch):
    """The machine's peaks need not be measured, which takes seconds."""
    peaks = dict.fromkeys(("convolution, peak", "convolution, bfloat16, peak"), 100.0)
    monkeypatch.setattr(bench_real3d, "_peaks", lambda meter: peaks)


@pytest.mark.usefixtures("known_peaks")
def test_networks_are_measured_compiled_and_held_against_eager():
    report = measure_real3d(lambda line: None, TINY, compiler=lambda action: action)
    figures = {figure.name: figure for figure in report.figures}
    for stage in ("canonical planes", "motion planes", "super-resolution"):
        assert figures[f"{stage}, compiled"].unit == "CPU s"
        assert figures[f"{stage}, compiled, compiling it"].unit == "s"
        assert figures[f"{stage}, compiled, largest difference from eager"].value < 1e-6
        for measure in ("against eager", "peak memory", "done a second", "of the convolution's peak"):
            assert figures[f"{stage}, compiled, {measure}"].value > 0
    assert "rendering, compiled" not in figures


@pytest.mark.usefixtures("known_peaks")
def test_a_compiled_stage_that_computes_something_else_misses_its_goal():
    report = measure_real3d(lambda line: None, TINY, compiler=lambda action: lambda: action() * 1.01)
    figures = {figure.name: figure for figure in report.figures}
    difference = figures["motion planes, compiled, largest difference from eager"]
    assert difference.goal is not None
    assert difference.value > difference.goal


@pytest.mark.usefixtures("known_peaks")
def test_without_a_cpp_compiler_one_notice_stands_for_the_compiled_stages(monkeypatch):
    from torch._inductor import config

    monkeypatch.setattr(config.cpp, "cxx", (None, "/nowhere/g++"))
    monkeypatch.setattr(config, "force_disable_caches", True)
    said = []
    report = measure_real3d(
        said.append, TINY, compiler=lambda action: torch.compile(lambda: torch.ones(9).sin())
    )
    notices = [line for line in said if "left out" in line]
    assert len(notices) == 1
    assert "canonical planes" in notices[0]
    assert "/nowhere/g++" in notices[0]
    assert "install a C++ compiler" in notices[0]
    assert not any("compiled" in figure.name for figure in report.figures)
    assert "frame" in {figure.name for figure in report.figures}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_told():
    with pytest.raises(InputError, match="no CUDA device"):
        measure_real3d(lambda line: None, TINY, device="cuda")
