import numpy as np
import pytest
from skimage.data import astronaut
from skimage.filters import gaussian

from cameo3d.evaluation.measures import Moment
from cameo3d.evaluation.metrics.flicker import gray, motion_between, warping_error
from cameo3d.evaluation.metrics.motion_meters import FlickerMeter

SCENE = (255 * gaussian(astronaut()[:300, :320], 1.5, channel_axis=-1)).astype(np.uint8)


def view(x: int, y: int) -> np.ndarray:
    """What a camera sees that has moved so many pixels to the right and down."""
    return SCENE[20 + y : 148 + y, 60 + x : 188 + x].copy()


def flicker_of(outputs, truths=None, of_truth=False):
    meter = FlickerMeter(of_truth)
    for index, output in enumerate(outputs):
        meter.add(Moment(output, None if truths is None else truths[index], None, None))
    return meter.figures()


def test_a_known_shift_is_the_flow_and_explains_the_change():
    before, now = view(0, 0), view(3, -2)
    flow, known = motion_between(gray(before), gray(now))
    inner = np.zeros_like(known)
    inner[16:-16, 16:-16] = True
    assert known[inner].mean() > 0.95
    np.testing.assert_allclose(np.median(flow[inner], axis=0), (3, -2), atol=0.1)
    moved = warping_error(before, now, flow, known)
    still = warping_error(before, now, np.zeros_like(flow), np.ones_like(known))
    assert moved is not None
    assert still is not None
    assert moved < 0.1 * still


def test_what_left_the_picture_is_not_trusted():
    _, known = motion_between(gray(view(0, 0)), gray(view(20, 0)))
    assert known[:, -18:].mean() < 0.1  # it was right of the previous frame's border
    assert known[:, 20:80].mean() > 0.8


def test_flow_known_nowhere_gives_no_figure():
    flow = np.zeros((128, 128, 2), np.float32)
    assert warping_error(view(0, 0), view(0, 0), flow, np.zeros((128, 128), bool)) is None


def test_brightness_that_jumps_is_its_jump():
    dark, light = np.full((2, 32, 32, 3), [[[[50]]], [[[101]]]], np.uint8)
    assert flicker_of([dark, light, dark]).value == pytest.approx(0.2, abs=1e-6)


@pytest.mark.parametrize("of_truth", [False, True])
def test_more_noise_flickers_more(of_truth):
    truths = [view(2 * i, i) for i in range(4)]
    noise = np.random.default_rng(0).normal(size=(4, *truths[0].shape))
    values = []
    for strength in (0, 4, 12, 30):
        outputs = [
            (t + strength * n).clip(0, 255).astype(np.uint8) for t, n in zip(truths, noise, strict=True)
        ]
        values.append(flicker_of(outputs, truths, of_truth).value)
    assert values == sorted(values)
    assert values[0] < 0.3 * values[1]


def test_jitter_counts_against_the_true_motion_only():
    truths = [view(i, 0) for i in range(6)]
    jittered = [view(i + (i % 2) * 2, 0) for i in range(6)]
    steady = flicker_of(truths, truths, of_truth=True).value
    shaken = flicker_of(jittered, truths, of_truth=True).value
    assert steady is not None
    assert shaken is not None
    assert shaken > 3 * steady


def test_the_truths_own_flicker_is_the_reference():
    truths = [view(i, 0) for i in range(3)]
    found = flicker_of(truths, truths, of_truth=True)
    assert found.reference == pytest.approx(found.value)


def test_without_truth_there_is_no_true_flow():
    assert flicker_of([view(0, 0), view(1, 0)], of_truth=True).value is None
