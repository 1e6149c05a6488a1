from dataclasses import replace

import numpy as np
import pytest
import torch

from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.rotations import matrices_from_angles
from cameo3d.media.images import read_image
from cameo3d.models.relief import RELIEF
from cameo3d.models.relief.borrowing import Lenders, _doubts
from cameo3d.models.relief.painter import Painter
from cameo3d.models.relief.prior import resting
from cameo3d.models.relief.view import Viewport
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.values import Motion


def skin(cosines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices straight ahead, whose normals lie at angles of these cosines to the camera."""
    positions = np.tile((0.0, 0.0, 1.0), (468, 1))
    normals = np.stack((np.sqrt(1 - cosines**2), np.zeros(468), -cosines), 1)
    return positions, normals


def test_skin_that_is_seen_edge_on_is_doubted():
    points = np.full((468, 2), 50, np.float32)
    points[:, 1] = np.linspace(40, 60, 468)
    cosines = np.linspace(-1, 1, 468)
    doubts = _doubts(np.full((100, 100), 255, np.uint8), points, *skin(cosines))
    assert np.all(np.diff(doubts) <= 0)
    assert doubts[cosines < 0.15].min() == 1
    assert doubts[cosines > 0.45].max() == 0


def test_skin_beside_the_person_is_doubted():
    points = np.column_stack((np.linspace(5, 95, 468), np.linspace(20, 80, 468))).astype(np.float32)
    matte = np.zeros((100, 100), np.uint8)
    matte[:, :50] = 255
    doubts = _doubts(matte, points, *skin(np.ones(468)))
    assert doubts[points[:, 0] < 45].max() == 0
    assert doubts[points[:, 0] > 50].min() == 1


@pytest.fixture(scope="module")
def turned_away(astronaut_path):
    """A photo whose far cheek lies beside the person: its matte ends next to the nose."""
    portrait = make_portrait(read_image(astronaut_path))
    column = int(portrait.landmarks[425, 0])
    portrait.matte[:, column:] = 0
    portrait.person.matte[:, column:] = 0
    return RELIEF.encode([portrait])


def test_a_cheek_beside_the_person_takes_the_colours_of_the_other_one(turned_away):
    far, near = 352, 123
    column, row = turned_away.points[near].int().tolist()
    texture, turned = turned_away.texture.clone(), turned_away.turned.clone()
    for colors in (texture, turned):
        colors[row - 8 : row + 9, column - 8 : column + 9, :3] = torch.tensor([0, 0, 255], dtype=torch.uint8)
    blue = replace(turned_away, texture=texture, turned=turned)
    painter = Painter(blue, load_face_model(), Viewport(0.0, 0.0, 512.0, 512, 512))
    still = resting(blue)
    turn = still.rotation.clone()
    turn[0, 0] += 0.35
    motion = Motion(still.expression, turn, still.translation, still.gaze, 25.0, "turned")
    rotation = matrices_from_angles(turn[0]).numpy() @ painter.source.T
    cheek = (painter.front[[far]] - painter.position) @ rotation.T + painter.position
    column, row = painter.view.pixels(cheek.astype(np.float32))[0].astype(int)
    red, _, blue_there, alpha = (int(x) for x in painter.paint(motion)[row, column])
    assert alpha > 200
    assert blue_there > red + 50
    painter.lenders = Lenders.__new__(Lenders)
    painter.lenders._triangles = np.empty((0, 3), np.int32)
    red, _, blue_there, _ = (int(x) for x in painter.paint(motion)[row, column])
    assert blue_there < red + 50


def test_the_photos_own_pose_shows_the_photos_own_skin(turned_away):
    painter = Painter(turned_away, load_face_model(), Viewport(0.0, 0.0, 512.0, 512, 512))
    own = painter.paint(resting(turned_away))
    painter.lenders = Lenders.__new__(Lenders)
    painter.lenders._triangles = np.empty((0, 3), np.int32)
    differs = np.abs(own.astype(int) - painter.paint(resting(turned_away))).max(-1)
    assert (differs > 8).mean() < 0.002
