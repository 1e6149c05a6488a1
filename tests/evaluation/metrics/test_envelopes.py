import numpy as np
import pytest

from cameo3d.evaluation.metrics.envelopes import loudness
from cameo3d.evaluation.metrics.lips import voice_match
from cameo3d.values.sound import SAMPLE_RATE

TIMES = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE


def tone(hertz: float) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * TIMES)


def test_a_burst_is_loud_in_its_frames_only():
    sound = tone(1000) * ((TIMES > 1.0) & (TIMES < 2.0))
    found = loudness(sound, 25.0, 75)
    assert found[27:48] == pytest.approx(40, abs=0.5)
    assert found[:23].max() == 0
    assert found[52:].max() == 0


def test_half_the_amplitude_is_six_decibels_less():
    sound = tone(1000) * np.where(TIMES < 1.5, 1.0, 0.5)
    found = loudness(sound, 25.0, 75)
    assert found[20] - found[55] == pytest.approx(20 * np.log10(2), abs=0.01)


def test_hum_and_hiss_are_no_voice():
    mixed = tone(50) + tone(7000) + tone(1000) * (TIMES > 1.5)
    found = loudness(mixed, 25.0, 75)
    assert found[60] - found[15] > 20


def test_frames_after_the_sounds_end_are_silent():
    assert loudness(tone(500)[:SAMPLE_RATE], 25.0, 75)[30:].max() == 0


def test_silence_is_silent():
    np.testing.assert_array_equal(loudness(np.zeros(SAMPLE_RATE), 25.0, 25), 0)


@pytest.mark.parametrize("late", [-11, -3, 0, 4, 15])
def test_a_late_mouth_matches_best_at_its_delay(late):
    voice = np.abs(np.random.default_rng(0).normal(size=130)).cumsum() % 7
    matches = voice_match(0.1 * voice[30 - late : 110 - late], voice[30:110])
    assert int(np.argmax(matches)) - 15 == late
    assert matches.max() > 1.3


def test_too_short_clips_are_refused():
    with pytest.raises(ValueError, match="more than 30 frames, got 30"):
        voice_match(np.arange(30.0), np.arange(30.0))
