from dataclasses import replace

import pytest
import torch

from cameo3d.models.real3d.config import OFFICIAL, SMALL
from cameo3d.models.real3d.generator import Real3DGenerator
from cameo3d.models.real3d.planes import channels_to_planes
from cameo3d.models.real3d.torso import candidate_motions, heat_differences

TINY = replace(SMALL, image_size=128, render_size=32, coarse_samples=6, fine_samples=6)


def parameters(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_the_networks_have_their_published_sizes():
    with torch.device("meta"):
        model = Real3DGenerator(OFFICIAL)
    assert parameters(model.image_to_plane) == 87_332_960
    assert parameters(model.motion_adapter) == 5_705_694
    assert parameters(model.renderer.decoder) == 4_257
    assert parameters(model.layers.torso) == 48_443_447


def test_the_small_size_has_at_most_12_million_parameters():
    with torch.device("meta"):
        assert parameters(Real3DGenerator(SMALL)) <= 12_000_000


@pytest.fixture(scope="module")
def scene():
    torch.manual_seed(0)
    model = Real3DGenerator(TINY).eval()
    image = torch.rand(2, 3, 128, 128) * 2 - 1
    with torch.no_grad():
        planes = model.canonical_planes(image) + model.motion_planes(image, image, image)
        prepared = model.prepare_scene(image, torch.rand(2, 6, 128, 128).round(), image)
    return model, planes, prepared


def cameras() -> tuple[torch.Tensor, torch.Tensor]:
    pose = torch.eye(4)
    pose[2, 3] = -2.7
    focal = 4.2647
    intrinsics = torch.tensor([[focal, 0, 0.5], [0, focal, 0.5], [0, 0, 1]])
    return pose.expand(2, 4, 4), intrinsics.expand(2, 3, 3)


def test_a_frame_is_an_image_in_range_and_repeats(scene):
    model, planes, prepared = scene
    points = torch.zeros(2, 68, 3)
    with torch.no_grad():
        first = model(planes, prepared, *cameras(), points, points)
        second = model(planes, prepared, *cameras(), points, points)
    assert planes.shape == (2, 3, 32, 64, 64)
    assert first.image.shape == (2, 3, 128, 128)
    assert first.image.abs().max() <= 1
    assert torch.equal(first.image, second.image)


def test_frames_of_a_batch_do_not_mix(scene):
    model, planes, _ = scene
    pose, intrinsics = cameras()
    with torch.no_grad():
        together = model.renderer(planes, pose, intrinsics)
        alone = model.renderer(planes[1:], pose[1:], intrinsics[1:])
    torch.testing.assert_close(together.features[1:], alone.features)


def test_every_trained_part_gets_a_gradient():
    torch.manual_seed(0)
    model = Real3DGenerator(TINY).eval()
    image = torch.rand(2, 3, 128, 128) * 2 - 1
    planes = model.canonical_planes(image) + model.motion_planes(image, image, image)
    prepared = model.prepare_scene(image, torch.ones(2, 6, 128, 128), image)
    points = torch.rand(2, 68, 3) - 0.5
    frame = model(planes, prepared, *cameras(), points, points + 0.1)
    frame.image.square().sum().backward()
    without = {name for name, p in model.named_parameters() if p.grad is None}
    assert without == {
        f"super_resolution.torso.motion.occlusion.{leaf}" for leaf in ("weight", "bias")
    }  # predicted but unused, as in the official release


def test_planes_are_flipped_the_right_way_up():
    x = torch.arange(6.0).reshape(1, 1, 2, 3).expand(1, 3, 2, 3)
    first, second, third = channels_to_planes(x)[0, :, 0]
    assert torch.equal(first, torch.tensor([[3.0, 4, 5], [0, 1, 2]]))
    assert torch.equal(second, first)
    assert torch.equal(third, torch.tensor([[5.0, 4, 3], [2, 1, 0]]))


def test_key_points_that_rest_move_nothing():
    points = torch.rand(1, 4, 3) - 0.5
    motions = candidate_motions(points, points, (2, 3, 4))
    torch.testing.assert_close(motions, motions[:, :1].expand_as(motions))
    assert not heat_differences(points, points, (2, 3, 4)).any()


def test_a_moved_key_point_brings_its_source():
    source = torch.zeros(1, 4, 3)
    driving = source + torch.tensor([0.5, 0.0, 0.0])
    motions = candidate_motions(source, driving, (2, 3, 5))
    # Where the point is now (column 3 of 5 is x = 0.5), what was at x = 0 shows.
    assert motions[0, 1, 0, 1, 3, 0] == 0
