import cv2
import numpy as np
import pytest
import torch

from cameo3d.geometry.crops import head_ellipse, shown_square
from cameo3d.imaging.compose import compose
from cameo3d.media.images import read_image
from cameo3d.models.avatar import render
from cameo3d.models.relief import RELIEF
from cameo3d.models.relief.beyond import continue_beyond
from cameo3d.models.relief.skull import find_skull
from cameo3d.perception.face_search import detect_faces
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.pipeline.retarget import relative_motion
from cameo3d.values.motion import Motion, still_motion

# Left, top, right and bottom of parts of the portrait; the face lies from (178, 62) to (265, 178).
CUTS = {
    "left": (190, 0, 512, 512),
    "right": (0, 0, 252, 512),
    "top": (0, 82, 512, 512),
    "bottom": (0, 0, 512, 172),
    "all around": (182, 84, 262, 172),
}


@pytest.fixture(scope="module", params=CUTS)
def avatar(request, astronaut_path):
    left, top, right, bottom = CUTS[request.param]
    part = read_image(astronaut_path)[top:bottom, left:right]
    return RELIEF.encode([make_portrait(cv2.resize(part, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC))])


def _turned(avatar, degrees, view):
    motion = still_motion(2)
    turns = torch.tensor([(0.0, 0.0, 0.0), degrees]).deg2rad()
    moved = relative_motion(
        Motion(motion.expression, turns, motion.translation, motion.gaze, 25.0, "test"), avatar.person
    )
    *_, frame = render(RELIEF, avatar, moved, view)
    return compose(frame, RELIEF.background(avatar, view))


@pytest.mark.parametrize("view", ["crop", "photo"])
def test_a_cut_head_shows_one_face_however_it_turns(avatar, view):
    for degrees in ((0.0, 0.0, 0.0), (22.0, 0.0, 0.0), (-22.0, 0.0, 0.0), (0.0, 15.0, -18.0)):
        assert len(detect_faces(_turned(avatar, degrees, view))) == 1, degrees


def test_at_rest_the_picture_is_the_photo_itself(avatar):
    height, width = avatar.person.photo.shape[:2]
    shown = shown_square(avatar.person.crop, avatar.face_in_photo(), width, height)
    left, top = shown.center_x - shown.side / 2, shown.center_y - shown.side / 2
    assert left >= -0.01
    assert top >= -0.01
    assert left + shown.side <= width + 0.01
    assert top + shown.side <= height + 0.01
    scale = 512 / shown.side
    matrix = np.array([[scale, 0, (0.5 - left) * scale - 0.5], [0, scale, (0.5 - top) * scale - 0.5]])
    photo = cv2.warpAffine(avatar.person.photo.numpy(), matrix, (512, 512), flags=cv2.INTER_AREA)
    face = np.zeros((512, 512), np.uint8)
    oval = cv2.convexHull(((avatar.face_in_photo() - (left, top)) * scale).astype(np.int32))
    cv2.fillConvexPoly(face, oval, 1)
    moved = Motion(
        avatar.person.expression[None],
        avatar.person.rotation[None],
        avatar.person.translation[None],
        avatar.person.gaze[None],
        25.0,
        "test",
    )
    rest = compose(next(render(RELIEF, avatar, moved)), RELIEF.background(avatar))
    assert np.abs(rest.astype(float) - photo)[face > 0].mean() < 6


def test_what_goes_on_beyond_the_photo_is_smooth_and_ends_as_a_head_does():
    side = 300
    landmarks = np.zeros((478, 3), np.float32)
    angles = np.linspace(0, 2 * np.pi, 478)
    landmarks[:, 0], landmarks[:, 1] = 150 + 50 * np.sin(angles), 150 - 65 * np.cos(angles)
    landmarks[[10, 152, 234, 454, 6], :2] = (150, 85), (150, 215), (100, 150), (200, 150), (150, 140)
    outside = np.zeros((side, side), bool)
    outside[:, :130] = True  # the left half of the face
    image = np.random.default_rng(0).integers(0, 255, (side, side, 3), dtype=np.uint8)
    matte = np.ones((side, side), np.float32)
    result = continue_beyond(image, matte, outside, landmarks)
    np.testing.assert_array_equal(result.image[~outside], image[~outside])
    beyond = result.image[:, :120].astype(float)
    assert np.abs(np.diff(beyond, axis=0)).mean() < 3 < np.abs(np.diff(image.astype(float), axis=0)).mean()
    reach = head_ellipse(landmarks).reach()[0]
    row = result.matte[150]
    assert row[130 - 5] == 1
    assert row[: int(150 - reach - 10)].max() == 0


def test_a_head_that_is_cut_above_the_brows_ends_as_high_as_heads_do():
    side, cut = 300, 100
    landmarks = np.zeros((478, 3), np.float32)
    angles = np.linspace(0, 2 * np.pi, 478)
    landmarks[:, 0], landmarks[:, 1] = 150 + 50 * np.sin(angles), 150 - 65 * np.cos(angles)
    landmarks[[10, 152, 234, 454, 6], :2] = (150, 85), (150, 215), (100, 150), (200, 150), (150, 140)
    outside = np.arange(side)[:, None].repeat(side, 1) < cut
    image = np.full((side, side, 3), 120, np.uint8)
    matte = (np.abs(np.arange(side) - 150) < 60)[None].repeat(side, 0).astype(np.float32)
    covered = continue_beyond(image, matte, outside, landmarks).matte > 0.5
    skull = find_skull(landmarks)
    top = skull.center[1] - skull.reach(np.array([(0.0, -1.0)]))[0]
    assert abs(np.flatnonzero(covered[:, 150])[0] - top) < 4
    assert (np.diff(covered[:cut].sum(1)) >= 0).all()
