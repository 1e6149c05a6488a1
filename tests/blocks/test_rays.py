import torch

from cameo3d.blocks.rays import box_crossing, pixel_rays


def test_the_middle_of_the_image_looks_along_the_cameras_axis():
    intrinsics = torch.tensor([[[4.0, 0.0, 0.5], [0.0, 4.0, 0.5], [0.0, 0.0, 1.0]]])
    origins, directions = pixel_rays(torch.eye(4)[None], intrinsics, 4)
    assert not origins.any()
    torch.testing.assert_close(directions.mean(dim=1)[0, :2], torch.zeros(2))
    # The last ray belongs to the lower right pixel, whose centre is at 7/8 of the image.
    torch.testing.assert_close(directions[0, -1, :2] / directions[0, -1, 2], torch.full((2,), 0.375 / 4))


def test_a_ray_through_the_middle_crosses_one_side_of_the_cube():
    origins = torch.tensor([[[0.1, 0.0, -3.0]]])
    near, far, hits = box_crossing(origins, torch.tensor([[[0.0, 0.0, 1.0]]]))
    assert (near.item(), far.item(), hits.item()) == (2.5, 3.5, True)


def test_rays_that_miss_take_the_range_of_entries():
    origins = torch.tensor([[[0.0, 0.0, -3.0]]]).expand(1, 3, 3)
    directions = torch.tensor([[[0.0, 0.0, 1.0], [0.1, 0.0, 1.0], [0.9, 0.0, 0.4]]])
    near, far, hits = box_crossing(origins, torch.nn.functional.normalize(directions, dim=-1))
    assert hits.tolist() == [[True, True, False]]
    assert near[0, 2] == near[0, :2].min()
    assert far[0, 2] == near[0, :2].max()


def test_without_any_hit_the_range_is_marked():
    near, far, hits = box_crossing(torch.full((1, 2, 3), 3.0), torch.tensor([[[0.0, 0.6, 0.8]] * 2]))
    assert near.tolist() == [[-1, -1]]
    assert far.tolist() == [[-2, -2]]
    assert not hits.any()


def test_a_device_is_asked_for_no_value():
    rays = torch.empty(1, 2, 3, device="meta")  # which has none
    near, far, hits = box_crossing(rays, rays)
    assert {x.device.type for x in (near, far, hits)} == {"meta"}
