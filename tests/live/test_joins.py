from dataclasses import replace

import torch

from cameo3d.live.joins import Joins
from cameo3d.values.motion import still_motion


def turned(yaw):
    still = still_motion(1)
    return replace(still, rotation=torch.tensor([[yaw, 0.0, 0.0]]))


def test_without_a_cut_motion_is_passed_on_as_it_is():
    joins = Joins()
    assert [float(joins.next(turned(yaw)).rotation[0, 0]) for yaw in (0.0, 0.5, 0.1)] == [
        0.0,
        0.5,
        torch.tensor(0.1).item(),
    ]


def test_after_a_cut_the_head_goes_on_from_where_it_was_at_its_speed_and_arrives():
    joins = Joins()
    yaws = [float(joins.next(turned(0.01 * frame)).rotation[0, 0]) for frame in range(10)]
    joins.cut()
    yaws += [float(joins.next(turned(-0.3)).rotation[0, 0]) for _ in range(60)]
    steps = torch.tensor(yaws).diff()
    assert yaws[10] == yaws[9]
    assert steps.abs().max() < 0.06  # where a jump would be 0.39
    assert abs(yaws[-1] + 0.3) < 1e-3


def test_shapes_stay_weights_while_they_fade():
    joins = Joins()
    smiling = replace(still_motion(1), expression=torch.ones(1, 52))
    joins.next(smiling)
    joins.next(smiling)
    joins.cut()
    faded = [joins.next(still_motion(1)).expression for _ in range(10)]
    assert all(float(one.min()) >= 0 and float(one.max()) <= 1 for one in faded)
    assert float(faded[-1].max()) < 0.1
