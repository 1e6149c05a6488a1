import torch

from cameo3d.models.real3d.poses import (
    PoseTransfer,
    camera_of_pose,
    mirrored_indices,
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


def test_indices_run_back_and_forth():
    assert mirrored_indices(10, 4).tolist() == [0, 1, 2, 3, 3, 2, 1, 0, 0, 1]


def test_a_transferred_clip_begins_with_the_photo_and_keeps_its_distance():
    random = torch.Generator().manual_seed(2)
    euler, translation = torch.randn(4, 3, generator=random), torch.randn(4, 3, generator=random)
    source_euler, source_translation = torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.4, 0.5, 0.6])
    transfer = PoseTransfer(source_euler, source_translation, euler[0], translation[0])
    moved_euler, moved_translation = transfer(euler, translation)
    torch.testing.assert_close(moved_euler[0], source_euler)
    torch.testing.assert_close(moved_translation[0], source_translation)
    torch.testing.assert_close(moved_euler.diff(dim=0), euler.diff(dim=0))
    torch.testing.assert_close(moved_translation[:, :2].diff(dim=0), translation[:, :2].diff(dim=0))
    assert (moved_translation[:, 2] == source_translation[2]).all()
