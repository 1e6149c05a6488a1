import numpy as np
import pytest

from cameo3d.evaluation.metrics.life import blinks_per_minute, rest_motion
from cameo3d.evaluation.metrics.tracked import aed, akd, apd, lmd

FACES = np.random.default_rng(0).normal(size=(4, 478, 3))


def test_a_shifted_face_is_its_shift_away_but_its_lips_are_the_same():
    shifted = FACES + (3.0, 4.0, 9.0)
    assert akd(shifted, FACES) == pytest.approx(5.0)
    assert lmd(shifted, FACES) == pytest.approx(0.0, abs=1e-12)


def test_more_noise_is_further_away():
    noise = np.random.default_rng(1).normal(size=FACES.shape)
    for measure in (akd, lmd):
        values = [measure(FACES + strength * noise, FACES) for strength in (0.1, 0.5, 2.0)]
        assert values == sorted(values)


def test_one_weight_of_52_counts_as_one_of_52():
    raised = np.zeros((4, 52))
    raised[:, 7] = 0.52
    assert aed(raised, np.zeros((4, 52))) == pytest.approx(0.01)


def test_angles_are_compared_the_shorter_way_round():
    assert apd(np.full((1, 3), np.pi - 0.1), np.full((1, 3), 0.1 - np.pi)) == pytest.approx(0.2)


def test_lids_that_tremble_while_shut_blink_once():
    weights = np.array([0, 0.6, 0.45, 0.6, 0.1, 0.0, 0.9, 0.0])
    assert blinks_per_minute(weights, 8.0) == pytest.approx(120)


def test_only_silent_frames_count_as_rest():
    assert rest_motion(np.array([0.0, 2.0, 50.0]), np.array([True, True, False])) == pytest.approx(1.0)
