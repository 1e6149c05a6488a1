from dataclasses import replace

import numpy as np
import pytest
import torch

from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.rotations import matrices_from_angles
from cameo3d.imaging.compose import compose
from cameo3d.media.images import read_image
from cameo3d.models.relief import RELIEF
from cameo3d.models.relief.painter import Painter
from cameo3d.models.relief.prior import resting
from cameo3d.models.relief.view import Viewport
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.values import Motion

VIEW = Viewport(0.0, 0.0, 512.0, 512, 512)


def turned(avatar, yaw: float) -> Motion:
    still = resting(avatar)
    turn = still.rotation.clone()
    turn[0, 0] += yaw
    return replace(still, rotation=turn)


@pytest.fixture(scope="module")
def avatar(astronaut_path):
    """A photo of a head that is turned by 24 degrees: one that was drawn so."""
    frontal = RELIEF.encode([make_portrait(read_image(astronaut_path))])
    motion = turned(frontal, 0.42 - float(frontal.person.rotation[0]))
    photo = compose(next(RELIEF.perform(frontal).draw(motion)), RELIEF.background(frontal))
    return RELIEF.encode([make_portrait(photo)])


@pytest.fixture(scope="module")
def painter(avatar):
    return Painter(avatar, load_face_model(), VIEW)


def without_far_side(painter: Painter, motion: Motion) -> np.ndarray:
    far_side, painter.far_side.is_hidden = painter.far_side, False
    try:
        return painter.paint(motion)
    finally:
        far_side.is_hidden = True


@pytest.mark.parametrize("yaw", [0.0, 0.2])
def test_the_photos_pose_and_turns_away_from_the_camera_show_nothing_of_the_far_side(avatar, painter, yaw):
    assert painter.far_side.is_hidden
    motion = turned(avatar, yaw)
    np.testing.assert_array_equal(painter.paint(motion), without_far_side(painter, motion))


def test_a_head_that_turns_back_shows_the_near_temple_on_its_far_side(avatar, painter):
    near, back = 454, turned(avatar, -0.5)  # the tragus on the side that the photo shows
    column, row = avatar.points[near].int().tolist()
    colors = avatar.turned.clone()
    colors[row - 60 : row + 61, column : column + 80, :3] = torch.tensor([0, 0, 255], dtype=torch.uint8)
    blue = Painter(replace(avatar, turned=colors), load_face_model(), VIEW)
    there = blue.paint(back).astype(int), painter.paint(back).astype(int)
    bluer = (there[0] - there[1])[..., 2] > 60
    relative = matrices_from_angles(back.rotation[0]).numpy() @ painter.source.T
    tragus = (painter.front[[near, 234]] - painter.position) @ relative.T + painter.position
    (own, _), (far, _) = VIEW.pixels(tragus.astype(np.float32))
    middle = (own + far) / 2
    columns = np.nonzero(bluer)[1]
    on_far = (columns - middle) * np.sign(far - middle) > 0
    assert on_far.sum() > 200
    hidden = without_far_side(blue, back).astype(int) - without_far_side(painter, back)
    columns = np.nonzero(hidden[..., 2] > 60)[1]
    assert ((columns - middle) * np.sign(far - middle) > 0).sum() < 20


def test_twins_draw_the_same_far_side(avatar, painter):
    back = turned(avatar, -0.3)
    np.testing.assert_array_equal(painter.paint(back), painter.twin().paint(back))
