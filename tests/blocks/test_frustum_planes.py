"""A flat wall and a step, whose pictures are known in closed form."""

import numpy as np
import torch
from frustum_twin import density, look_up, packed_planes, places_of

from cameo3d.blocks.frustum_kernel import RayTracer
from cameo3d.blocks.frustum_planes import (
    BACK,
    COLORS,
    COVER,
    FRONT,
    Bend,
    PlaneFrame,
)
from cameo3d.blocks.small_unet import SmallUNet
from cameo3d.geometry.rotations import matrices_from_angles
from cameo3d.models.relief.photo_lookup import (
    Correspondence,
    correspond,
    enlarge,
    lay_over_rest,
    look_up_photo,
)

SIZE = 32
FRAME = PlaneFrame(scale=2.5, left=-0.2, top=-0.2, middle=1.0)
STILL = Bend(
    np.eye(3, dtype=np.float32),
    np.zeros(3, np.float32),
    np.zeros((3, 3), np.float32),
    np.zeros(3, np.float32),
)


def wall(front: float = 0.95, head: float = 1.0, anchor: float = 1.0) -> torch.Tensor:
    full = torch.full((SIZE, SIZE), 1.0)
    colors = torch.stack(
        torch.meshgrid(torch.linspace(0, 1, SIZE), torch.linspace(0, 1, SIZE), indexing="ij")
    )
    colors = torch.cat((colors, colors[:1]))
    return packed_planes(front * full, (front + 0.05) * full, head * full, anchor * full, full, colors, 1.0)


def texels(planes: torch.Tensor) -> np.ndarray:
    return planes.permute(0, 2, 3, 1).numpy()


def rays(count: int) -> np.ndarray:
    return np.linspace(-0.15, 0.15, count, dtype=np.float32)


def test_a_wall_is_seen_at_its_depth_and_place():
    seen = RayTracer(texels(wall()), FRAME, STILL, 0.8, 1.2).grid(rays(8), rays(8))
    assert np.all(seen.opacity == 1)
    np.testing.assert_allclose(seen.depth, 0.95, atol=0.001)
    expected = np.broadcast_to((rays(8) + 0.2) * 2.5, (8, 8))
    np.testing.assert_allclose(seen.places[..., 0], expected, atol=1e-5)
    np.testing.assert_allclose(seen.places[..., 1], expected.T, atol=1e-5)


def test_ramps_and_surface_add_up_to_distances_from_it():
    points = torch.tensor([[[0.05, -0.03, 0.97], [0.0, 0.1, 0.93]]])
    seen = look_up(wall()[None], places_of(points, FRAME))
    torch.testing.assert_close(seen[0, :, FRONT], torch.tensor([0.02, -0.02]), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen[0, :, BACK], torch.tensor([0.03, 0.07]), atol=1e-5, rtol=0)


def test_the_kernel_sees_the_colours_that_the_planes_hold():
    seen = RayTracer(texels(wall()), FRAME, STILL, 0.8, 1.2).grid(rays(5), rays(5))
    places = torch.from_numpy(seen.places.reshape(1, -1, 2))
    places = torch.cat((places, torch.full((1, 25, 1), 0.5)), -1)
    colors = look_up(wall()[None], places)[0, :, COLORS]
    np.testing.assert_allclose(seen.features.reshape(-1, 3), colors.numpy(), atol=1e-3)


def test_one_plane_alone_stands_over_ramps_of_depth():
    planes = texels(wall(front=0.93))
    turned = Bend(STILL.turn, np.array([-0.02, 0.01, 0.02], np.float32), STILL.sway, STILL.drift)
    all_of_it, alone = (
        RayTracer(part, FRAME, turned, 0.8, 1.2).rays(rays(9), rays(9)) for part in (planes, planes[:1])
    )
    np.testing.assert_allclose(alone, all_of_it, atol=1e-4)
    assert all_of_it[:, 0].min() > 0.9


def test_density_sets_in_behind_the_front_and_ends_at_the_back():
    depths = torch.tensor([0.94, 0.97, 1.02])
    points = torch.stack((torch.zeros(3), torch.zeros(3), depths), -1)[None]
    values = density(look_up(wall()[None], places_of(points, FRAME)))[0]
    assert values[1] > 1000 * max(values[0], values[2])


def test_a_head_that_moved_is_looked_up_where_it_was():
    moved = Bend(STILL.turn, np.array([-0.02, 0.0, 0.0], np.float32), STILL.sway, STILL.drift)
    still = RayTracer(texels(wall()), FRAME, STILL, 0.8, 1.2).grid(rays(4), rays(4))
    seen = RayTracer(texels(wall()), FRAME, moved, 0.8, 1.2).grid(rays(4), rays(4))
    step = 2.5 * 0.02 / 0.95
    np.testing.assert_allclose(still.places[..., 0] - seen.places[..., 0], step, atol=2e-4)


