import dataclasses

import numpy as np
import pytest
from faces_making import BLACK, RESTING, case, face, moment, talk, voice_of, write_sound

from cameo3d.errors import InputError
from cameo3d.evaluation.measures import Figures, Meter, Moment
from cameo3d.evaluation.metrics.lip_meters import (
    eye_correlation_meter,
    lip_correlation_meter,
    lip_delay_meter,
    voice_meters,
)
from cameo3d.evaluation.metrics.meters import filled
from cameo3d.evaluation.metrics.motion_meters import (
    blink_meter,
    expression_meter,
    keypoint_meter,
    lip_shape_meter,
    pose_meter,
    rest_meter,
)
from cameo3d.evaluation.metrics.picture_meters import head_l1_meter, l1_meter, psnr_meter

RANDOM = np.random.default_rng(0)


def figures(meter: Meter, moments: list[Moment]) -> Figures:
    for one in moments:
        meter.add(one)
    return meter.figures()


def value(meter: Meter, moments: list[Moment]) -> float:
    found = figures(meter, moments)
    assert found.value is not None, found.why
    return found.value


def test_frames_are_averaged_and_kept_for_plots():
    truth, gray = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 51, np.uint8)
    moments = [Moment(output, truth, None, None) for output in (truth, gray)]
    found = figures(l1_meter(), moments)
    assert found.value == pytest.approx(0.1)
    assert found.per_frame == pytest.approx([0.0, 0.2])


def test_equal_frames_keep_the_mean_of_decibels_finite():
    assert value(psnr_meter(), [Moment(BLACK, BLACK, None, None)]) == 100


def test_without_truth_there_is_a_reason():
    found = figures(l1_meter(), [Moment(BLACK, None, None, None)])
    assert found == Figures(None, "There is no true picture of this to compare with.")


def test_pictures_of_another_size_are_refused():
    with pytest.raises(InputError, match="The output has 64x64 pixels and the truth 32x32"):
        l1_meter().add(Moment(BLACK, BLACK[:32, :32], None, None))


def test_the_head_counts_alone():
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[:, :2] = 24
    landmarks[1, :2] = 40  # a face from 24 to 40: a head from 20 to 44 across, from 16 to 42 down
    output = np.full((64, 64, 3), 255, np.uint8)
    output[16:42, 20:44] = 51
    assert value(head_l1_meter(), [Moment(output, BLACK, None, face(landmarks=landmarks))]) == pytest.approx(
        0.2
    )
    assert figures(head_l1_meter(), [Moment(output, BLACK, None, None)]).value is None


def eyes(opening: float) -> np.ndarray:
    landmarks = RESTING.copy()
    for corners, lower, upper in (
        ((33, 133), (144, 145, 153), (160, 159, 158)),
        ((263, 362), (373, 374, 380), (387, 386, 385)),
    ):
        landmarks[list(corners)] = (0, 0, 0), (1, 0, 0)
        landmarks[list(lower)], landmarks[list(upper)] = (0.5, 0, 0), (0.5, opening, 0)
    return landmarks


def test_eyes_go_with_the_drivers_and_eyes_that_hardly_move_have_no_figure():
    blinks = [0.3, 0.3, 0.1, 0.0, 0.2, 0.3]
    same = [moment(face(landmarks=eyes(2 * x)), face(landmarks=eyes(x))) for x in blinks]
    assert value(eye_correlation_meter(), same) == pytest.approx(1)
    against = [moment(face(landmarks=eyes(1 - x)), face(landmarks=eyes(x))) for x in blinks]
    assert value(eye_correlation_meter(), against) == pytest.approx(-1)
    still = [moment(face(landmarks=eyes(x)), face(landmarks=eyes(0.3 + 0.01 * x))) for x in blinks]
    assert "hardly move" in figures(eye_correlation_meter(), still).why


def test_frames_without_a_face_are_left_out():
    found = figures(expression_meter(), [moment(face(10.4), face()), moment(None, face())])
    assert found.value == pytest.approx(0.52 / 52)
    assert found.per_frame == [pytest.approx(0.01), None]


def test_keypoints_are_measured_in_frames_256_wide():
    shifted = face(landmarks=RESTING + np.array((3, 4, 0), np.float32))
    assert value(keypoint_meter(), [moment(shifted, face())]) == pytest.approx(5 * 256 / 64)


def test_size_and_turn_of_the_head_do_not_change_its_lips():
    turned = RESTING @ np.array(((0.9, 0.3, 0.0), (-0.3, 0.9, 0.0), (0.0, 0.0, 0.9487)), np.float32)
    # Turned in the image only and enlarged, which the weak perspective keeps.
    assert value(lip_shape_meter(), [moment(face(landmarks=turned), face())]) < 0.05
    assert value(lip_shape_meter(), [moment(face(6.0), face())]) > 1.0


