from dataclasses import replace

import numpy as np
import pytest
import torch
from made_person import made_person

from cameo3d.live.session import LiveSession
from cameo3d.pipeline.adjustments import Adjustments
from cameo3d.values.motion import still_motion


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def session():
    return LiveSession(made_person(), clock=Clock())


def moments(session, count):
    for _ in range(count):
        session._clock.now += 0.04
        yield session.next()


def posed(**changes):
    return replace(still_motion(1), **changes)


def test_an_idle_head_breathes_blinks_and_moves_without_a_jump(session):
    motions = [moment.motion for moment in moments(session, 400)]
    lids = torch.cat([motion.expression[:, 0] for motion in motions])
    assert 1 <= int(((lids[:-1] < 0.5) & (lids[1:] >= 0.5)).sum()) <= 12  # in 16 s
    rotations = torch.cat([motion.rotation for motion in motions])
    assert rotations.std(0).min() > 1e-4
    assert rotations.diff(dim=0).norm(dim=1).max() < 0.02


def test_two_seeds_live_otherwise_and_one_always_alike():
    from cameo3d.models.voice.contract import Delivery

    def rotations(seed):
        session = LiveSession(made_person(), delivery=Delivery(seed=seed), clock=Clock())
        return torch.cat([moment.motion.rotation for moment in moments(session, 30)])

    assert torch.equal(rotations(1), rotations(1))
    assert not torch.allclose(rotations(1), rotations(2), atol=1e-3)


def test_a_webcams_face_is_followed_and_its_number_comes_back(session):
    list(moments(session, 5))
    neutral, smile = posed(), posed(rotation=torch.tensor([[0.2, 0.0, 0.0]]))
    session.follow(neutral, neutral, 1)
    list(moments(session, 30))
    for number in range(2, 32):
        session.follow(smile, neutral, number)
        (moment,) = moments(session, 1)
    assert moment.face == 31
    assert float(moment.motion.rotation[0, 0]) == pytest.approx(0.2, abs=0.02)


def test_when_the_face_is_lost_the_head_lives_on_without_a_jump(session):
    neutral, turned = posed(), posed(rotation=torch.tensor([[0.3, 0.0, 0.0]]))
    before = []
    for number in range(20):
        session.follow(turned, neutral, number)
        before = list(moments(session, 1))
    after = list(moments(session, 60))
    yaws = torch.tensor([float(moment.motion.rotation[0, 0]) for moment in before + after])
    assert float(yaws.diff().abs().max()) < 0.06  # where a jump would be 0.3
    assert abs(float(yaws[-1])) < 0.15
    assert after[-1].face == 0


def test_a_motion_plays_once_at_its_own_speed_and_an_interruption_ends_it(session):
    count = 50
    swing = replace(
        still_motion(count, 50.0),
        rotation=torch.stack((torch.linspace(0, 0.3, count), torch.zeros(count), torch.zeros(count)), 1),
    )
    session.play(swing)
    yaws = [float(moment.motion.rotation[0, 0]) for moment in moments(session, 25)]
    assert yaws[22] - yaws[12] == pytest.approx(0.3 * 20 / 49, abs=0.01)
    session.play(swing)
    list(moments(session, 5))
    session.interrupt()
    after = [float(moment.motion.rotation[0, 0]) for moment in moments(session, 60)]
    assert abs(after[-1]) < 0.1


def test_the_voice_moves_the_lips_while_the_webcam_moves_the_head(session, demo_voice_path):
    from cameo3d.live.voice_line import MOUTH
    from cameo3d.media.audio import read_audio

    voice = np.concatenate(list(read_audio(demo_voice_path, 16000)))[:32000]
    session.say(voice, 16000)
    neutral, turned = posed(), posed(rotation=torch.tensor([[0.2, 0.0, 0.0]]))
    lips, yaws = [], []
    for number in range(1, 45):
        session.follow(turned, neutral, number)
        (moment,) = moments(session, 1)
        lips.append(float(moment.motion.expression[:, MOUTH].max()))
        yaws.append(float(moment.motion.rotation[0, 0]))
    assert max(lips[10:]) > 0.2
    assert yaws[-1] == pytest.approx(0.2, abs=0.03)


def test_adjustments_change_every_frame_and_come_in_without_a_jump(session):
    list(moments(session, 10))
    plain = next(moments(session, 1)).motion
    session.adjustments = Adjustments(head=(20.0, 0.0, 0.0))
    after = [moment.motion.rotation[0, 0] for moment in moments(session, 40)]
    assert abs(float(after[0] - plain.rotation[0, 0])) < 0.03
    assert float(after[-1]) > 0.25
