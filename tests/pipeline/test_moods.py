from dataclasses import replace

import numpy as np
import pytest
import torch
from made_person import made_person

from cameo3d.models.voice.contract import Delivery, Mood
from cameo3d.models.voice.idle.idle_motion import LOOKAHEAD, PAST, Life
from cameo3d.pipeline.moods import mood_weights
from cameo3d.pipeline.retarget import voiced_motion
from cameo3d.values import BLENDSHAPES
from cameo3d.values.motion import still_motion

SMILE, BROW = BLENDSHAPES.index("mouthSmileLeft"), BLENDSHAPES.index("browInnerUp")


def smiling():
    expression = torch.zeros(52)
    expression[[SMILE, BROW]] = torch.tensor([0.8, 0.5])
    return made_person(expression=expression)


@pytest.mark.parametrize("mood", ["neutral", "happy", "sad", "angry", "surprised"])
def test_a_mood_takes_the_place_of_the_photos_habits(mood: Mood):
    spoken = voiced_motion(still_motion(30), smiling(), mood)
    weights = mood_weights(mood)
    brows = [i for i, name in enumerate(BLENDSHAPES) if name.startswith(("brow", "eyeSquint", "eyeWide"))]
    torch.testing.assert_close(spoken.expression[:, brows], weights[brows].expand(30, -1))
    assert bool((spoken.expression[:, SMILE] > 0).all()) == bool(weights[SMILE] > 0)


def test_without_a_mood_the_photos_habits_stay():
    spoken = voiced_motion(still_motion(30), smiling())
    assert (spoken.expression[:, BROW] == 0.5).all()
    assert (spoken.expression[:, SMILE] > 0.5).all()


def test_moods_differ_where_one_would_look_for_them():
    moods: tuple[Mood, ...] = ("happy", "sad", "angry", "surprised")
    shapes = {mood: {BLENDSHAPES[i] for i in mood_weights(mood).nonzero()[:, 0].tolist()} for mood in moods}
    assert "mouthSmileLeft" in shapes["happy"]
    assert {"mouthFrownRight", "browInnerUp"} <= shapes["sad"]
    assert "browDownLeft" in shapes["angry"]
    assert {"browOuterUpRight", "eyeWideLeft"} <= shapes["surprised"]
    assert not mood_weights("neutral").any()


@pytest.mark.parametrize(("mood", "told"), [("photo", False), ("happy", True)])
def test_coefficients_of_the_basel_model_learn_of_a_mood_and_not_of_habits(mood: Mood, told):
    voice = replace(still_motion(5), basel=torch.zeros(5, 64)).settled()
    spoken = voiced_motion(voice, smiling(), mood)
    assert spoken.basel_weights is not None
    difference = (spoken.expression - spoken.basel_weights)[:, SMILE]
    assert bool((difference > 0.1).all()) == told


def test_a_head_in_a_lively_mood_moves_by_one_standard_deviation_more():
    windows = np.random.default_rng(0).random((50, 3, PAST + 1 + LOOKAHEAD), np.float32)
    usual, sad, happy = (Life(Delivery(mood=mood)).advance(windows) for mood in ("photo", "sad", "happy"))
    assert torch.equal(usual.rotation, sad.rotation)
    torch.testing.assert_close(happy.rotation, usual.rotation * 1.3693, rtol=1e-3, atol=1e-6)
    assert torch.equal(usual.expression[:, BROW], happy.expression[:, BROW])
