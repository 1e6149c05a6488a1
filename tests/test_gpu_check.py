"""tools/gpu_check.py keeps what each step says, whatever becomes of the others."""

import importlib.util
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

FILE = Path(__file__).parents[1] / "tools/gpu_check.py"


@pytest.fixture
def check(monkeypatch):
    """The program, whose steps run at once: "slow" at its limit, "broken" fails, "far" misses a figure."""
    spec = importlib.util.spec_from_file_location("gpu_check", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    ran: list[tuple[str, float]] = []
    module.__dict__["ran"] = ran

    def run(command, cwd, env, stdout, stderr, timeout):
        name, out = command[2], Path(command[4])
        ran.append((name, timeout))
        stdout.write("said\n")
        stdout.flush()
        row = {"name": "speed", "value": 2.5, "unit": "frames/s", "goal": ">= 60", "met": name != "far"}
        if name == "slow":
            raise subprocess.TimeoutExpired(command, timeout)
        out.write_text(json.dumps([row]))
        return SimpleNamespace(returncode=int(name == "broken"))

    monkeypatch.setattr(module, "STEPS", (("slow", 30), ("broken", 40), ("far", 20), ("good", 10)))
    monkeypatch.setattr(module.subprocess, "run", run)
    return module


def test_every_step_runs_and_is_kept_whatever_the_others_do(check, tmp_path):
    assert check.main(tmp_path, "cuda", 1.0) == 1
    assert [name for name, _ in check.ran] == ["slow", "broken", "far", "good"]
    kept = json.loads((tmp_path / "summary.json").read_text())["steps"]
    assert [kept[name]["ended"] for name in ("slow", "broken", "far", "good")] == [
        "stopped at its limit",
        "failed with 1",
        "a figure is not what it must be",
        "passed",
    ]
    assert "| speed | 2.5 frames/s | >= 60 |" in (tmp_path / "summary.md").read_text()


def test_another_call_does_what_is_left(check, tmp_path, monkeypatch):
    check.main(tmp_path, "cuda", 1.0)
    check.ran.clear()
    monkeypatch.setattr(check, "STEPS", (("broken", 40), ("good", 10), ("more", 10)))
    check.main(tmp_path, "cuda", 1.0)
    assert [name for name, _ in check.ran] == ["broken", "more"]


def test_limits_are_stretched_and_end_with_the_time(check, tmp_path, monkeypatch):
    monkeypatch.setattr(check, "SECONDS", 12.0)
    check.main(tmp_path, "cpu", 2.0)
    assert check.ran[0] == ("slow", pytest.approx(24, abs=1))
    monkeypatch.setattr(check, "SECONDS", 4.0)
    check.ran.clear()
    assert check.main(tmp_path / "other", "cpu", 2.0) == 1
    assert not check.ran
    assert "rehearsal" in (tmp_path / "summary.md").read_text()


def test_the_steps_of_both_programs_are_the_same():
    text = (FILE.parent / "gpu_steps.py").read_text()
    spec = importlib.util.spec_from_file_location("gpu_check_again", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert all(f'"{name}": ' in text or name in module.TESTS for name, _ in module.STEPS)
    assert module.SECONDS < 480
