import numpy as np
import torch

from cameo3d.geometry.batch_rasterizer import rasterize_batch
from cameo3d.geometry.rasterizer import rasterize


def bumpy_grid(side: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A folded sheet: positions in a picture of 40x30 pixels, depths, triangles, colours."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = torch.meshgrid(torch.linspace(-3, 33, side), torch.linspace(-3, 43, side), indexing="ij")
    points = torch.stack((columns, rows), dim=-1).reshape(-1, 2)
    points = points + 2 * torch.randn(points.shape, generator=generator)
    depths = torch.randn(len(points), generator=generator)
    number = torch.arange(side * side).reshape(side, side)
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]
    triangles = torch.stack((a, b, c, b, d, c), dim=-1).reshape(-1, 3)
    return points, depths, triangles, torch.rand(len(points), 4, generator=generator)


def test_a_batch_is_drawn_as_the_compiled_rasteriser_draws_each():
    meshes = [bumpy_grid(20, seed) for seed in (1, 2, 3)]
    triangles = meshes[0][2]
    points, depths, colors = (torch.stack([mesh[k] for mesh in meshes]) for k in (0, 1, 3))
    drawn, nearest, fragments = rasterize_batch(points, depths, triangles, colors, 30, 40)
    for one, depth, mesh in zip(drawn, nearest, meshes, strict=True):
        wanted = rasterize(
            mesh[0].numpy(), mesh[1].numpy(), triangles.numpy().astype(np.int32), mesh[3].numpy(), 30, 40
        )
        covered = torch.from_numpy(np.isfinite(wanted.depths))
        assert 0.5 < covered.double().mean() <= 1
        assert torch.equal(depth.isfinite(), covered)
        torch.testing.assert_close(depth, torch.from_numpy(wanted.depths), atol=1e-4, rtol=1e-4)
        # Where two sheets cross within rounding, either may win.
        apart = (one - torch.from_numpy(wanted.attributes)).abs().amax(dim=-1)
        assert (apart > 1e-3).double().mean() < 2e-3
    for room in (int(fragments), int(fragments) + 1000):
        with_slots = rasterize_batch(points, depths, triangles, colors, 30, 40, torch.arange(room))
        assert all(map(torch.equal, with_slots, (drawn, nearest, fragments)))


def test_too_few_slots_are_told_and_cost_the_last_triangles():
    points, depths, triangles, colors = bumpy_grid(20, 1)
    given = points[None], depths[None], triangles, colors[None], 30, 40
    whole = rasterize_batch(*given)
    few = rasterize_batch(*given, torch.arange(int(whole.fragments) // 2))
    assert torch.equal(few.fragments, whole.fragments)
    assert few.depths.isfinite().float().mean() < 0.8 * whole.depths.isfinite().float().mean()


def test_of_equal_depths_the_earlier_triangle_wins():
    corners = torch.tensor(((-1.0, -1.0), (9.0, -1.0), (-1.0, 9.0)))
    points = torch.cat((corners, corners))[None]
    triangles = torch.tensor(((3, 4, 5), (0, 1, 2)))
    colors = torch.tensor((1.0, 1, 1, 2, 2, 2))[None, :, None]
    drawn, _, _ = rasterize_batch(points, torch.ones(1, 6), triangles, colors, 3, 3)
    assert torch.equal(drawn, torch.full((1, 3, 3, 1), 2.0))


def test_what_is_beside_the_picture_draws_nothing():
    points = torch.tensor(((20.0, 20.0), (30.0, 20.0), (20.0, 30.0)))[None]
    drawn, nearest, _ = rasterize_batch(
        points, torch.ones(1, 3), torch.tensor(((0, 1, 2),)), torch.ones(1, 3, 2), 5, 6
    )
    assert drawn.shape == (1, 5, 6, 2)
    assert not drawn.any()
    assert nearest.isinf().all()
