import pytest
import torch
from made_person import made_person

from cameo3d.pipeline.orbit import orbit_motion


def an_orbit(seconds: float = 4.0):
    rotation = torch.tensor([0.1, -0.05, 0.02])
    return orbit_motion(made_person(rotation=rotation), seconds, 0.4, 0.1), rotation


def test_an_orbit_starts_at_the_pose_and_turns_as_far_to_both_sides():
    motion, rotation = an_orbit()
    assert len(motion) == 100
    torch.testing.assert_close(motion.rotation[0], rotation)
    turn = motion.rotation - rotation
    torch.testing.assert_close(turn.amax(0), torch.tensor([0.4, 0.1, 0.0]), rtol=0, atol=1e-3)
    torch.testing.assert_close(turn.amin(0), torch.tensor([-0.4, -0.1, 0.0]), rtol=0, atol=1e-3)


def test_an_orbit_loops_without_a_jump():
    motion, _ = an_orbit()
    steps = motion.rotation.roll(-1, 0) - motion.rotation
    torch.testing.assert_close(steps[-1], steps[0], rtol=0, atol=1e-3)


def test_an_orbit_without_a_frame_is_refused():
    with pytest.raises(ValueError, match="at least one frame"):
        an_orbit(0.0)
