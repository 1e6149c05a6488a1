import cv2
import numpy as np
import pytest
import skimage.data
import torch

from cameo3d.media.video import VideoWriter
from cameo3d.perception.landmarks import find_faces
from cameo3d.perception.sight import covered_parts
from cameo3d.pipeline.motion import track_video
from cameo3d.pipeline.unseen import PARTS, confidences, rested_where_unseen
from cameo3d.values import BLENDSHAPES, Motion
from cameo3d.values.motion_files import load_motion, save_motion

JAW, SMILE = BLENDSHAPES.index("jawOpen"), BLENDSHAPES.index("mouthSmileLeft")
BLINK_LEFT, BLINK_RIGHT = BLENDSHAPES.index("eyeBlinkLeft"), BLENDSHAPES.index("eyeBlinkRight")
IN_LEFT, OUT_RIGHT = BLENDSHAPES.index("eyeLookInLeft"), BLENDSHAPES.index("eyeLookOutRight")
BROW = BLENDSHAPES.index("browInnerUp")


@pytest.fixture
def motion() -> Motion:
    """Three seconds; all weights are 0.4, the eyes look aside."""
    gaze = torch.full((75, 2, 2), 0.2)
    return Motion(torch.full((75, 52), 0.4), torch.zeros(75, 3), torch.ones(75, 3), gaze, 25.0, "test")


def seen(part: str | None = None, start: int = 25, end: int = 60) -> torch.Tensor:
    sure = torch.ones(75, 4)
    if part is not None:
        sure[start:end, PARTS.index(part)] = 0.0
    return sure


def test_what_is_seen_is_left_alone(motion):
    assert rested_where_unseen(motion, seen()) is motion
    assert rested_where_unseen(motion, seen() * 0.7) is motion


def test_a_mouth_that_stays_hidden_eases_to_rest_and_back(motion):
    rested = rested_where_unseen(motion, seen("mouth")).expression
    torch.testing.assert_close(rested[:15], motion.expression[:15])
    torch.testing.assert_close(rested[70:], motion.expression[70:])
    assert rested[42, JAW] < 0.05
    assert rested[:, JAW].diff().abs().max() < 0.1  # no jump
    assert (rested[:, BROW] == 0.4).all()
    assert (rested[:, BLINK_LEFT] == 0.4).all()


def test_a_mouth_that_is_hidden_shortly_goes_straight_to_what_comes_after(motion):
    motion.expression[:, JAW] = torch.where(torch.arange(75) < 34, 0.2, 0.6)
    motion.expression[30:36, JAW] = 1.0  # guessed behind the hand
    rested = rested_where_unseen(motion, seen("mouth", 30, 36)).expression[:, JAW]
    assert rested[28:40].max() < 0.65
    assert (rested[24:42].diff() > -0.02).all()


def test_a_hidden_eye_does_what_the_other_does(motion):
    motion.expression[:, BLINK_LEFT] = torch.linspace(0, 1, 75)
    motion.expression[:, IN_LEFT] = 0.7
    motion.gaze[:, 0] = 0.5
    rested = rested_where_unseen(motion, seen("right_eye"))
    middle = slice(32, 53)
    torch.testing.assert_close(
        rested.expression[middle, BLINK_RIGHT], rested.expression[middle, BLINK_LEFT], atol=0.02, rtol=0
    )
    torch.testing.assert_close(
        rested.expression[middle, OUT_RIGHT], torch.full((21,), 0.7), atol=0.02, rtol=0
    )
    torch.testing.assert_close(rested.gaze[middle, 1], rested.gaze[middle, 0], atol=0.02, rtol=0)
    torch.testing.assert_close(rested.expression[:, JAW], motion.expression[:, JAW])


def test_two_hidden_eyes_rest_open(motion):
    sure = seen("left_eye")
    sure[:, PARTS.index("right_eye")] = sure[:, PARTS.index("left_eye")]
    motion.expression[25:60, [BLINK_LEFT, BLINK_RIGHT]] = 1.0
    rested = rested_where_unseen(motion, sure)
    assert rested.expression[42, [BLINK_LEFT, BLINK_RIGHT]].max() < 0.05
    torch.testing.assert_close(rested.gaze[42], motion.gaze[0], atol=0.02, rtol=0)


def test_confidences_reach_from_look_to_look_and_one_odd_look_does_not_count():
    looks = {
        index: np.array((1.0, 0.9, 0.0 if index in (4, 16, 20, 24) else 1.0)) for index in range(0, 40, 4)
    }
    sure = confidences(looks, np.ones(40)).numpy()
    assert sure.shape == (40, 4)
    assert sure[4, 3] == 1
    assert sure[20, 3] == 0
    np.testing.assert_allclose(sure[:, 2], 0.9)
    blind = np.ones(40)
    blind[7] = 0
    assert (confidences(looks, blind)[7] == 0).all()


def hidden_mouth(picture, landmarks):
    """A dark scarf over mouth and chin."""
    covered = picture.copy()
    lips, chin = landmarks[[61, 291], :2], landmarks[152, :2]
    width = np.ptp(lips[:, 0])
    left, right = (lips[:, 0].min() - 0.6 * width, lips[:, 0].max() + 0.6 * width)
    top, bottom = lips[:, 1].min() - 0.35 * width, chin[1] + 0.2 * width
    cv2.rectangle(covered, (int(left), int(top)), (int(right), int(bottom)), (40, 40, 70), -1)
    return covered


def test_a_scarf_over_the_mouth_of_a_driver_is_seen_and_lets_it_rest(tmp_path, caplog):
    picture = np.ascontiguousarray(skimage.data.astronaut()[:320, 60:380])
    landmarks = find_faces(picture)[0]
    scarf = hidden_mouth(picture, landmarks)
    assert covered_parts(picture, landmarks).max() < 0.3
    assert covered_parts(scarf, landmarks)[2] > 0.7
    with VideoWriter(tmp_path / "scarf.mp4", (320, 320), 25) as writer:
        for index in range(48):
            writer.write(scarf if 16 <= index < 40 else picture)
    tracked = track_video(tmp_path / "scarf.mp4", smooth=0.0)
    sure = tracked.seen[:, PARTS.index("mouth")]
    assert sure[:12].min() > 0.7
    assert sure[22:34].max() < 0.3
    smile = tracked.motion.expression[:, SMILE]
    assert smile[5] > 0.2  # she smiles
    assert smile[28] < 0.3 * smile[5]
    assert "mouth is hidden in" in caplog.text
    save_motion(tracked.motion, tmp_path / "scarf.csv", tracked.seen)
    head = (tmp_path / "scarf.csv").read_text().splitlines()[3]
    assert head.endswith(",seen_face,seen_left_eye,seen_right_eye,seen_mouth")
    caplog.clear()
    assert len(load_motion(tmp_path / "scarf.csv")) == 48
    assert not caplog.text
