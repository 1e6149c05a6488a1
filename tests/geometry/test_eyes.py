import numpy as np
import pytest
import torch

from cameo3d.geometry.eyes import Lids, gaze_angles, lid_closures, lid_gaps
from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.rotations import matrices_from_angles
from cameo3d.values import BLENDSHAPES

NEUTRAL = load_face_model().mean.double().numpy()


def eye_centers():
    return (NEUTRAL[[263, 33]] + NEUTRAL[[362, 133]]) / 2


def rays_to(points, rotation, translation):
    seen = points @ rotation.T + translation
    return seen / seen[:, 2:]


def head(yaw=0.0, pitch=0.0, roll=0.0):
    rotation = matrices_from_angles(torch.tensor([yaw, pitch, roll], dtype=torch.float64)).numpy()
    return rotation, np.array((0.02, -0.01, 1.0))


def test_closed_lids_have_no_gap_and_open_ones_have_their_own():
    model = load_face_model()
    blink = torch.zeros(52)
    blink[BLENDSHAPES.index("eyeBlinkLeft")] = 1
    gaps = lid_gaps((model.mean + torch.einsum("i,ijk->jk", blink, model.expression_basis)).double().numpy())
    opened = lid_gaps(NEUTRAL)
    assert gaps[0] < 0.3 * opened[0]
    assert gaps[1] == pytest.approx(opened[1], rel=0.2)


def test_closing_grows_evenly_from_the_usual_opening_to_shut():
    opened = np.array((0.010, 0.008))
    closures = np.stack([lid_closures(opened * share, opened) for share in np.linspace(1.3, -0.1, 30)])
    assert (np.diff(closures, axis=0) >= 0).all()
    assert (closures[0] < 0).all()
    np.testing.assert_allclose(closures[-1], 1)
    np.testing.assert_allclose(lid_closures(opened, opened), 0)
    np.testing.assert_allclose(lid_closures(opened * 0.55, opened), 0.5)


def test_both_eyes_share_a_blink_but_not_a_wink():
    opened = np.array((0.01, 0.01))
    np.testing.assert_allclose(lid_closures(np.array((0.001, 0.004)), opened), (1, 13 / 15))
    np.testing.assert_allclose(lid_closures(np.array((0.001, 0.009)), opened), (1, 1 / 9))


@pytest.mark.parametrize("squint", [0.0, 0.4])
@pytest.mark.parametrize("closure", [-0.05, 0.1, 0.3, 0.6, 0.9, 1.0])
def test_weights_close_the_lids_as_far_as_was_seen(closure, squint):
    model = load_face_model()
    expression = np.zeros(52)
    expression[BLENDSHAPES.index("eyeSquintLeft")] = squint
    lids = Lids(NEUTRAL, model.expression_basis.double().numpy())
    settled = lids.settle(expression, np.array((closure, 0.0)))
    posed = NEUTRAL + np.einsum("i,ijk->jk", settled, model.expression_basis.double().numpy())
    left, right = lid_gaps(posed) / lids.neutral_gaps
    assert left == pytest.approx(1 - max(closure, 0), abs=0.12)
    assert right == pytest.approx(1, abs=0.05)
    if closure == 1:
        assert settled[BLENDSHAPES.index("eyeBlinkLeft")] == 1


@pytest.mark.parametrize("angles", [{}, {"yaw": 0.3}, {"pitch": -0.2}, {"roll": 0.3, "yaw": -0.2}])
def test_gaze_does_not_depend_on_the_head(angles):
    irises = eye_centers() + (0.001, 0.0005, -0.002)
    straight = gaze_angles(rays_to(irises, *head()), NEUTRAL, *head())
    turned = gaze_angles(rays_to(irises, *head(**angles)), NEUTRAL, *head(**angles))
    # The iris is seen along its ray only, so where it lies on the eyeball shifts a little.
    np.testing.assert_allclose(turned, straight, atol=0.14)


def test_irises_that_move_to_the_images_left_raise_the_yaw_and_down_the_pitch():
    middle = gaze_angles(rays_to(eye_centers(), *head()), NEUTRAL, *head())
    left = gaze_angles(rays_to(eye_centers() - (0.002, 0, 0), *head()), NEUTRAL, *head())
    down = gaze_angles(rays_to(eye_centers() + (0, 0.002, 0), *head()), NEUTRAL, *head())
    assert (left[:, 0] - middle[:, 0] > 0.15).all()
    assert (down[:, 1] - middle[:, 1] > 0.15).all()
    np.testing.assert_allclose(left[:, 1], middle[:, 1], atol=0.03)
    np.testing.assert_allclose(down[:, 0], middle[:, 0], atol=0.03)


def test_an_iris_off_the_eyeball_still_has_a_gaze():
    far = gaze_angles(rays_to(eye_centers() + (0.1, 0, 0), *head()), NEUTRAL, *head())
    assert np.isfinite(far).all()
