import numpy as np
import pytest

from cameo3d.live.attention import Breath, Nods, Pointer
from cameo3d.media.audio import read_audio


def test_the_head_turns_to_the_pointer_and_the_eyes_are_there_first():
    pointer = Pointer()
    pointer.aim(1.0, -1.0)
    heads, looks = zip(*(pointer.next() for _ in range(50)), strict=True)
    heads, sights = np.array(heads), np.array(heads) + np.array(looks)
    # Positive yaw turns the nose to the image's left, positive pitch down.
    assert heads[-1][0] < -0.2
    assert heads[-1][1] < -0.1
    share = np.abs(sights[4] / sights[-1])
    assert (share > np.abs(heads[4] / heads[-1]) + 0.2).all()


def test_the_pointer_never_makes_the_head_jump_or_overshoot():
    pointer = Pointer()
    pointer.aim(1.5, 0.0)
    yaws = np.array([pointer.next()[0][0] for _ in range(100)])
    assert (np.diff(yaws) <= 1e-9).all()
    assert np.abs(np.diff(yaws)).max() < 0.06


def test_far_and_impossible_targets_turn_no_further_than_the_limit():
    pointer = Pointer()
    pointer.aim(float("nan"), 1e9)
    head = [pointer.next()[0] for _ in range(100)][-1]
    assert head[0] == pytest.approx(0)
    assert 0 < head[1] < 0.3


def test_breathing_is_slow_bounded_and_never_repeats():
    breath = Breath(0)
    chest = np.array([breath.next() for _ in range(25 * 120)])
    assert np.abs(chest).max() <= 1
    assert np.abs(np.diff(chest)).max() < 0.12
    breaths = np.sum((chest[:-1] < 0) & (chest[1:] >= 0)) / 2
    assert 10 < breaths < 20  # a minute
    first = chest[:250]
    others = [np.corrcoef(first, chest[start : start + 250])[0, 1] for start in range(250, 2700, 5)]
    assert max(others) < 0.995


def test_a_listener_nods_where_phrases_end_and_not_in_silence(demo_voice_path):
    nods = Nods(0)
    nods.hear(np.zeros(16000, np.float32))
    assert not any(nods.next() for _ in range(25))
    voice = np.concatenate(list(read_audio(demo_voice_path, 16000)))
    pitches = []
    for start in range(0, 2 * len(voice), 640):
        nods.hear(np.tile(voice, 2)[start : start + 640])
        pitches.append(nods.next())
    assert max(pitches) > 0.03
    assert np.mean(np.array(pitches) != 0) < 0.5
