import torch

from cameo3d.geometry.cameras import CROP_FOCAL, Cameras, crop_camera


def test_the_crop_camera_sees_its_axis_in_the_middle():
    seen = crop_camera().project(torch.tensor([[0.0, 0.0, 1.0]]))
    torch.testing.assert_close(seen, torch.tensor([[0.5, 0.5]]))


def test_a_point_to_the_right_and_below_lands_there():
    seen = crop_camera().project(torch.tensor([[0.05, 0.02, 1.0]]))
    torch.testing.assert_close(seen, torch.tensor([[0.5 + 0.05 * CROP_FOCAL, 0.5 + 0.02 * CROP_FOCAL]]))


def test_moving_camera_and_world_together_changes_nothing():
    move = torch.eye(4)
    move[:3, 3] = torch.tensor([0.3, -0.2, 0.5])
    points = torch.tensor([[0.1, 0.0, 1.0], [0.0, -0.1, 1.2]])
    moved = Cameras(move, crop_camera().intrinsics).project(points + move[:3, 3])
    torch.testing.assert_close(moved, crop_camera().project(points))
