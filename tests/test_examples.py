"""The numbered examples run, each in an empty folder; of every video only the first frames are drawn."""

import runpy
import sys
from itertools import islice
from pathlib import Path

import pytest

from cameo3d.pipeline.animation import Animation

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("[0-9]*.py"))
WRITTEN = {
    "01_animate": {"astronaut.mp4"},
    "02_voice": {"take_1.mp4", "take_2.mp4"},
    "03_retouch": {"retouched.png"},
    "04_own_motion": {"nod.csv", "nod.mp4"},
    "05_avatar_file": {"astronaut.avatar", "blue.mp4", "turn.mp4"},
    "06_adjust": {"lips.mp4", "strong.mp4", "looking.mp4"},
    "07_live_voice": set(),
    "08_track": {"driver.mp4", "motion.csv", "again.mp4"},
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs_and_writes_its_files(path, tmp_path, monkeypatch):
    drawn = Animation.__iter__
    monkeypatch.setattr(Animation, "__iter__", lambda self: islice(drawn(self), 3))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [path.name])
    runpy.run_path(str(path), run_name="__main__")
    assert {each.name for each in tmp_path.iterdir()} == WRITTEN[path.stem]
