import numpy as np
import pytest

from cameo3d.perception.pitch import HOP, SAMPLE_RATE, WINDOW, fundamental_frequency


def voice(hertz: np.ndarray | float, seconds: float = 1.0) -> np.ndarray:
    """Harmonics that fall off, at a frequency that may change from sample to sample."""
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hertz, round(seconds * SAMPLE_RATE))) / SAMPLE_RATE
    return np.sum([np.sin(k * phase) / (3 * k) for k in range(1, 9)], axis=0).astype(np.float32)


@pytest.mark.parametrize("hertz", [85.0, 120.3, 233.0, 440.0, 700.0])
def test_a_steady_voice_has_its_frequency_within_a_thousandth(hertz):
    found = fundamental_frequency(voice(hertz))
    assert len(found) == (SAMPLE_RATE - WINDOW) // HOP + 1
    np.testing.assert_allclose(found, hertz, rtol=1e-3)


def test_a_glide_is_followed():
    hertz = np.linspace(110, 220, 2 * SAMPLE_RATE)
    found = fundamental_frequency(voice(hertz, 2.0))
    middles = np.arange(len(found)) * HOP + WINDOW // 2
    np.testing.assert_allclose(found, hertz[middles], rtol=0.01)


def test_a_missing_fundamental_is_heard_all_the_same():
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    sound = np.sum([np.sin(2 * np.pi * 150 * k * time) / 3 for k in (2, 3, 4)], axis=0).astype(np.float32)
    np.testing.assert_allclose(fundamental_frequency(sound), 150, rtol=1e-3)


def test_noise_and_silence_have_no_frequency():
    noise = np.random.default_rng(1).normal(size=SAMPLE_RATE).astype(np.float32) / 10
    assert (fundamental_frequency(noise) > 0).mean() < 0.02
    assert not fundamental_frequency(np.zeros(SAMPLE_RATE, np.float32)).any()


def test_what_is_too_quiet_beside_the_whole_is_silence():
    quiet = 1e-3 * voice(150.0)
    assert fundamental_frequency(quiet).all()
    assert not fundamental_frequency(quiet, peak=1.0).any()


def test_frequencies_outside_the_range_are_not_taken():
    found = fundamental_frequency(voice(50.0))
    assert ((found == 0) | (found >= 80)).all()
    assert (
        fundamental_frequency(np.sin(np.arange(SAMPLE_RATE) * 2 * np.pi / 16).astype(np.float32)) < 750
    ).all()


@pytest.mark.parametrize("count", [0, 1, WINDOW - 1, WINDOW, WINDOW + HOP])
def test_short_sounds_have_as_many_frames_as_fit(count):
    assert len(fundamental_frequency(voice(200.0)[:count])) == max(0, (count - WINDOW) // HOP + 1)
