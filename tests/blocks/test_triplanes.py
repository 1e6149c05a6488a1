import torch

from cameo3d.blocks.triplanes import DISTINCT_AXES, EG3D_AXES, sample_trigrids, sample_triplanes


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


def test_grids_of_one_slice_repeated_are_planes_far_from_their_ends():
    planes = torch.randn(2, 3, 5, 8, 8)
    grids = planes[:, :, :, None].expand(-1, -1, -1, 3, -1, -1).flatten(2, 3)
    points = (torch.rand(2, 50, 3) - 0.5) * 0.6  # between the middles of the outer slices
    torch.testing.assert_close(sample_trigrids(grids, points, 3), sample_triplanes(planes, points))


def test_slices_lie_along_the_axis_that_a_plane_does_not_show():
    grids = torch.zeros(1, 3, 3, 4, 4)
    grids[0, 0] = torch.tensor([1.0, 2.0, 3.0])[:, None, None]
    points = torch.tensor([[[0.0, 0.0, -1 / 3], [0.0, 0.0, 0.0], [0.1, 0.2, 1 / 6]]])
    found = sample_trigrids(grids, points, 3)[0, :, 0] * 3
    torch.testing.assert_close(found, torch.tensor([1.0, 2.0, 2.5]))
