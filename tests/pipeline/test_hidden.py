from dataclasses import replace

import pytest
import torch

from cameo3d.media.images import read_image
from cameo3d.models.relief import RELIEF
from cameo3d.pipeline.hidden import held_where_hidden, hidden_notices
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.values import BLENDSHAPES, Motion
from cameo3d.values.portrait import Sight


@pytest.fixture(scope="module")
def avatar(astronaut_path):
    return RELIEF.encode([make_portrait(read_image(astronaut_path))])


@pytest.fixture
def motion(avatar):
    """Everything moves at half its strength."""
    return Motion(
        torch.full((3, 52), 0.5),
        avatar.person.rotation.expand(3, 3),
        avatar.person.translation.expand(3, 3),
        torch.full((3, 2, 2), 0.3),
        25.0,
        "test",
        basel=torch.ones(3, 64),
    )


def _changed(before, after):
    differs = (before.expression != after.expression).any(0)
    return {name for name, changed in zip(BLENDSHAPES, differs.tolist(), strict=True) if changed}


def test_what_is_seen_moves_as_it_did(avatar, motion):
    assert held_where_hidden(motion, avatar.person, Sight(0.4, 0.4, 0.3, 0.3, 0.4, 0.4)) is motion


def test_a_covered_eye_holds_its_lids_and_its_gaze_and_nothing_else(avatar, motion):
    held = held_where_hidden(motion, avatar.person, Sight(right_covered=0.9, right_shut=0.9))
    assert all(name.startswith("eye") and name.endswith("Right") for name in _changed(motion, held))
    blink = BLENDSHAPES.index("eyeBlinkRight")
    assert (held.expression[:, blink] == avatar.person.expression[blink]).all()
    assert (held.gaze[:, 1] == avatar.person.gaze[1]).all()
    assert (held.gaze[:, 0] == motion.gaze[:, 0]).all()
    assert held.basel is None


def test_shut_eyes_close_further_but_do_not_open(avatar, motion):
    blink = BLENDSHAPES.index("eyeBlinkLeft")
    source = replace(avatar.person, expression=avatar.person.expression.clone())
    source.expression[blink] = 0.7
    motion.expression[:, blink] = torch.tensor([0.0, 0.7, 1.0])
    held = held_where_hidden(motion, source, Sight(left_shut=0.8))
    torch.testing.assert_close(held.expression[:, blink], torch.tensor([0.7, 0.7, 1.0]))


def test_a_shout_that_shows_its_tongue_inside_moves(avatar, motion):
    assert held_where_hidden(motion, avatar.person, Sight(tongue_out=0.77)) is motion


@pytest.mark.parametrize("sight", [Sight(mouth_covered=0.9), Sight(tongue_out=0.9)])
def test_a_mouth_that_is_covered_or_shows_its_tongue_stays_as_it_is(avatar, motion, sight):
    held = held_where_hidden(motion, avatar.person, sight)
    mouth = [i for i, name in enumerate(BLENDSHAPES) if name.startswith(("jaw", "mouth", "tongue"))]
    assert (held.expression[:, mouth] == avatar.person.expression[mouth]).all()
    brow = BLENDSHAPES.index("browInnerUp")
    assert (held.expression[:, brow] == 0.5).all()


@pytest.mark.parametrize(
    ("sight", "words"),
    [
        (Sight(), []),
        (Sight(0.97, 0.91), [("Both eyes are covered", "91% sure", "--hidden move")]),
        (Sight(right_covered=0.8), [("right eye is covered", "80% sure", "--hidden move")]),
        (Sight(left_shut=0.7, right_shut=0.6), [("shut or lowered", "60% sure", "--hidden move")]),
        (Sight(tongue_out=0.9), [("tongue is out", "90% sure", "another photo", "--hidden move")]),
        (
            Sight(0.9, 0.9, 0.9, 0.9, 0.9),
            [("Both eyes are covered", "--hidden move"), ("mouth is covered", "90% sure", "--hidden move")],
        ),
    ],
)
def test_each_notice_says_what_stays_how_sure_that_is_and_what_changes_it(sight, words):
    told = list(hidden_notices(sight))
    assert len(told) == len(words)
    for sentence, expected in zip(told, words, strict=True):
        assert all(word in sentence for word in expected), sentence
