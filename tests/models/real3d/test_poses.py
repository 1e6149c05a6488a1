import torch

from cameo3d.models.real3d.poses import (
    camera_of_pose,
    pose_rotation,
    smooth_cameras,
    smooth_points,
)


def test_a_resting_head_is_seen_from_2_7_units_in_front():
    pose = camera_of_pose(torch.zeros(1, 3), torch.zeros(1, 3))[0]
    torch.testing.assert_close(pose[:3, :3], torch.diag(torch.tensor([1.0, -1.0, -1.0])))
    torch.testing.assert_close(pose[:3, 3], torch.tensor([0.0, 0.006, 2.7 + 0.161]))


def test_rotations_are_rigid():
    rotation = pose_rotation(torch.randn(5, 3, dtype=torch.float64))
    eye = torch.eye(3, dtype=torch.float64).expand(5, 3, 3)
    torch.testing.assert_close(rotation @ rotation.mT, eye)
    torch.testing.assert_close(torch.linalg.det(rotation), torch.ones(5, dtype=torch.float64))


def test_a_still_camera_stays_and_a_turning_one_keeps_its_middle():
    still = camera_of_pose(torch.full((9, 3), 0.2), torch.ones(9, 3))
    torch.testing.assert_close(smooth_cameras(still), still)
    euler = torch.zeros(9, 3)
    euler[:, 1] = torch.linspace(-0.4, 0.4, 9)
    turning = camera_of_pose(euler, torch.zeros(9, 3))
    torch.testing.assert_close(smooth_cameras(turning)[4, :3, :3], turning[4, :3, :3])


def test_smoothing_keeps_the_middle_of_a_line():
    line = torch.arange(9.0)[:, None]
    torch.testing.assert_close(smooth_points(line)[3:6], line[3:6])


def test_cameras_are_means_of_their_neighbours_with_the_window_cut_off_at_both_ends():
    euler = torch.zeros(9, 3)
    euler[:, 1] = 0.1 * torch.arange(9.0)
    line = camera_of_pose(euler, torch.zeros(9, 3))
    line[:, :3, 3] = torch.arange(9.0)[:, None]
    smooth = smooth_cameras(line)
    for frame, middle in ((0, 1.5), (1, 2.0), (2, 2.5), (4, 4.0), (8, 6.5)):
        torch.testing.assert_close(smooth[frame, :3, 3], torch.full((3,), middle))
        # The chordal mean of evenly spread turns about one axis is the turn in their middle.
        turn = camera_of_pose(torch.tensor([[0.0, 0.1 * middle, 0.0]]), torch.zeros(1, 3))
        torch.testing.assert_close(smooth[frame, :3, :3], turn[0, :3, :3])
