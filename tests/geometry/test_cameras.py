import torch
from crop_projection import projected

from cameo3d.geometry.cameras import CROP_FOCAL


def test_the_crop_camera_sees_its_axis_in_the_middle():
    torch.testing.assert_close(projected(torch.tensor([[0.0, 0.0, 1.0]])), torch.tensor([[0.5, 0.5]]))


def test_a_point_to_the_right_and_below_lands_there():
    seen = projected(torch.tensor([[0.05, 0.02, 1.0]]))
    torch.testing.assert_close(seen, torch.tensor([[0.5 + 0.05 * CROP_FOCAL, 0.5 + 0.02 * CROP_FOCAL]]))
