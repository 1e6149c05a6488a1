import copy
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from made_person import made_person
from tiny_goha import TINY

from cameo3d.bench.stand_in_face import sheet_arrays
from cameo3d.geometry.basel.bfm import BaselFace, FaceCoefficients, deep3d_rotation
from cameo3d.geometry.basel.expression import basel_from_arkit
from cameo3d.geometry.cameras import CROP_FOCAL
from cameo3d.geometry.rotations import angles_from_matrices, matrices_from_angles
from cameo3d.models.avatar import Avatar, AvatarModel, render
from cameo3d.models.goha.avatar import Goha, GohaAvatar
from cameo3d.models.goha.framing import (
    centred_crop,
    cut_square,
    label_of,
    moving_view,
    paste_placed,
    placed,
    turned,
)
from cameo3d.models.goha.generator import GohaGenerator, frontal_picture
from cameo3d.perception.deep3d import FaceRegressor
from cameo3d.pipeline.reading import motion_of_photo
from cameo3d.values import Crop, Motion, Portrait
from cameo3d.values.motion import still_motion
from cameo3d.values.storage import load_value, save_value


def half(picture: np.ndarray) -> np.ndarray:
    """A matte that keeps the left half."""
    matte = np.zeros(picture.shape[:2], np.float32)
    matte[:, : picture.shape[1] // 2] = 1
    return matte


@pytest.fixture(scope="module")
def goha() -> Goha:
    torch.manual_seed(0)
    face = BaselFace.from_arrays(sheet_arrays(12))
    regressor = FaceRegressor(width=4)
    for head in regressor.heads:
        assert isinstance(head.weight, torch.Tensor)
        torch.nn.init.normal_(head.weight, std=0.01)
    return Goha(GohaGenerator(TINY), regressor, face, half)


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    random = np.random.default_rng(1)
    matte = np.zeros((120, 100), np.float32)
    matte[20:, 25:75] = 1
    person = made_person(
        photo=torch.from_numpy(random.integers(0, 256, (120, 100, 3), dtype=np.uint8)),
        rotation=torch.tensor([0.1, 0.05, -0.02]),
        translation=torch.tensor([0.01, 0.0, 1.05]),
    )
    return Portrait(person, torch.from_numpy(matte), torch.zeros(478, 3), torch.zeros(478, 3))


@pytest.fixture(scope="module")
def avatar(goha, portrait) -> GohaAvatar:
    return goha.encode([portrait])


def held(avatar: GohaAvatar, count: int = 1) -> Motion:
    """The photo's own pose with a neutral face."""
    still = still_motion(count)
    return replace(
        still,
        rotation=avatar.person.rotation.expand(count, 3),
        translation=avatar.person.translation.expand(count, 3),
    )


def test_it_keeps_the_contract_and_survives_a_file(goha, avatar, tmp_path):
    assert isinstance(goha, AvatarModel)
    save_value(avatar, tmp_path / "person.avatar")
    again = load_value(GohaAvatar, tmp_path / "person.avatar")
    for one, other in ((avatar, again), (avatar.person, again.person)):
        for field in fields(one):
            first, second = getattr(one, field.name), getattr(other, field.name)
            if field.name != "person":
                assert torch.equal(first, second) if isinstance(first, torch.Tensor) else first == second
    first, second = (next(render(goha, each, held(avatar))) for each in (avatar, again))
    np.testing.assert_array_equal(first, second)
    assert isinstance(avatar, Avatar)


def test_the_photo_is_over_black_where_the_matte_is_empty(avatar):
    # The matte's columns 25 to 75 of the photo are 15/80 to 65/80 of the crop, which begins at column 10.
    assert (avatar.image[:, :, :9] == -1).all()
    assert (avatar.image[:, :, 15:50] > -1).float().mean() > 0.9


def test_frames_have_the_views_size_and_the_mattes_alpha(goha, avatar):
    (crop,) = render(goha, avatar, held(avatar))
    assert crop.shape == (64, 64, 4)
    assert (crop[:, :32, 3] == 255).all()
    assert (crop[:, 32:, 3] == 0).all()
    (photo,) = render(goha, avatar, held(avatar), "photo")
    assert photo.shape == (120, 100, 4)
    assert goha.size(avatar, "photo") == (100, 120)
    # The crop begins at column 10, row 20; its left half is seen, nothing beyond it.
    assert (photo[22:98, 12:48, 3] == 255).all()
    assert (photo[:18, :, 3] == 0).all()
    assert (photo[:, 52:, 3] == 0).all()
    assert goha.background(avatar).shape == (64, 64, 3)
    assert goha.background(avatar, "photo").shape == (120, 100, 3)


def test_expressions_come_from_arkit_or_from_what_was_read(goha, avatar, monkeypatch):
    seen = []

    def spied(picture, coefficients):
        seen.append(coefficients.expression[0])
        return GohaGenerator.expression_planes(goha.generator, picture, coefficients)

    monkeypatch.setattr(goha.generator, "expression_planes", spied)
    still = replace(held(avatar, 2), expression=avatar.person.expression.expand(2, -1))
    smile = still.expression.clone()
    smile[1, 23:25] += 1
    list(render(goha, avatar, replace(still, expression=smile)))
    read = torch.arange(128.0).reshape(2, 64) / 64
    list(render(goha, avatar, replace(still, basel=read)))
    list(render(goha, avatar, replace(still, basel=read, expression=smile, basel_weights=still.expression)))
    own, shape = FaceCoefficients.from_vectors(avatar.face[None]).expression[0], basel_from_arkit(goha.face)
    assert torch.equal(seen[0], own)  # what Deep3D reads off the photo, not what ARKit's weights make of it
    torch.testing.assert_close(seen[1] - own, shape[23:25].sum(0))
    assert torch.equal(torch.stack(seen[2:4]), read)
    assert torch.equal(seen[4], read[0])
    torch.testing.assert_close(seen[5] - read[1], shape[23:25].sum(0))


def test_without_a_change_of_expression_planes_are_kept(goha, avatar, monkeypatch):
    calls = []
    monkeypatch.setattr(
        goha.generator,
        "with_appearance",
        lambda *given: calls.append(1) or GohaGenerator.with_appearance(goha.generator, *given),
    )
    motion = held(avatar, 3)
    turns = motion.rotation + torch.tensor([[0.0], [0.1], [0.2]])
    frames = list(render(goha, avatar, replace(motion, rotation=turns)))
    assert len(calls) == 1
    assert (frames[0] != frames[2]).any()


def test_a_read_expression_is_that_of_the_person_alone(goha):
    random = np.random.default_rng(2)
    picture = random.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    other = picture.copy()
    other[:, 40:] = 0  # behind the person
    assert torch.equal(goha.read_expression(picture), goha.read_expression(other))
    other[:, 5] = 0
    assert not torch.equal(goha.read_expression(picture), goha.read_expression(other))


def test_a_drivers_own_camera_is_what_its_regressor_sees(goha, avatar):
    """As in the release, whose cameras of driving frames Deep3D makes."""
    picture = np.random.default_rng(3).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    seen = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        label = label_of(FaceCoefficients.from_vectors(goha.regressor.regress(seen)))[0]
    rotation = goha.read_rotation(avatar, picture)
    camera = turned(avatar.eg3d_from_camera, avatar.person.rotation, rotation)
    torch.testing.assert_close(camera[:3, :3], label[:3, :3], atol=1e-5, rtol=0)


def test_a_photo_drives_with_what_the_regressor_reads(goha, avatar, portrait):
    motion = motion_of_photo(portrait, goha, avatar)
    size, crop = goha.picture_size, portrait.person.crop
    own = goha.read_expression(cut_square(portrait.person.photo.numpy(), crop, size))
    assert motion.basel is not None
    assert torch.equal(motion.basel, own[None])
    assert len(motion) == 1


def test_a_frontal_face_is_seen_from_the_front():
    label = label_of(FaceCoefficients.from_vectors(torch.zeros(1, 257)))[0]
    expected = torch.diag(torch.tensor([1.0, -1, -1, 1]))
    expected[2, 3] = 2.7
    torch.testing.assert_close(label, expected)


def test_turning_the_head_turns_the_camera_as_deep3d_does():
    # A head of Deep3D that looks 0.3 to the image's left, as ours does with this yaw.
    coefficients = torch.zeros(2, 257)
    coefficients[1, 224:227] = torch.tensor([0.1, -0.3, 0.2])
    straight, aside = label_of(FaceCoefficients.from_vectors(coefficients))
    flip = torch.diag(torch.tensor([1.0, -1, -1]))
    # Deep3D turns rows by (Rz Ry Rx) transposed, in axes with y up and z to the viewer.
    rows = FaceCoefficients.from_vectors(coefficients[1:])
    ours = angles_from_matrices(flip @ deep3d_rotation(rows.angles)[0].mT @ flip)
    assert ours[0] > 0
    torch.testing.assert_close(turned(straight, torch.zeros(3), ours), aside, atol=1e-5, rtol=0)
    torch.testing.assert_close(turned(aside, ours, ours), aside, atol=1e-5, rtol=0)


def test_a_frame_is_laid_where_the_head_has_gone():
    photo, now = torch.tensor([0.02, -0.01, 1.0]), torch.tensor([-0.03, 0.04, 1.25])
    place = placed(photo, now)
    assert place.scale == pytest.approx(0.8)
    for axis, centre in enumerate((place.across, place.down)):
        seen = centre + place.scale * float(CROP_FOCAL * photo[axis] / photo[2])
        assert seen == pytest.approx(float(CROP_FOCAL * now[axis] / now[2]), abs=1e-6)
    crop = centred_crop(Crop(100.0, 100.0, 50.0), photo, now)
    assert crop.side == pytest.approx(40)
    assert crop.center_x == pytest.approx(100 + 50 * place.across)


def test_a_square_that_is_cut_out_and_laid_down_again_is_where_it_was():
    rows, columns = np.mgrid[:60, :50].astype(np.float32)
    picture = np.dstack((rows, columns, rows + columns))
    crop = Crop(26.0, 31.0, 24.0)
    place = placed(torch.tensor([0.0, 0, 1]), torch.tensor([0.0, 0, 1]))
    laid = paste_placed(cut_square(picture, crop, 48), crop, place, 50, 60, edge=False)
    np.testing.assert_allclose(laid[21:41, 16:36], picture[21:41, 16:36], atol=0.05)
    assert (laid[:18] == 0).all()


def test_a_turn_is_that_of_the_head_in_the_camera():
    random = torch.randn(1, 257, generator=torch.manual_seed(3)) * 0.1
    pose = label_of(FaceCoefficients.from_vectors(random))[0]
    photo, now = torch.tensor([0.2, 0.1, 0.05]), torch.tensor([-0.3, 0.2, 0.0])
    after = turned(pose, photo, now)
    change = after[:3, :3].mT @ pose[:3, :3]
    expected = matrices_from_angles(now) @ matrices_from_angles(photo).mT
    torch.testing.assert_close(change, expected, atol=1e-5, rtol=0)
    assert float(after[:3, 3].norm()) == pytest.approx(2.7, abs=1e-4)


def test_fast_frames_are_nearly_the_same(goha, avatar, monkeypatch):
    monkeypatch.setattr("cameo3d.blocks.processors.computes_bfloat16", lambda device: True)
    quick = Goha(copy.deepcopy(goha.generator), goha.regressor, goha.face, half, fast=True)
    motion = replace(held(avatar, 2), basel=avatar.face[80:144] + torch.tensor([[0.0], [0.2]]))
    exact, fast = (list(render(model, avatar, motion)) for model in (goha, quick))
    error = np.square(np.subtract(exact, fast, dtype=np.float64)[..., :3]).mean()
    # 51 dB measured: bfloat16 has eight bits.
    assert 0 < error < 255**2 / 10**4.5


def test_a_mesh_is_cut_out_of_the_density_of_all_planes(goha, avatar):
    source = goha.source(avatar)
    with torch.no_grad():
        face = FaceCoefficients.from_vectors(avatar.face[None])
        base = source.canonical + goha.generator.expression_planes(frontal_picture(goha.face, face), face)
        planes = goha.generator.with_appearance(source, base)
        points = torch.rand(1, 4000, 3, generator=torch.Generator().manual_seed(1)) - 0.5
        level = float(goha.generator.renderer.look_up(planes, points)[1].median())
        mesh = goha.mesh(avatar, 24, level)
        colors, densities = goha.generator.renderer.look_up(planes, mesh.vertices[None] * 2.7)
    inside = (mesh.vertices * 2.7).abs().amax(1) < 0.47  # beyond, the cube cuts it
    spread = float(goha.generator.renderer.look_up(planes, points)[1].std())
    assert ((densities[0, inside] - level).abs() < 0.3 * spread).float().mean() > 0.9
    shown = (colors[0, :, :3].clamp(0, 1) * 255).round()
    assert (mesh.colors.float() - shown).abs().max() <= 1


def test_a_performance_shows_what_it_made_on_the_way(goha, avatar):
    performance = goha.perform(avatar)
    list(performance.draw(held(avatar, 2)))
    seen = performance.stages()
    assert list(seen) == ["face", "canonical", "expression", "all", "depth", "moving"]
    source, size = goha.source(avatar), goha.generator.config.render_size
    with torch.no_grad():
        alone = goha.generator.renderer(source.canonical, source.eg3d_from_camera, source.intrinsics, size)
    expected = ((alone.colors[0].clamp(-1, 1) + 1) * 127.5).permute(1, 2, 0).numpy().astype(np.uint8)
    assert np.abs(seen["canonical"].astype(int) - expected).max() <= 1
    assert seen["face"].shape == (224, 224, 3)
    assert seen["moving"].shape == (64, 64, 3)


def test_the_moving_view_is_the_demos():
    first = moving_view(0)
    # Literal 3.14 for pi: angles (1.57, 1.77) around (0, 0, 0.2), at a distance of 2.7.
    polar = np.arccos(1 - 2 * 1.77 / np.pi)
    expected = 2.7 * np.array(
        [np.sin(polar) * np.cos(np.pi - 1.57), np.cos(polar), np.sin(polar) * np.sin(np.pi - 1.57)]
    )
    np.testing.assert_allclose(first[:3, 3], expected, atol=1e-5)
    torch.testing.assert_close(first[:3, :3] @ first[:3, :3].mT, torch.eye(3), atol=1e-5, rtol=0)
    assert torch.equal(moving_view(240), first)
    away = torch.tensor([0.0, 0.0, 0.2]) - moving_view(60)[:3, 3]
    torch.testing.assert_close(moving_view(60)[:3, 2], away / away.norm(), atol=1e-5, rtol=0)
