from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from synthetic_basel import basel_face
from tiny_real3d import TINY

from cameo3d.blocks.density_mesh import density_mesh
from cameo3d.errors import InputError
from cameo3d.geometry.basel.pncc_blinks import blink_amount, close_eyes
from cameo3d.geometry.face_model import load_face_model
from cameo3d.imaging.compose import compose
from cameo3d.media.images import read_image
from cameo3d.models.avatar import render
from cameo3d.models.real3d.avatar import Real3D, Real3DAvatar
from cameo3d.models.real3d.conditioning import BaselSteering, ShippedSteering
from cameo3d.models.real3d.drawing import as_bytes
from cameo3d.models.real3d.generator import Real3DGenerator
from cameo3d.pipeline.animate import load_model
from cameo3d.pipeline.animation import Animation
from cameo3d.pipeline.compare import staged, staged_size
from cameo3d.pipeline.lids import with_lids
from cameo3d.pipeline.orbit import orbit_motion
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.values import BLENDSHAPES
from cameo3d.values.storage import load_value, save_value


@pytest.fixture(scope="module")
def model() -> Real3D:
    torch.manual_seed(0)
    return Real3D(Real3DGenerator(TINY), ShippedSteering(load_face_model(), 128), "small")


@pytest.fixture(scope="module")
def avatar(model, astronaut_path) -> Real3DAvatar:
    return model.encode([make_portrait(read_image(astronaut_path))])


def motion(avatar, frame_count=2, yaw=0.3):
    return orbit_motion(avatar.person, frame_count / 25, yaw, 0.0)


def frames(model, avatar, *args, **changes):
    return list(render(model, avatar, replace(motion(avatar), **changes), *args))


