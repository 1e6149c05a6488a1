import numpy as np
import pytest
import torch
from faces_making import case, face, write_sound

from cameo3d.evaluation.measures import Moment
from cameo3d.evaluation.metrics import syncnet_meters as module
from cameo3d.perception.syncnet import SyncNet
from cameo3d.weights.user_files import SYNCNET, Networks

FRAMES = 70
PLACES = np.random.default_rng(0).normal(size=(200, 1024)).astype(np.float32)
"""Where what is said in each frame lies in the space of lips and sound."""


@pytest.fixture
def networks(monkeypatch, tmp_path):
    """A network that reads the number of the frame off the crop, and knows what is said in it."""
    (tmp_path / SYNCNET).touch()
    with torch.device("meta"):
        network = SyncNet()
    monkeypatch.setattr(module, "load_syncnet", lambda path: network)
    monkeypatch.setattr(module, "place_lips", lambda network, frames: PLACES[int(frames[0, 112, 112, 0])])
    monkeypatch.setattr(module, "place_sound", lambda network, cepstra, frame: PLACES[frame + 20])
    return Networks(tmp_path)


def figures(networks, sound, late: int) -> tuple[float | None, float | None, float | None]:
    meters = module.syncnet_meters(case(sound), networks)
    for index in range(FRAMES):
        frame = np.full((128, 128, 3), index + 20 - late, np.uint8)
        for meter in meters:
            meter.add(Moment(frame, None, face(), None))
    confidence, distance, offset = (meter.figures().value for meter in meters)
    return confidence, distance, offset


def released(late: int) -> np.ndarray:
    """Mean distances for all delays, as the release writes them, from all features at once."""
    count = FRAMES - 5
    lips, sounds = PLACES[20 - late : 20 - late + count], PLACES[20 : 20 + count]
    padded = np.pad(sounds, ((15, 15), (0, 0)))
    rows = [np.linalg.norm(lips[i] - padded[i : i + 31] + 1e-6, axis=1) for i in range(count)]
    return np.mean(rows, axis=0)


@pytest.fixture
def sound(tmp_path):
    return write_sound(tmp_path / "voice.wav", np.zeros(640 * FRAMES))


@pytest.mark.parametrize("late", [-7, 0, 1, 4, 13])
def test_streamed_distances_are_the_releases(networks, sound, late):
    confidence, distance, offset = figures(networks, sound, late)
    expected = released(late)
    assert offset == 40 * late
    assert distance == pytest.approx(expected.min(), rel=1e-5)
    assert confidence == pytest.approx(np.median(expected) - expected.min(), rel=1e-5)


def test_sound_that_ends_early_ends_the_clip(networks, tmp_path):
    short = write_sound(tmp_path / "short.wav", np.zeros(640 * 40))
    assert figures(networks, short, 0)[2] == 0
    tiny = write_sound(tmp_path / "tiny.wav", np.zeros(640 * 4))
    meters = module.syncnet_meters(case(tiny), networks)
    meters[0].add(Moment(np.zeros((64, 64, 3), np.uint8), None, face(), None))
    assert meters[2].figures().why == "The clip or its sound is shorter than 6 frames."


def test_other_frame_rates_are_not_measured(networks, sound):
    meter = module.syncnet_meters(case(sound, frame_rate=30.0), networks)[0]
    assert meter.figures().why == "SyncNet needs 25 frames a second, the clip has 30.00."
