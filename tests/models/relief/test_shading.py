import numpy as np
import pytest
import torch

from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.rotations import matrices_from_angles
from cameo3d.media.images import read_image
from cameo3d.models.avatar import render
from cameo3d.models.relief import RELIEF
from cameo3d.models.relief.lighting import Light
from cameo3d.models.relief.painter import Painter
from cameo3d.models.relief.prior import resting
from cameo3d.models.relief.view import Viewport
from cameo3d.models.relief.wrinkles import LINES, make_wrinkles
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.values import BLENDSHAPES

SIDE = 240


@pytest.fixture(scope="module")
def avatar(astronaut_path):
    return RELIEF.encode([make_portrait(read_image(astronaut_path))])


@pytest.fixture(scope="module")
def painter(avatar) -> Painter:
    return Painter(avatar, load_face_model(), Viewport(0.0, 0.0, 512.0, 512, 512))


def weights(**named: float) -> np.ndarray:
    return np.array([named.get(name, 0.0) for name in BLENDSHAPES], np.float32)


def flat_face(light: Light):
    """All lines on a face that is a plane, and where its vertices lie on it."""
    model = load_face_model()
    points = model.mean.numpy()[:, :2] * 1400 + SIDE / 2
    normals = np.zeros((SIDE, SIDE, 3), np.float32)
    normals[..., 2] = -1
    skin = np.ones((SIDE, SIDE), np.float32)
    return make_wrinkles(points, model.mirror.numpy(), 1400.0, normals, skin, light), points


def test_a_face_as_in_the_photo_keeps_its_shade(avatar, painter):
    painter.shade.change(avatar.person.expression.numpy(), painter.front[:468], np.eye(3, dtype=np.float32))
    assert np.abs(painter.shade._shade).max() < 1e-6


def test_a_cheek_that_turns_to_the_light_gets_brighter(avatar, painter):
    side = float(np.sign(painter.shade._direction[0]))  # of the image, where the light is
    far = 50 if side > 0 else 280  # the other cheek
    at = (avatar.points.numpy()[far] - painter.shade._low) * painter.shade._scales
    seen = []
    for yaw in (-0.4 * side, 0.4 * side):  # positive ones turn the nose to the image's left
        turn = matrices_from_angles(torch.tensor([yaw, 0.0, 0.0])).numpy()
        painter.shade.change(avatar.person.expression.numpy(), painter.front[:468], turn)
        seen.append(float(painter.shade._shade[int(at[1]), int(at[0])]))
    assert seen[0] > 0.03
    assert seen[1] < -0.03


def test_the_photos_own_frame_is_drawn_without_a_change(avatar):
    first, second = (next(render(RELIEF, avatar, resting(avatar))) for _ in range(2))
    assert np.array_equal(first, second)


def test_a_smile_squeezes_the_folds_of_its_own_side():
    drivers = flat_face(Light(np.array([0.0, -0.6, -0.8]), 0.5))[0].drivers
    right, left = drivers @ weights(mouthSmileRight=1.0), drivers @ weights(mouthSmileLeft=1.0)
    assert right[0] == left[1] == 1
    assert right[1] == left[0] == 0


def test_lines_are_mirror_images_in_light_from_the_front():
    wrinkles, points = flat_face(Light(np.array([0.0, 0.0, -1.0]), 0.5))
    whole = np.zeros((2, SIDE, SIDE))
    for number in range(2):
        whole[number][wrinkles.places[number]] = wrinkles.shades[number]
    assert whole[0].min() < -0.1
    mirrored = whole[1][:, ::-1]
    assert np.abs(whole[0] - mirrored).mean() < 0.1 * np.abs(whole[0]).mean()
    # The fold beside the mouth passes between nose and cheek.
    x, y = points[203].astype(int)
    assert whole[0][y - 4 : y + 5, x - 4 : x + 5].min() < -0.05


def test_a_groove_is_dark_on_the_side_that_faces_away_from_the_light():
    forehead = next(i for i, line in enumerate(LINES) if line.crosses)
    number = sum(1 if line.crosses else 2 for line in LINES[:forehead])
    above, below = (
        flat_face(Light(np.array([0.0, lean, -0.8]), 0.3))[0].shades[number] for lean in (-0.6, 0.6)
    )
    middle = above.shape[1] // 2
    dark = [int(shade[:, middle].argmin()) for shade in (above, below)]
    assert dark[0] < dark[1]


def test_lines_end_where_no_skin_is():
    model = load_face_model()
    points = model.mean.numpy()[:, :2] * 1400 + SIDE / 2
    normals = np.zeros((SIDE, SIDE, 3), np.float32)
    normals[..., 2] = -1
    light = Light(np.array([0.0, -0.6, -0.8]), 0.5)
    found = make_wrinkles(
        points, model.mirror.numpy(), 1400.0, normals, np.zeros((SIDE, SIDE), np.float32), light
    )
    assert max(float(np.abs(shade).max()) for shade in found.shades) == 0


def test_what_a_turn_adds_leaves_out_what_the_expression_did(avatar, painter):
    expression = avatar.person.expression.numpy().copy()
    expression[BLENDSHAPES.index("browInnerUp")] = 1
    face = painter.front[:468] + np.linspace(0, 0.004, 468, dtype=np.float32)[:, None]
    turn = matrices_from_angles(torch.tensor((0.3, 0.0, 0.0))).numpy()
    shades = []
    for each in (np.eye(3, dtype=np.float32), turn):
        painter.shade.change(expression, face, each)
        shades.append(painter.shade._shade)
    assert np.abs(shades[0]).max() > 0.02
    painter.shade.change_by_turn(expression, face, turn)
    np.testing.assert_allclose(painter.shade._shade, shades[1] - shades[0], atol=1e-6)
    painter.shade.change_by_turn(expression, face, np.eye(3, dtype=np.float32))
    assert np.abs(painter.shade._shade).max() == 0
