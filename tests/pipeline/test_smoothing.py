from dataclasses import replace

import pytest
import torch

from cameo3d.pipeline.smoothing import smooth_motion
from cameo3d.values import BLENDSHAPES
from cameo3d.values.motion import still_motion

BLINK = BLENDSHAPES.index("eyeBlinkLeft")


def noisy(frame_count=200, rate=25.0):
    """A head at rest as a tracker sees it: a quarter of a degree, half a millimetre, 3 mm of distance."""
    generator = torch.Generator().manual_seed(0)
    motion = still_motion(frame_count, rate)

    def noise(*shape):
        return torch.randn(*shape, generator=generator)

    return replace(
        motion,
        expression=(0.3 + 0.01 * noise(frame_count, 52)).clamp(0, 1),
        rotation=0.004 * noise(frame_count, 3),
        translation=motion.translation + noise(frame_count, 3) * torch.tensor([0.0005, 0.0005, 0.003]),
        gaze=0.02 * noise(frame_count, 2, 2),
    )


def test_without_strength_nothing_changes():
    motion = noisy()
    assert smooth_motion(motion, 0.0) is motion


@pytest.mark.parametrize("rate", [25.0, 60.0])
def test_a_head_at_rest_stops_trembling(rate):
    motion = noisy(rate=rate)
    calm = smooth_motion(motion, 0.5)
    for name, share in (("rotation", 0.5), ("translation", 0.5), ("gaze", 0.7), ("expression", 0.8)):
        before, after = (getattr(one, name).diff(dim=0).std() for one in (motion, calm))
        assert after < share * before, name


def test_more_strength_is_calmer():
    motion = noisy()
    strengths = (0.0, 0.3, 0.6, 1.0)
    trembling = [smooth_motion(motion, strength).rotation.diff(dim=0).std() for strength in strengths]
    assert trembling == sorted(trembling, reverse=True)


def test_a_turn_comes_neither_late_nor_smaller():
    motion = still_motion(100)
    time = torch.arange(100) / 25
    turn = 0.3 * torch.exp(-(((time - 2) / 0.25) ** 2))
    calm = smooth_motion(replace(motion, rotation=torch.stack((turn, 0 * turn, 0 * turn), 1)), 0.5)
    assert int(calm.rotation[:, 0].argmax()) == int(turn.argmax())
    torch.testing.assert_close(calm.rotation[:, 0], calm.rotation[:, 0].flip(0).roll(1), atol=0.01, rtol=0)
    assert calm.rotation[:, 0].max() > 0.95 * turn.max()


def test_blinks_stay_sharp():
    motion = noisy()
    motion.expression[:, BLINK] = 0.02
    motion.expression[100:105, BLINK] = torch.tensor([0.4, 0.9, 1.0, 0.6, 0.2])
    calm = smooth_motion(motion, 0.5).expression[:, BLINK]
    torch.testing.assert_close(calm[99:106], motion.expression[99:106, BLINK], atol=0.03, rtol=0)


def test_smoothing_the_distance_leaves_the_head_in_its_place_in_the_picture():
    motion = noisy()
    motion = replace(motion, translation=motion.translation + torch.tensor([0.1, 0.05, 0.0]))
    calm = smooth_motion(motion, 0.5)
    places = [one.translation[:, :2] / one.translation[:, 2:] for one in (motion, calm)]
    # Half a millimetre of noise is all that may go; 3 mm of depth a tenth to the side would be 0.3 mm more.
    assert (places[1] - places[0]).std() < 0.0006


@pytest.mark.parametrize("strength", [-0.1, 1.5])
def test_other_strengths_are_refused(strength):
    with pytest.raises(ValueError, match="within 0 and 1"):
        smooth_motion(noisy(), strength)


def test_a_fast_move_keeps_its_start_and_end():
    time = torch.arange(100) / 25
    turn = 0.3 * ((time - 1.6) / 0.2).clamp(0, 1)
    calm = smooth_motion(replace(still_motion(100), rotation=torch.stack((turn, 0 * turn, 0 * turn), 1)), 0.5)
    apart = (calm.rotation[:, 0] - turn).abs()
    # 0.7 degrees over all frames; twice that if only frames of the move itself counted as moving.
    assert apart.sum() < 0.019
