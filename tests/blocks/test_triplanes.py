import torch

from cameo3d.blocks.triplanes import DISTINCT_AXES, EG3D_AXES, sample_triplanes


def ramps(size: int = 16) -> torch.Tensor:
    """Three planes whose first channel is the column's position and whose second is the row's."""
    centres = (torch.arange(size) + 0.5) / size * 2 - 1
    rows, columns = torch.meshgrid(centres, centres, indexing="ij")
    return torch.stack((columns, rows)).expand(1, 3, 2, size, size)


def test_planes_of_positions_give_back_the_coordinates():
    points = torch.tensor([[[0.1, -0.2, 0.3], [-0.05, 0.4, 0.0]]])
    x, y, z = (2 * points).unbind(-1)
    eg3d = sample_triplanes(ramps(), points, EG3D_AXES)
    torch.testing.assert_close(eg3d, torch.stack(((x + x + z) / 3, (y + z + x) / 3), dim=-1))
    distinct = sample_triplanes(ramps(), points, DISTINCT_AXES)
    torch.testing.assert_close(distinct, torch.stack(((x + x + z) / 3, (y + z + y) / 3), dim=-1))


def test_points_far_outside_the_box_see_nothing():
    assert not sample_triplanes(ramps() + 5, torch.full((1, 1, 3), 0.6)).any()