@pytest.mark.parametrize("maker", [keypoint_meter, lip_shape_meter])
def test_more_noise_on_landmarks_is_worse(maker):
    noise = RANDOM.normal(size=RESTING.shape).astype(np.float32)
    values = [
        value(maker(), [moment(face(landmarks=RESTING + np.float32(strength) * noise), face())])
        for strength in (0, 0.3, 1, 3)
    ]
    assert values[0] == pytest.approx(0, abs=1e-4)
    assert values == sorted(values)


def test_more_turn_and_more_expression_are_worse():
    still = face()
    turned, bent = [], []
    for strength in (0.0, 0.1, 0.4, 0.9):
        other = dataclasses.replace(still, rotation=np.full(3, strength, np.float32))
        turned.append(value(pose_meter(), [moment(other, still)]))
        bent.append(value(expression_meter(), [moment(face(20 * strength), still)]))
    assert turned == pytest.approx([0.0, 0.1, 0.4, 0.9])
    assert bent == pytest.approx([0.0, 0.1 / 52, 0.4 / 52, 0.9 / 52])


def test_blinks_of_the_driver_are_the_reference():
    shut = [0.0, 0.9, 0.0, 0.0, 0.8, 0.0]
    found = figures(blink_meter(case()), [moment(face(blink=x), face()) for x in shut])
    assert found.value == pytest.approx(60 * 25 * 2 / 6)
    assert found.reference == 0


def test_lips_that_tremble_in_silence_do_not_rest(tmp_path):
    sound = write_sound(tmp_path / "half.wav", voice_of(np.r_[np.full(50, 10.0), np.zeros(50)]))
    values = []
    for tremble in (0.0, 1.0, 3.0):
        openings = np.r_[RANDOM.uniform(0, 9, 50), tremble * RANDOM.uniform(0, 1, 50)]
        values.append(value(rest_meter(case(sound)), [moment(face(x), face()) for x in openings]))
    assert values[0] == pytest.approx(0, abs=1e-4)
    assert values == sorted(values)


def late_talk(late: int) -> list[Moment]:
    true = talk()
    said = np.r_[np.zeros(20), true, np.zeros(20)]
    return [
        moment(face(mine), face(his)) for mine, his in zip(said[20 - late : 170 - late], true, strict=True)
    ]


def test_more_delay_of_lips_is_worse():
    delays = (0, 1, 3, 6)
    assert [value(lip_delay_meter(case()), late_talk(late)) for late in delays] == [0, 40, 120, 240]
    assert value(lip_delay_meter(case(frame_rate=50.0)), late_talk(-2)) == -40
    matches = [value(lip_correlation_meter(), late_talk(late)) for late in (0, 1, 3)]
    assert matches[0] == pytest.approx(1)
    assert matches == sorted(matches, reverse=True)


@pytest.mark.parametrize("late", [-9, 0, 2, 5, 12])
def test_a_delay_against_the_voice_is_found(tmp_path, late):
    sound = write_sound(tmp_path / "voice.wav", voice_of(talk()))
    offset, _ = voice_meters(case(sound))
    assert value(offset, late_talk(late)) == pytest.approx(40 * late, abs=40)


def test_lips_of_another_sentence_are_less_clear_and_have_no_delay(tmp_path):
    sound = write_sound(tmp_path / "voice.wav", voice_of(talk()))
    other = [moment(face(x), face(y)) for x, y in zip(talk(seed=5), talk(), strict=True)]
    offset, clearness = voice_meters(case(sound))
    found = figures(clearness, other)
    assert found.value is not None
    assert found.reference is not None
    assert found.value < 0.7 * found.reference
    found = figures(offset, other)
    assert found.value is None
    assert "match too vaguely" in found.why


def test_clips_without_sound_or_length_or_motion_say_why(tmp_path):
    silent = voice_meters(case())[0]
    assert figures(silent, late_talk(0)).why == "The clip has no sound."
    sound = write_sound(tmp_path / "voice.wav", voice_of(talk()))
    short = figures(voice_meters(case(sound))[0], late_talk(0)[:30])
    assert short.why == "A delay needs more than 30 frames, the clip has 30."
    dead = figures(voice_meters(case(sound))[0], [moment(face())] * 60)
    assert dead.why == "A mouth that never moves, or a sound that never changes, has no delay."
    alone = figures(lip_delay_meter(case()), [moment(face())] * 60)
    assert alone.why == "The output's or the driver's face is seen in less than half of the frames."


def test_gaps_are_filled_unless_most_is_missing():
    assert filled([None, 1.0, None, 3.0]) == pytest.approx([1, 1, 2, 3])
    assert filled([None, None, 1.0]) is None
    assert filled([]) is None