def test_an_avatar_is_stored_and_draws_the_same(model, avatar, tmp_path):
    save_value(avatar, tmp_path / "me.avatar")
    stored = load_value(Real3DAvatar, tmp_path / "me.avatar")
    for one, other in zip(frames(model, avatar), frames(model, stored), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_laid_over_its_own_background_is_what_the_network_painted(model, avatar):
    plate = model.background(avatar)
    painted = frames(model, avatar, "crop", plate)[0]
    person = frames(model, avatar)[0]
    assert painted.shape == person.shape == (128, 128, 4)
    assert (painted[..., 3] == 255).all()
    assert person[..., 3].min() < 250
    inside = person[..., :3].clip(1, 254) == person[..., :3]  # a colour beyond the range cannot be held
    difference = np.abs(compose(person, plate).astype(int) - painted[..., :3])
    assert difference[inside & (person[..., 3:] > 25)].max() <= 12


def test_another_backdrop_is_another_picture(model, avatar):
    plate = model.background(avatar)
    one, other = (frames(model, avatar, "crop", x)[0] for x in (plate, 255 - plate))
    assert np.abs(one.astype(int) - other).mean() > 0.5


def test_expression_and_pose_change_the_frame(model, avatar):
    rest, turned = frames(model, avatar)[0], frames(model, avatar, rotation=motion(avatar).rotation + 0.3)[0]
    expression = motion(avatar).expression
    spoken = frames(model, avatar, expression=torch.stack((expression[0], torch.ones(52))))
    assert not np.array_equal(rest, turned)
    assert not np.array_equal(frames(model, avatar)[1], spoken[1])


def test_the_photo_stays_around_the_crop(model, avatar):
    frame = frames(model, avatar, "photo")[0]
    width, height = model.size(avatar, "photo")
    assert frame.shape == (height, width, 4)
    assert model.background(avatar, "photo").shape == (height, width, 3)
    below = round(avatar.person.crop.center_y + avatar.person.crop.side / 2) + 2
    np.testing.assert_array_equal(frame[below:, :, :3], avatar.person.photo.numpy()[below:])
    assert below < height


def test_an_avatar_of_the_other_size_is_refused(model, avatar):
    with pytest.raises(InputError, match="--size official"):
        model.perform(replace(avatar, size="official"))


def test_the_memory_of_a_long_clip_is_that_of_a_short_one(model, avatar):
    drawn = render(model, avatar, motion(avatar, frame_count=3000))
    assert next(iter(drawn)).shape == (128, 128, 4)  # only what is asked for is drawn


def test_half_precision_stays_near_the_exact_picture(model, avatar):
    torch.manual_seed(0)
    fast = Real3D(
        Real3DGenerator(TINY), ShippedSteering(load_face_model(), 128), "small", half_precision=True
    )
    plate = model.background(avatar)
    exact, near = (frames(m, avatar, "crop", plate)[0].astype(float) for m in (model, fast))
    assert 10 * np.log10(255**2 / np.mean((exact - near) ** 2)) > 30


def test_regular_blinks_are_the_official_edit_of_the_pncc_picture(astronaut_path, monkeypatch):
    torch.manual_seed(0)
    steering = BaselSteering(basel_face(), load_face_model(), 128)
    model = Real3D(Real3DGenerator(TINY), steering, "official")
    avatar = model.encode([make_portrait(read_image(astronaut_path))])
    driven = replace(motion(avatar, 8, yaw=0.0), basel=0.3 * torch.randn(8, 64)).settled()
    seen = []

    def spied(neutral, source, target):
        seen.append(target[0])
        return Real3DGenerator.motion_planes(model.generator, neutral, source, target)

    monkeypatch.setattr(model.generator, "motion_planes", spied)
    list(render(model, avatar, with_lids(driven, "period", seed=3)))
    assert driven.basel is not None
    for frame, target in enumerate(seen):
        plain = steering.pncc(avatar.face.identity, driven.basel[frame])
        amount = blink_amount(frame, 3)
        expected = close_eyes(plain, amount) if amount else plain
        assert torch.equal(target, expected)
    assert len(seen) == 8
    assert model.framing == "picture"
    assert max(blink_amount(frame, 3) for frame in range(8)) > 0.9
    blinks = [BLENDSHAPES.index("eyeBlinkLeft"), BLENDSHAPES.index("eyeBlinkRight")]
    assert (with_lids(driven, "open").expression[:, blinks] == 0).all()
    assert with_lids(driven, "none") is with_lids(driven, "natural") is driven


def test_a_mesh_is_cut_out_of_canonical_and_motion_planes(model, avatar):
    look_up = model.generator.renderer.look_up
    with torch.no_grad():
        own = model.face.pncc(avatar.face.identity, avatar.face.expression)[None]
        still = model.face.pncc(avatar.face.identity, torch.zeros_like(avatar.face.expression))[None]
        planes = avatar.planes + model.generator.motion_planes(still, own, own)
        points = torch.rand(1, 4000, 3, generator=torch.Generator().manual_seed(1)) - 0.5
        level = float(look_up(planes, points)[1].median())
    mesh = model.mesh(avatar, 24, level)
    expected = density_mesh(partial(look_up, planes), 1.0, 24, torch.device("cpu"), level)
    assert torch.equal(mesh.vertices, expected.vertices)
    assert torch.equal(mesh.colors, expected.colors)


def test_colours_become_bytes_as_the_official_release_cuts_them_off():
    levels = torch.tensor([-1.0, -0.9999, 0.0, 0.5, 1 - 2 / 255, 1 - 1 / 255, 0.9999, 1.0])
    image = levels.repeat(8, 1).expand(1, 3, 8, 8)
    pixels = as_bytes(image).numpy()
    assert pixels.shape == (8, 8, 3)
    assert pixels[0, :, 0].tolist() == [0, 0, 127, 191, 254, 254, 254, 255]


def test_everything_that_is_made_on_the_way_stands_beside_the_frames(model, avatar):
    shown = Animation(model, avatar, motion(avatar, 3), "crop", model.background(avatar))
    plain = list(shown)
    frames = list(staged(shown))
    assert len(frames) == len(plain) == 3
    assert frames[0].shape == (128, 5 * 128, 3)
    assert staged_size(shown) == (5 * 128, 128)
    for frame, result in zip(frames, plain, strict=True):
        np.testing.assert_array_equal(frame[:, -128:], result)
    pncc = model.face.pncc(avatar.face.identity, shown.motion.expression[2])
    drawn = ((pncc + 1) * 127.5).permute(1, 2, 0).numpy().astype(np.uint8)
    np.testing.assert_array_equal(frames[2][:, 128:256], drawn)
    assert frames[0][:, 3 * 128 : 4 * 128].std() > 0  # depth
    relief = load_model("relief")
    other = relief.encode(make_portrait(avatar.person.photo.numpy()))
    with pytest.raises(InputError, match="relief has no pictures"):
        staged(Animation(relief.network, other, motion(avatar, 1), "crop", None))
