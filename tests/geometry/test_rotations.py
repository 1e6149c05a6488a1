import torch

from cameo3d.geometry.rotations import angles_from_matrices, matrices_from_angles


def test_positive_yaw_turns_the_nose_to_the_left_of_the_image():
    nose = matrices_from_angles(torch.tensor([0.3, 0.0, 0.0])) @ torch.tensor([0.0, 0.0, -1.0])
    assert nose[0] < 0
    torch.testing.assert_close(nose[1], torch.tensor(0.0))


def test_positive_pitch_turns_the_nose_down():
    nose = matrices_from_angles(torch.tensor([0.0, 0.3, 0.0])) @ torch.tensor([0.0, 0.0, -1.0])
    assert nose[1] > 0


def test_positive_roll_turns_the_head_clockwise():
    top = matrices_from_angles(torch.tensor([0.0, 0.0, 0.3])) @ torch.tensor([0.0, -1.0, 0.0])
    assert top[0] > 0


def test_angles_survive_the_way_through_matrices():
    angles = torch.rand(50, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    torch.testing.assert_close(angles_from_matrices(matrices_from_angles(angles)), angles)
