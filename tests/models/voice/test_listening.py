import numpy as np
import pytest
from voice_sounds import RATE, arpeggio, babble, chord, drums, tune, white_noise

from cameo3d.models.voice.idle.hearing import HOP, Heard, SoundMeter
from cameo3d.models.voice.idle.listening import SpeechDetector


def heard(sound: np.ndarray) -> list[Heard]:
    ear = SoundMeter()
    return [ear.push(sound), ear.finish()]


def share_of_speech(sound: np.ndarray) -> float:
    listener = SpeechDetector()
    parts = [*map(listener.push, heard(sound)), listener.finish()]
    return float(np.concatenate([part.speech for part in parts]).mean())


@pytest.mark.parametrize("hertz", [80.0, 123.4, 220.0, 390.0])
def test_the_pitch_of_a_sawtooth_is_its_own(hertz):
    tone = chord(1.0, hertz, harmonics=12)
    steady, _ = heard(tone)
    middle = slice(5, 18)
    np.testing.assert_allclose(100 * 2 ** steady.pitch[middle], hertz, rtol=0.02)
    assert steady.periodicity[middle].min() > 0.9


def test_level_is_told_in_decibels_of_full_scale():
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    loud, _ = heard(tone)
    soft, _ = heard(tone / 10)
    np.testing.assert_allclose(loud.level[5:20], 0, atol=3.1)  # a sine's power is 3 dB below its peak's
    np.testing.assert_allclose((loud.level - soft.level)[5:20], 20, atol=0.01)


def test_there_is_a_frame_for_every_hop_that_has_begun():
    for samples in (0, 1, HOP - 1, HOP, HOP + 1, 5 * HOP, 5 * HOP + 7):
        parts = heard(np.zeros(samples, np.float32))
        assert sum(map(len, parts)) == -(-samples // HOP)


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(4 * RATE, np.float32),
        white_noise(4.0),
        white_noise(4.0, 0.001),
        chord(4.0, 262.0, 330.0, 392.0),
        chord(4.0, 440.0, harmonics=1),
        np.concatenate((np.zeros(RATE, np.float32), chord(3.0, 110.0))),
    ],
    ids=["silence", "noise", "soft noise", "chord", "tone", "late tone"],
)
def test_silence_noise_and_chords_are_no_speech(sound):
    assert share_of_speech(sound) < 0.002  # no whole frame


@pytest.mark.parametrize("music", [tune, arpeggio, drums])
def test_music_is_hardly_ever_taken_for_speech(music):
    assert share_of_speech(music(10.0)) < 0.05


@pytest.mark.parametrize("gain", [1.0, 0.05])
def test_syllables_are_speech_loud_or_soft(gain):
    assert share_of_speech(np.float32(gain) * babble(4.0)) > 0.5


def test_syllables_are_speech_over_noise():
    assert share_of_speech(babble(4.0) + white_noise(4.0, 0.002)) > 0.4


def turns(sound: np.ndarray) -> np.ndarray:
    listener = SpeechDetector()
    return np.concatenate([part.turn for part in [*map(listener.push, heard(sound)), listener.finish()]])


def test_a_turn_outlasts_speech_by_half_a_second_of_quiet():
    turn = turns(np.concatenate((babble(2.0), white_noise(1.0, 0.001))))
    assert turn[15:54].min() == 1
    assert not turn[65:].any()


def test_perfect_silence_ends_a_turn_at_once():
    turn = turns(np.concatenate((babble(2.0), np.zeros(RATE, np.float32))))
    assert turn[15:50].min() == 1
    assert not turn[54:].any()


def test_a_turn_is_earned_by_speaking():
    turn = turns(np.concatenate((babble(0.2), np.zeros(RATE, np.float32))))
    assert not turn[14:].any()


def test_noise_ends_a_turn_sooner_than_quiet():
    after = [
        turns(np.concatenate((babble(2.0), noise)))[50:].sum()
        for noise in (white_noise(1.0, 0.001), white_noise(1.0))
    ]
    assert after[1] < 0.8 * after[0]
