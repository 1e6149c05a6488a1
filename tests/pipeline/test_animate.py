import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import cameo3d
from cameo3d.errors import FaceError, InputError
from cameo3d.geometry.face_model import load_face_model
from cameo3d.media.audio import read_audio
from cameo3d.media.images import write_image
from cameo3d.models.voice.contract import Delivery
from cameo3d.pipeline.animate import animate, create, is_avatar_file, orbit
from cameo3d.pipeline.backgrounds import read_background
from cameo3d.pipeline.orbit import orbit_motion


@pytest.fixture(scope="module")
def avatar(astronaut_path):
    return create(astronaut_path)


@pytest.fixture
def motion(avatar):
    return replace(orbit_motion(avatar.person, 0.12, 0.2, 0.1), expression=torch.zeros(3, 52))


def test_exactly_one_driver_is_needed(avatar, motion):
    with pytest.raises(ValueError, match="exactly one"):
        animate(avatar)
    with pytest.raises(ValueError, match="exactly one"):
        animate(avatar, video="x.mp4", motion=motion)


def test_an_animation_can_be_drawn_again(avatar, motion):
    animation = animate(avatar, motion=motion)
    assert len(animation) == 3
    assert animation.size == (512, 512)
    assert animation.frame_rate == 25.0
    for one, other in zip(animation, animation, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_coloured_background_shows_where_the_person_is_not(avatar, motion):
    person = next(iter(animate(avatar, motion=motion, background="transparent")))
    frame = next(iter(animate(avatar, motion=motion, background="#204060")))
    assert person.shape == (512, 512, 4)
    beside = person[..., 3] == 0
    assert beside.any()
    assert (frame[beside] == (0x20, 0x40, 0x60)).all()


def test_a_picture_behind_covers_the_whole_frame(avatar, motion, tmp_path):
    wide = np.zeros((300, 900, 3), np.uint8)
    wide[:, 300:600] = 200  # what remains when a wide picture is cut to a square
    write_image(tmp_path / "wide.png", wide)
    animation = animate(avatar, motion=motion, background=tmp_path / "wide.png")
    assert animation.background is not None
    assert animation.background.shape == (512, 512, 3)
    assert (animation.background[:, 20:-20] == 200).all()


def test_a_still_pose_is_the_photos_own(avatar, motion):
    still = animate(avatar, motion=motion, pose="still").motion
    torch.testing.assert_close(still.rotation, avatar.person.rotation.expand(3, 3))


def test_an_absolute_motion_is_taken_over_as_it_is(avatar, motion):
    taken = animate(avatar, motion=motion, relative=False).motion
    torch.testing.assert_close(taken.expression, motion.expression, rtol=0, atol=0)
    torch.testing.assert_close(taken.rotation, motion.rotation, rtol=0, atol=0)
    torch.testing.assert_close(taken.gaze, motion.gaze, rtol=0, atol=0)


def test_an_orbit_keeps_the_photos_expression(avatar):
    motion = orbit(avatar, seconds=0.2).motion
    torch.testing.assert_close(motion.expression, avatar.person.expression.expand(5, 52))


def test_avatar_files_are_told_from_photos_by_content(avatar, astronaut_path, tmp_path):
    avatar.save(tmp_path / "renamed.png")
    assert is_avatar_file(tmp_path / "renamed.png")
    assert not is_avatar_file(astronaut_path)


def test_a_photo_without_a_face_is_named(tmp_path):
    write_image(tmp_path / "grey.png", np.full((200, 200, 3), 128, np.uint8))
    with pytest.raises(FaceError, match=r"grey\.png.*No face"):
        create(tmp_path / "grey.png")


def test_colours_are_checked(avatar, motion):
    for wrong in ("#12345g", "blau"):
        with pytest.raises(InputError, match="#rrggbb"):
            animate(avatar, motion=motion, background=wrong)


def test_colours_have_names():
    np.testing.assert_array_equal(read_background("White"), np.full((1, 1, 3), 255, np.uint8))
    np.testing.assert_array_equal(read_background("teal"), read_background("#008080"))


def test_a_driver_that_is_no_video_is_refused_before_the_photo_is_looked_at(astronaut_path, tmp_path):
    write_image(tmp_path / "grey.png", np.full((200, 200, 3), 128, np.uint8))
    with pytest.raises(InputError, match="video"):
        animate(tmp_path / "grey.png", video=astronaut_path)


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """The second and a half of the demo's voice that say "I am a computer"."""
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    demo = Path(cameo3d.__file__).parent / "assets" / "demo_voice.flac"
    sound = np.concatenate(list(read_audio(demo)))[17600:41600]
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", "NONE"))
        file.writeframes((32000 * sound).astype(np.int16).tobytes())
    return path


def test_a_voice_opens_and_closes_the_mouth_and_is_kept_as_the_sound(avatar, speech):
    spoken = animate(avatar, voice=speech, delivery=Delivery(seed=4))
    assert (len(spoken), spoken.audio, spoken.driver) == (38, speech, None)
    face = load_face_model()
    vertices = face.vertices(avatar.person.identity.expand(38, -1), spoken.motion.expression)
    lips = vertices[:, (13, 14), 1].diff(dim=1)
    assert lips.min() < 0.001, "metres"
    assert lips.max() > 0.004
    again = animate(avatar, voice=speech, delivery=Delivery(seed=4))
    assert torch.equal(spoken.motion.expression, again.motion.expression)
    assert next(iter(spoken)).shape == (512, 512, 3)


def test_a_speaker_can_hold_still_or_move_as_another_motion_does(avatar, motion, speech):
    still = animate(avatar, voice=speech, pose="still").motion
    assert torch.equal(still.rotation, avatar.person.rotation.expand(38, 3))
    assert torch.equal(still.gaze, avatar.person.gaze.expand(38, 2, 2))
    posed = animate(avatar, voice=speech, pose=motion).motion
    torch.testing.assert_close(posed.rotation[:3], animate(avatar, motion=motion).motion.rotation)
    torch.testing.assert_close(posed.expression, still.expression)
    natural = animate(avatar, voice=speech, pose="natural").motion
    assert natural.rotation.std(0).min() > 0.001
