import numpy as np

from cameo3d.pipeline.shots import PictureCuts, Shots, ShotStarts
from cameo3d.values import Crop

RNG = np.random.default_rng(0)
SCENES = RNG.integers(0, 255, (2, 9, 16, 3)).repeat(20, 1).repeat(20, 2).astype(np.uint8)


def cuts(frames):
    tells = PictureCuts()
    return [index for index, frame in enumerate(frames) if tells(frame)]


def face(x=100.0, size=50.0):
    points = np.zeros((478, 3), np.float32)
    points[:, 0], points[:, 1] = np.linspace(x - size / 2, x + size / 2, 478), 80
    return points


def starts(sightings, frame_rate=25.0):
    tells = ShotStarts(frame_rate)
    return [index for index, (points, is_cut) in enumerate(sightings) if tells(points, is_cut)]


def test_a_change_of_the_whole_picture_is_a_cut():
    assert cuts([SCENES[0]] * 5 + [SCENES[1]] * 5 + [SCENES[0]] * 5) == [5, 10]


def test_a_flash_a_moving_thing_and_a_steady_pan_are_no_cuts():
    flash = (SCENES[0] * 0.6).astype(np.uint8)
    brighter = flash + 60
    assert cuts([flash, flash, brighter, flash]) == []
    moving = [SCENES[0].copy() for _ in range(10)]
    for index, frame in enumerate(moving):
        frame[40:120, 20 * index : 20 * index + 80] = 0
    assert cuts(moving) == []
    assert cuts([np.roll(SCENES[0], 10 * index, 1) for index in range(10)][1:]) in ([], [1])


def test_a_face_that_jumps_or_grows_at_once_begins_a_shot():
    assert starts([(face(), False)] * 10 + [(face(160), False)] * 10) == [10]
    assert starts([(face(), False)] * 10 + [(face(size=70), False)] * 10) == [10]


def test_a_smaller_change_needs_a_cut_of_the_picture():
    there, near = [(face(), False)] * 10, [(face(110), False)] * 5
    assert starts([*there, *near]) == []
    assert starts([*there, (face(110), True), *near]) == [10]
    assert starts([*there, (face(), True), *there]) == []
    # The face is seen only some frames after the cut.
    assert starts([*there, (None, True), (None, False), *near]) == [12]


def test_a_walk_across_the_picture_is_one_shot_and_a_whip_pan_ends_in_one_more():
    assert starts([(face(100 + 10 * index), False) for index in range(40)]) == []
    whip = [(face(100 + 40 * index), False) for index in range(5)]
    assert len(starts([*[(face(), False)] * 20, *whip, *[(face(260), False)] * 20])) == 1


def test_frames_find_the_square_of_their_shot():
    near, far = Crop(1.0, 2.0, 3.0), Crop(4.0, 5.0, 6.0)
    shots = Shots((0, 7), (near, far))
    assert [shots.crop_at(index) for index in (0, 6, 7, 100)] == [near, near, far, far]
    assert shots.spans(9) == [(0, 7), (7, 9)]
