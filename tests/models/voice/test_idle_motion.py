import numpy as np
import pytest
import torch

from cameo3d.geometry.basel.pncc_blinks import blink_amount
from cameo3d.models.voice.contract import FRAME_RATE, Delivery
from cameo3d.models.voice.idle.idle_motion import LOOKAHEAD, PAST, Life
from cameo3d.models.voice.idle.noise import Band, Noise
from cameo3d.values import BLENDSHAPES, Motion

_LID = BLENDSHAPES.index("eyeBlinkLeft")


def voice(seconds: float, pause_every: float = 4.0) -> np.ndarray:
    """Windows of a voice with syllables, and a pause of a second in every few."""
    time = np.arange(round(seconds * FRAME_RATE) + PAST + LOOKAHEAD) / FRAME_RATE
    speech = (time % pause_every > 1.0).astype(np.float32)
    loudness = speech * (0.6 + 0.4 * np.sin(2 * np.pi * 1.3 * time))
    rows = np.stack((speech, loudness, speech * 0.2 * np.sin(2 * np.pi * 0.4 * time)), 1)
    return np.lib.stride_tricks.sliding_window_view(rows.astype(np.float32), PAST + 1 + LOOKAHEAD, axis=0)


def silence(seconds: float) -> np.ndarray:
    return np.zeros((round(seconds * FRAME_RATE), 3, PAST + 1 + LOOKAHEAD), np.float32)


def turning_speed(motion: Motion) -> np.ndarray:
    """Degrees a second."""
    return np.degrees(motion.rotation.diff(dim=0).norm(dim=1).numpy()) * motion.frame_rate


def blink_starts(motion: Motion) -> np.ndarray:
    shut = motion.expression[:, _LID].numpy() > 0.5
    return np.flatnonzero(shut[1:] & ~shut[:-1]) / motion.frame_rate


@pytest.fixture(scope="module")
def takes() -> list[Motion]:
    return [Life(Delivery(seed=seed)).advance(voice(120.0)) for seed in range(4)]


def test_people_blink_eight_to_twentyfive_times_a_minute(takes):
    for take in takes:
        assert 16 <= len(blink_starts(take)) <= 50  # in two minutes


def test_blinks_come_at_uneven_times_but_not_at_once(takes):
    waits = np.concatenate([np.diff(blink_starts(take)) for take in takes])
    assert waits.min() > 0.75
    assert waits.std() > 0.3 * waits.mean()


def test_lids_fall_faster_than_they_rise_and_both_together(takes):
    left, right = (takes[0].expression[:, BLENDSHAPES.index(f"eyeBlink{side}")] for side in ("Left", "Right"))
    assert torch.equal(left, right)
    starts = (blink_starts(takes[0]) * FRAME_RATE).astype(int)
    shapes = np.stack([left[start - 3 : start + 9].numpy() for start in starts if 3 < start < len(left) - 9])
    falling, rising = (np.diff(shapes, axis=1) > 0.05).sum(1), (np.diff(shapes, axis=1) < -0.05).sum(1)
    assert shapes.max(1).min() > 0.9
    assert 0.04 <= falling.mean() / FRAME_RATE <= 0.14
    assert 0.12 <= rising.mean() / FRAME_RATE <= 0.26


def test_heads_move_as_far_and_as_fast_as_real_ones(takes):
    # Middle 80 % of 123 windows of 4.9 s of real speakers (docs/cards/life.md).
    windows = [take.part(start, start + 122) for take in takes for start in range(0, 2900, 122)]

    def median_range(values: list[torch.Tensor]) -> np.ndarray:
        spread = [np.percentile(v.numpy(), 95, axis=0) - np.percentile(v.numpy(), 5, axis=0) for v in values]
        return np.median(spread, axis=0)

    turns = np.degrees(median_range([window.rotation for window in windows]))
    assert (turns > (3.0, 4.3, 2.4)).all()
    assert (turns < (17.8, 16.7, 14.0)).all()
    assert 6.2 < np.median([np.median(turning_speed(window)) for window in windows]) < 24.1


def test_a_head_settles_when_the_voice_rests(takes):
    spoken = np.median(turning_speed(takes[0]))
    assert np.median(turning_speed(Life(Delivery()).advance(silence(60.0)))) < 0.7 * spoken


def test_a_head_never_repeats_itself(takes):
    yaw = takes[0].rotation[:, 0].numpy() - takes[0].rotation[:, 0].mean().item()
    power = np.correlate(yaw, yaw, "full")[len(yaw) - 1 :] / (yaw @ yaw)
    assert np.abs(power[250:2000]).max() < 0.5  # a loop of 10 to 80 s would come near 1


def test_nods_and_brows_follow_the_loudness_of_the_voice(takes):
    loud = voice(120.0)[:, 1, PAST]
    brows = [BLENDSHAPES.index("browInnerUp"), BLENDSHAPES.index("browDownLeft")]
    for move in ("pitch", "brows"):
        together = np.zeros(2999)
        for take in takes:
            pitch = take.rotation[:, 1].numpy()
            raised = (take.expression[:, brows[0]] - take.expression[:, brows[1]]).numpy()
            together += np.diff(pitch if move == "pitch" else raised)
        lags = [np.corrcoef(together[12:], np.diff(np.roll(loud, lag))[12:])[0, 1] for lag in range(-4, 13)]
        assert max(map(abs, lags)) > 0.3


def test_eyes_stay_near_the_viewer_while_the_head_turns(takes):
    head = takes[0].rotation[:, :2]
    seen = (takes[0].gaze[:, 0] + head).abs()
    assert seen.median(0).values.max() < 0.6 * head.abs().median(0).values.max()
    assert torch.equal(takes[0].gaze[:, 0], takes[0].gaze[:, 1])


def test_the_same_seed_is_the_same_take_however_it_is_cut():
    windows, whole = voice(30.0), Life(Delivery(seed=5)).advance(voice(30.0))
    life = Life(Delivery(seed=5))
    parts = [life.advance(part) for part in np.array_split(windows, [1, 2, 300, 301, 555])]
    for name in ("expression", "rotation", "translation", "gaze"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(whole, name))
    other = Life(Delivery(seed=6)).advance(windows)
    assert (other.rotation - whole.rotation).abs().max() > 0.02


def test_still_heads_and_open_eyes_can_be_had():
    still = Life(Delivery(pose="still", blink="none")).advance(voice(30.0))
    assert not still.rotation.any()
    assert not still.gaze.any()
    assert not still.expression[:, _LID].any()
    assert still.translation.unique(dim=0).tolist() == [[0.0, 0.0, 1.0]]
    assert still.expression[:, BLENDSHAPES.index("browInnerUp")].std() > 0.02


def test_bands_of_noise_have_variance_one():
    noise = Noise(0, normals=40, uniforms=1)
    sway = Band((0.3, 1.0), noise.earlier(40)).filter(noise.take(4000)[0])
    assert abs(sway.std() - 1) < 0.03


def test_regular_blinks_come_every_five_seconds_however_the_sound_is_cut():
    windows = voice(12.0)
    life = Life(Delivery(blink="period", seed=4))
    parts = [life.advance(windows[:100]), life.advance(windows[100:])]
    lids = torch.cat([part.expression[:, _LID] for part in parts])
    expected = torch.tensor([blink_amount(frame, 4) for frame in range(len(windows))])
    torch.testing.assert_close(lids, expected)
