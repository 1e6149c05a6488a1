"""The small Real3D equals the relief until it has learned something."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cameo3d.blocks.face_correction import FaceCorrection
from cameo3d.blocks.plane_correction import PlaneCorrection
from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.rotations import angles_from_matrices, matrices_from_angles
from cameo3d.imaging.compose import compose
from cameo3d.media.images import read_image
from cameo3d.models.avatar import render
from cameo3d.models.real3d.lite.avatar import Real3DLite, Real3DLiteAvatar
from cameo3d.models.relief import RELIEF
from cameo3d.models.relief.painter import Painter
from cameo3d.models.relief.view import Viewport
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.values import BLENDSHAPES, Motion
from cameo3d.values.storage import load_value, save_value


@pytest.fixture(scope="module")
def portrait(astronaut_path):
    return make_portrait(read_image(astronaut_path))


@pytest.fixture(scope="module")
def avatar(portrait) -> Real3DLiteAvatar:
    return Real3DLite(load_face_model()).encode([portrait])


def motion(avatar, turn=(0.0, 0.0, 0.0), **shapes: float) -> Motion:
    rotation = matrices_from_angles(torch.tensor(turn).deg2rad()) @ matrices_from_angles(
        avatar.person.rotation
    )
    expression = avatar.person.expression.clone()
    for name, weight in shapes.items():
        expression[BLENDSHAPES.index(name)] = weight
    return Motion(
        expression[None],
        angles_from_matrices(rotation)[None],
        avatar.person.translation[None],
        avatar.person.gaze[None],
        25.0,
        "test",
    )


def difference(model, other, avatar, moved: Motion) -> tuple[float, float]:
    """Mean difference of two models' pictures over their background, in 255ths: of all, and of what is
    seen where the first shows the person."""
    frames = [next(render(each, avatar, moved)) for each in (model, other)]
    pictures = [
        compose(frame, each.background(avatar)) for frame, each in zip(frames, (model, other), strict=True)
    ]
    apart = np.abs(pictures[0].astype(float) - pictures[1])
    return float(apart.mean()), float((apart * (frames[0][..., 3:] > 0)).mean())


@pytest.mark.parametrize(
    ("turn", "shapes", "most"),
    [
        ((0.0, 0.0, 0.0), {}, 1.0),
        ((0.0, 0.0, 0.0), {"jawOpen": 0.6, "eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}, 1.5),
        ((15.0, 5.0, 5.0), {"mouthSmileLeft": 0.5}, 2.5),
    ],
)
def test_it_begins_as_the_relief(avatar, turn, shapes, most):
    model, moved = Real3DLite(load_face_model(), FaceCorrection()), motion(avatar, turn, **shapes)
    whole, shown = difference(model, RELIEF, avatar, moved)
    assert shown < most
    # The outlines of a turned head, front and back, are drawn in two ways.
    assert whole < most + (1.0 if any(turn) else 0.0)
    # Not because nothing moves: the photo at rest is another picture.
    if shapes:
        still = next(render(model, avatar, motion(avatar)))
        assert np.abs(still.astype(float) - next(render(model, avatar, moved))).mean() > 0.3


def test_a_cheek_beside_the_person_takes_the_colours_of_the_other_one(astronaut_path):
    portrait = make_portrait(read_image(astronaut_path))
    column = int(portrait.landmarks[425, 0])  # the matte ends next to the nose
    portrait.matte[:, column:] = 0
    portrait.person.matte[:, column:] = 0
    model, far, near = Real3DLite(load_face_model()), 352, 123
    avatar = model.encode([portrait])
    column, row = avatar.points[near].int().tolist()
    texture = avatar.texture.clone()
    texture[row - 8 : row + 9, column - 8 : column + 9, :3] = torch.tensor([0, 0, 255], dtype=torch.uint8)
    turned = replace(avatar.person, rotation=avatar.person.rotation + torch.tensor([0.3, 0.0, 0.0]))
    blue = replace(avatar, texture=texture, person=turned)
    moved = motion(blue, (20.0, 0.0, 0.0))
    painter = Painter(blue, load_face_model(), Viewport(0.0, 0.0, 512.0, 512, 512))
    cheek = painter.view.pixels(painter.surfaces(moved)[0][[far]])[0].astype(int)
    red, _, blue_there, alpha = next(render(model, blue, moved))[cheek[1], cheek[0]].astype(int)
    assert alpha > 200
    assert blue_there > red + 50


def test_what_it_learned_shows_on_the_face_only(avatar):
    network = FaceCorrection()
    torch.nn.init.constant_(network.network.last.bias, 0.2)  # type: ignore[arg-type]
    face = load_face_model()
    plain, corrected = (
        next(render(model, avatar, motion(avatar))).astype(int)
        for model in (Real3DLite(face), Real3DLite(face, network))
    )
    changed = np.abs(corrected - plain)[..., :3].max(-1)
    assert changed[280, 256] > 15  # the nose
    assert changed[:20].max() == 0  # the upper border


def test_what_it_learned_about_shape_shows_when_the_head_turns(avatar, portrait):
    network = PlaneCorrection()
    # The surface comes nearer by 9 millimetres.
    torch.nn.init.constant_(network.network.last.bias[:4], 0.5)  # type: ignore[index]
    face = load_face_model()
    plain, shaped = Real3DLite(face), Real3DLite(face, shaping=network)
    other = shaped.encode([portrait])
    assert (other.canonical - avatar.canonical)[0].max() > 0.005
    assert (other.canonical - avatar.canonical)[1].abs().max() == 0
    still, turned = (
        np.abs(next(render(plain, avatar, moved)).astype(float) - next(render(shaped, other, moved))).mean()
        for moved in (motion(avatar), motion(avatar, (15.0, 0.0, 0.0)))
    )
    assert turned > 3 * still


def test_the_whole_photo_is_drawn_at_its_own_size(avatar, portrait):
    model = Real3DLite(load_face_model())
    frame = next(render(model, avatar, motion(avatar), "photo"))
    picture = compose(frame, model.background(avatar, "photo"))
    assert picture.shape == tuple(portrait.person.photo.shape)
    assert np.abs(picture.astype(float) - portrait.person.photo.numpy()).mean() < 3


def test_an_avatar_file_brings_everything(avatar, tmp_path):
    save_value(avatar, tmp_path / "a.avatar")
    stored, model = load_value(Real3DLiteAvatar, tmp_path / "a.avatar"), Real3DLite(load_face_model())
    moved = motion(avatar, (8.0, 0.0, 0.0))
    np.testing.assert_array_equal(next(render(model, stored, moved)), next(render(model, avatar, moved)))
