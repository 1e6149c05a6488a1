import numpy as np
import torch

from cameo3d.data.portraits.labels import blink_spikes, eye_openings, mouth_amplitude
from cameo3d.data.portraits.pairs import draw_pair
from cameo3d.data.portraits.preparing import merged_background


def test_pairs_lie_far_apart():
    random = np.random.default_rng(0)
    for count in (2, 9, 500):
        for _ in range(300):
            source, target = draw_pair(count, random)
            assert 0 <= target < count
            assert abs(source - target) >= min(50, max((count - 1 - source) // 2, source // 2))
    assert draw_pair(1, random) == (0, 0)


def test_a_blink_is_a_spike_in_the_middle_of_closed_eyes_unless_it_lasts_to_the_end():
    opening = np.array([1, 1, 0.2, 0.1, 0.2, 1, 1, 0.84, 1, 1, 1, 0.1, 0.1])
    assert blink_spikes(opening).tolist() == [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0]


def test_the_opening_of_an_eye_is_its_height_over_its_width():
    landmarks = np.zeros((1, 478, 3))
    landmarks[0, 33, 0], landmarks[0, 133, 0], landmarks[0, 159, 1] = 0, 10, 3
    landmarks[0, 263, 0], landmarks[0, 362, 0], landmarks[0, 386, 1] = 30, 20, 5
    np.testing.assert_allclose(eye_openings(landmarks), [0.4])


def test_the_mouth_opens_as_far_as_in_one_frame_of_ten():
    points = torch.zeros(11, 68, 3)
    points[:, 57, 1] = torch.arange(11) / 10
    points[:, 57, 2] = 0.5
    assert abs(mouth_amplitude(points) - 1.4) < 1e-6


def test_the_background_is_what_any_frame_shows():
    frames = [np.full((64, 64, 3), value, np.uint8) for value in (100, 200)]
    people = [np.zeros((64, 64), bool) for _ in range(2)]
    people[0][:, :40] = True
    people[1][:, 24:] = True
    merged = merged_background(frames, people)
    assert (merged[:, :10] == 200).all()
    assert (merged[:, 54:] == 100).all()
    everywhere = [np.ones((64, 64), bool)] * 2
    assert not merged_background(frames, everywhere).any()