def test_what_does_not_follow_the_head_stays():
    moved = Bend(STILL.turn, np.array([-0.02, 0.0, 0.0], np.float32), STILL.sway, STILL.drift)
    still = RayTracer(texels(wall(head=0)), FRAME, STILL, 0.8, 1.2).grid(rays(4), rays(4))
    seen = RayTracer(texels(wall(head=0)), FRAME, moved, 0.8, 1.2).grid(rays(4), rays(4))
    np.testing.assert_allclose(still.places, seen.places, atol=1e-6)


def test_enlarging_keeps_lines_straight():
    rows, columns = np.mgrid[:16, :24].astype(np.float32)
    fine = enlarge(2 * rows - columns, 96, 64)
    expected = 2 * ((np.arange(64) + 0.5) / 4 - 0.5)[:, None] - ((np.arange(96) + 0.5) / 4 - 0.5)
    np.testing.assert_allclose(fine, expected, atol=1e-4)


def test_an_unmoved_photo_comes_back_sharp():
    rng = np.random.default_rng(0)
    page = np.dstack((rng.integers(0, 256, (64, 64, 3), np.uint8), np.full((64, 64), 255, np.uint8)))
    directions = ((np.arange(64) + 0.5) / 64 / 2.5 - 0.2).astype(np.float32)
    tracer = RayTracer(texels(wall()), FRAME, STILL, 0.8, 1.2)
    found = correspond(tracer, directions, directions)
    inner = np.s_[8:-8, 8:-8]
    assert np.abs(look_up_photo(found, page)[inner].astype(int) - page[inner]).mean() < 1.5
    assert found.cover[inner].min() == 1


def test_an_outline_is_as_sharp_as_the_pixels():
    planes = wall()
    planes[0, 4, :, SIZE // 2 :] = 0
    directions = ((np.arange(64) + 0.5) / 64 / 2.5 - 0.2).astype(np.float32)
    found = correspond(RayTracer(texels(planes), FRAME, STILL, 0.8, 1.2), directions, directions)
    soft = (found.cover[32] > 0.02) & (found.cover[32] < 0.98)
    assert found.cover[32, :28].min() == 1
    assert found.cover[32, 37:].max() == 0
    assert soft.sum() <= 6


def test_a_new_network_changes_nothing():
    network = SmallUNet(5, 3, (4, 6, 8, 8))
    assert not network(torch.randn(2, 5, 32, 32)).any()
    assert sum(p.numel() for p in network.parameters()) > 1000


def test_a_ray_goes_on_through_a_soft_border_and_meets_the_back():
    # Thin and soft on the left, a body on the right; seen from the left, rays run from one behind the other.
    planes, matte = texels(wall())[:1, ..., : COVER + 1].copy(), np.ones((1, SIZE, SIZE, 1), np.float32)
    planes[0, :, : SIZE // 2, BACK] -= 0.045
    matte[0, :, : SIZE // 2] = 0
    turn = matrices_from_angles(torch.tensor((-0.6, 0.0, 0.0))).numpy()
    pivot = np.array([0.0, 0.0, 0.97], np.float32)
    turned = Bend(turn, pivot - pivot @ turn, STILL.sway, STILL.drift)
    scene = np.concatenate((planes, matte), -1), FRAME, turned, 0.8, 1.2
    plain, seen = (RayTracer(*scene, matted).rays(rays(61), 0 * rays(61)) for matted in (False, True))
    assert plain[:, 5:9].max() == 0
    through = seen[:, 5] > 0.9
    assert through.sum() > 1
    assert seen[through, 0].min() > 0.9  # what is in front of it is still told
    assert seen[through, 1].max() < 0.5 < seen[through, 6].min()
    assert seen[through, 8].max() == 1  # the back, where a ray left the border before it met the body
    body = seen[:, 1] > 0.52
    assert seen[body, 5].max() == 0


def test_what_is_seen_through_a_soft_border_lies_below_it():
    page = np.full((8, 8, 4), (200, 0, 0, 255), np.uint8)
    back = np.full((8, 8, 4), (0, 100, 0, 255), np.uint8)
    image = np.full((6, 6, 4), (0, 0, 80, 0), np.uint8)
    image[2:4, :, 3] = 128
    through = np.zeros((6, 6, 4), np.float32)
    through[:, 1:5] = (1, 0.5, 0.5, 1)
    through[:, 4, 3] = 0
    seen = RayTracer(texels(wall()), FRAME, STILL, 0.8, 1.2).grid(rays(2), rays(2))
    found = Correspondence(np.zeros((6, 6, 2), np.float32), np.ones((6, 6), np.float32), through, seen)
    lay_over_rest(image, found, page, back, 1.0)
    assert image[0, 0, 3] == 0
    assert image[0, 1].tolist() == [0, 100, 0, 255]
    assert image[0, 4].tolist() == [200, 0, 0, 255]
    np.testing.assert_allclose(image[2, 2], (0, 50, 40, 255), atol=1)
