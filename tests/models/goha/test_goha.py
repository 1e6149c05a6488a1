from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_goha import TINY

from cameo3d.blocks.plane_decoder import PlaneDecoder
from cameo3d.blocks.triplanes import DISTINCT_AXES
from cameo3d.geometry.basel.bfm import FaceCoefficients
from cameo3d.models.goha import lifting
from cameo3d.models.goha.config import OFFICIAL, SMALL
from cameo3d.models.goha.framing import cut_square
from cameo3d.models.goha.generator import GohaGenerator, GohaSource, frontal_face, joined_input
from cameo3d.models.goha.lifting import lay_on_planes, nearest_points
from cameo3d.models.goha.parsing import CLASSES, resting_mask
from cameo3d.models.goha.super_resolution import SuperResolution
from cameo3d.values import Crop


def frontal_camera(batch: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    pose = torch.diag(torch.tensor([1.0, -1, -1, 1]))
    pose[2, 3] = 2.7
    lens = torch.tensor([[4.2647, 0, 0.5], [0, 4.2647, 0.5], [0, 0, 1]])
    return pose.expand(batch, 4, 4), lens.expand(batch, 3, 3)


def test_a_cloud_at_the_planes_positions_is_laid_where_it_was():
    side = 8
    steps = torch.linspace(-0.5, 0.5, side)
    rows, columns = torch.meshgrid(steps, steps, indexing="ij")
    points = torch.stack((columns, rows, torch.zeros(side, side)), dim=-1).reshape(1, -1, 3)
    nearest = nearest_points(points, side)
    assert torch.equal(nearest[0, 0], torch.arange(side * side).reshape(side, side))
    features = torch.randn(1, 5, side, side)
    torch.testing.assert_close(lay_on_planes(features, nearest)[:, 0], features)


def test_colours_that_nobody_looks_at_need_not_be_computed():
    decoder, features = PlaneDecoder(4, 8, 5), torch.randn(1, 50, 4)
    colors, densities = decoder(features)
    some, same = decoder(features, 3)
    torch.testing.assert_close(some, colors[..., :3])
    torch.testing.assert_close(same, densities)


def test_nearest_points_are_those_of_an_exhaustive_search():
    points = torch.rand(2, 50, 3) - 0.5
    steps = torch.linspace(-1, 1, 9)
    rows, columns = torch.meshgrid(steps, steps, indexing="ij")
    positions = torch.stack((columns, rows), dim=-1).reshape(-1, 2)
    expected = [
        torch.cdist(positions.double(), 2 * points[:, :, list(axes)].double()).argmin(dim=-1).reshape(2, 9, 9)
        for axes in ((0, 1), (0, 2), (2, 1))
    ]
    assert torch.equal(nearest_points(points, 9), torch.stack(expected, dim=1))
    # What a GPU does instead of building a tree.
    compared = [lifting._compare_all(2 * points[1, :, list(axes)], steps) for axes in DISTINCT_AXES]
    assert torch.equal(torch.stack(compared), torch.stack(expected, dim=1)[1])


def test_nearest_points_are_found_without_leaving_the_device():
    assert nearest_points(torch.empty(2, 50, 3, device="meta"), 9).shape == (2, 3, 9, 9)


def test_eyes_move_six_pixels_wider_than_lips():
    logits = torch.zeros(1, len(CLASSES), 40, 40)
    logits[:, CLASSES.index("skin")] = 1
    logits[:, CLASSES.index("left eye"), 10, 10] = 2
    logits[:, CLASSES.index("glasses"), 10, 10] = 3
    logits[:, CLASSES.index("upper lip"), 30, 30] = 2
    moving = 1 - resting_mask(logits)
    assert moving.sum() == 13 * 13 + 1
    assert moving[0, 0, 4, 16] == 1
    assert moving[0, 0, 30, 30] == 1


def test_a_photo_keeps_what_rests_and_shows_the_rendering_where_it_moves():
    resting = torch.ones(1, 1, 20, 20)
    resting[..., 10, 10] = 0
    photo, shown = torch.full((1, 3, 20, 20), -1.0), torch.full((1, 3, 20, 20), 1.0)
    source = GohaSource(photo, resting, torch.zeros(1, 3, 4, 8, 8), *frontal_camera())
    joined = joined_input(source, shown, torch.ones_like(resting))
    replaced = joined[0, 0] == joined[0, 3]
    assert replaced.sum() == 7 * 7
    assert replaced[7:14, 7:14].all()


def test_a_frontal_face_has_the_others_expression_for_every_entry_of_a_batch():
    source, target, pose = (FaceCoefficients.from_vectors(torch.randn(n, 257)) for n in (2, 2, 1))
    face = frontal_face(source, target, pose)
    assert face.identity is source.identity
    assert face.expression is target.expression
    assert torch.equal(face.angles, pose.angles.expand(2, 3))


@pytest.mark.parametrize("kind", ["rendering", "linear", "modulation", "encoder"])
@pytest.mark.parametrize("appearance", [True, False])
def test_every_variant_makes_a_frame(kind, appearance):
    torch.manual_seed(0)
    model = GohaGenerator(replace(TINY, expression=kind, appearance=appearance)).eval()
    coefficients = FaceCoefficients.from_vectors(torch.randn(2, 257))
    with torch.no_grad():
        source = model.prepare(torch.rand(2, 3, 64, 64) * 2 - 1, *frontal_camera(2))
        expression = model.expression_planes(torch.rand(2, 3, 224, 224), coefficients)
        frame = model(source, expression, *frontal_camera(2))
        assert frame.shape == (2, 3, 64, 64)
        assert frame.isfinite().all()
        alone = model(GohaSource(*(x[:1] for x in vars(source).values())), expression[:1], *frontal_camera())
    torch.testing.assert_close(alone, frame[:1], atol=1e-4, rtol=1e-4)


def test_empty_planes_show_one_colour():
    model = GohaGenerator(TINY).eval()
    with torch.no_grad():
        image = model.renderer(torch.zeros(1, 3, 4, 32, 32), *frontal_camera(), 9)
    torch.testing.assert_close(image.colors, image.colors[:, :, :1, :1].expand_as(image.colors))


def test_noise_of_super_resolution_follows_its_source():
    model = SuperResolution((8, 8, 8), 8).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("noise_strength"):
            torch.nn.init.ones_(parameter)
    image = torch.rand(1, 3, 8, 8)
    with torch.no_grad():
        silent, stored = model(image), model(image, "stored")
        first, again = (model(image, torch.Generator().manual_seed(3)) for _ in range(2))
    assert not torch.allclose(silent, stored)
    assert not torch.allclose(first, stored)
    torch.testing.assert_close(first, again)


def test_sizes_are_those_of_the_release_and_small_stays_below_twelve_million():
    with torch.device("meta"):
        official = GohaGenerator(OFFICIAL)
        small = GohaGenerator(SMALL)
    encoders = (official.canonical, official.expression)
    assert all(count(branch.encoder) == 3_713_632 for branch in encoders)
    assert all(count(branch.head) == 1_405_664 for branch in encoders)
    assert official.appearance is not None
    assert count(official.appearance.encoder) == 3_718_336
    assert count(official.appearance.upsampler) == 585_984
    assert count(official.renderer.decoder) == 4_257
    assert count(official.parser) == 13_300_416
    assert count(small) <= 12_000_000


def count(module: torch.nn.Module) -> int:
    return sum(x.numel() for x in module.parameters())


def test_a_square_is_softened_before_it_is_shrunk():
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    small = cut_square(stripes, Crop(128.0, 128.0, 240.0), 50)
    # Every pixel of the result covers some five stripes, so it is grey; unsoftened, some are black or white.
    assert np.abs(small.astype(float) - 127.5).max() < 8
