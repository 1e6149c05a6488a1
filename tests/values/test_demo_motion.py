import math
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

import cameo3d
from cameo3d.values import BLENDSHAPES
from cameo3d.values.motion_files import load_motion

TOOL = Path(__file__).parents[2] / "tools" / "demo_motion.py"
DEMO = load_motion(Path(cameo3d.__file__).parent / "assets" / "demo_motion.csv")


def curve(name):
    return DEMO.expression[:, BLENDSHAPES.index(name)]


@pytest.mark.skipif(not TOOL.exists(), reason="the tools are not installed")
def test_the_shipped_file_is_what_its_tool_makes():
    made = runpy.run_path(str(TOOL))["make_motion"]()
    for field in ("expression", "rotation", "translation", "gaze"):
        torch.testing.assert_close(getattr(DEMO, field), getattr(made, field), rtol=0, atol=2e-6)


def test_it_starts_and_ends_neutral():
    for index in (0, -1):
        assert DEMO.expression[index].max() < 0.02
        assert DEMO.rotation[index].abs().max() < math.radians(0.3)
        torch.testing.assert_close(DEMO.translation[index], torch.tensor([0, 0, 1.0]), atol=0.001, rtol=0)
        assert DEMO.gaze[index].abs().max() < 0.02


def test_it_lasts_eight_seconds_and_stays_within_what_a_relief_can_do():
    assert (len(DEMO), DEMO.frame_rate) == (200, 25)
    yaw, pitch, roll = DEMO.rotation.rad2deg().abs().amax(0)
    assert 12 < yaw < 20
    assert 5 < pitch < 15
    assert 4 < roll < 12
    assert DEMO.rotation.diff(dim=0).rad2deg().abs().max() < 3  # degrees a frame


def test_eyes_close_fully_and_open_again_several_times():
    closed = (curve("eyeBlinkLeft") == 1).nonzero()[:, 0]
    assert len(closed) == 5
    assert (curve("eyeBlinkLeft")[closed + 6] < 0.05).all()


def test_the_mouth_speaks_and_closes_in_between():
    jaw = curve("jawOpen")[25:140]
    peaks = ((jaw[1:-1] > jaw[:-2]) & (jaw[1:-1] > jaw[2:]) & (jaw[1:-1] > 0.1)).sum()
    assert peaks >= 9
    pressed = curve("mouthPressLeft")[25:140] > 0.2
    assert (jaw[pressed] < 0.06).all()


def test_the_eyes_arrive_before_the_head():
    looking = (DEMO.rotation[:, 0] + DEMO.gaze[:, 0, 0]).numpy()
    head = DEMO.rotation[:, 0].numpy()
    lags = range(0, 15)
    fits = [np.corrcoef(looking[: len(head) - lag], head[lag:])[0, 1] for lag in lags]
    assert 2 <= int(np.argmax(fits)) <= 14
