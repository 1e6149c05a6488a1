import numpy as np
import pytest
import torch

from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.rotations import matrices_from_angles
from cameo3d.models.relief.mirrored import mirror_near_half, pull_outline, seen_from, spread

MODEL = load_face_model()
SIDE = 400
PER_METER = 1500.0


def head_turned_by(yaw: float):
    """The mean face, three points of a head on each side of it, and what mirroring asks for."""
    rotation = matrices_from_angles(torch.tensor([yaw, 0.0, 0.0])).numpy()
    position = np.array([0.0, 0.0, 1.0], np.float32)
    around = np.array([(x, y, 0.06) for x in (-0.09, 0.09) for y in (-0.05, 0.0, 0.05)], np.float32)
    front = np.concatenate((MODEL.mean.numpy(), around)) @ rotation.T + position
    sides = np.array([(468, 469, 470), (471, 472, 473)], np.int32)
    triangles = np.concatenate((MODEL.triangles.numpy(), sides)).astype(np.int32)
    carriers = np.zeros((len(front), 1), np.int32)
    carriers[:468, 0] = np.arange(468)
    weights = (np.arange(len(front)) < 468).astype(np.float32)[:, None]
    pose = rotation, position
    return front.astype(np.float32), np.ones(len(front), np.float32), triangles, pose, (carriers, weights)


def on_canvas(positions: np.ndarray) -> np.ndarray:
    return (positions[:, :2] / positions[:, 2:] * PER_METER + SIDE / 2).astype(np.float32)


@pytest.mark.parametrize("yaw", [-0.4, 0.4])
def test_the_near_half_is_mirrored_to_where_the_far_one_is(yaw):
    head = head_turned_by(yaw)
    front, mirrored = head[0], mirror_near_half(*head, MODEL)
    assert mirrored is not None
    mirror = np.concatenate((MODEL.mirror.numpy(), [471, 472, 473, 468, 469, 470]))
    np.testing.assert_allclose(mirrored.positions, front[mirror[mirrored.near]], atol=1e-6)
    far = 468 if yaw > 0 else 471
    near = 471 if yaw > 0 else 468
    assert near in mirrored.near
    assert far not in mirrored.near
    assert mirrored.aside[near] > 0.08


def test_the_mirror_image_meets_a_face_whose_halves_are_not_alike():
    head = head_turned_by(0.4)
    front = head[0]
    front[:468] += np.random.default_rng(0).normal(0, 0.002, (468, 3)).astype(np.float32)
    mirrored = mirror_near_half(*head, MODEL)
    assert mirrored is not None
    face = mirrored.near < 468
    expected = front[MODEL.mirror.numpy()[mirrored.near[face]]]
    np.testing.assert_allclose(mirrored.positions[face], expected, atol=1e-6)


def test_a_frontal_head_has_no_far_side():
    assert mirror_near_half(*head_turned_by(0.05), MODEL) is None


def test_a_turned_head_is_seen_from_the_other_side():
    ahead = np.array([0.0, 0.0, 1.0], np.float32)
    for yaw in (-0.5, 0.2):
        rotation = matrices_from_angles(torch.tensor([yaw, 0.3, 0.0])).numpy()
        assert np.sign(seen_from(rotation, ahead)) == np.sign(yaw)
    assert seen_from(np.eye(3, dtype=np.float32), ahead) == 0


def test_a_far_outline_is_pulled_to_the_mirror_image_and_nothing_else_is():
    front, head, triangles, pose, carried = head_turned_by(0.4)
    front[468:471] *= 1.05  # 5 cm too deep, at the same place in the photo
    mirrored = mirror_near_half(front, head, triangles, pose, carried, MODEL)
    assert mirrored is not None
    points = on_canvas(front)
    inside = np.where(np.arange(len(front)) < 468, 0.05, 0).astype(np.float32)
    there, matte = on_canvas(mirrored.positions), np.ones((SIDE, SIDE), np.float32)
    pulled = pull_outline(mirrored, there, points, front[:, 2], inside, matte)
    assert pulled[:468].max() == 0
    assert pulled[471:].max() == 0
    assert pulled[468:471].min() > 0.03
    # No nearer than what is mirrored there, which is the face itself.
    assert (front - pulled[:, None])[468:471, 2].min() > mirrored.positions[:, 2].min()


def test_what_is_known_spreads_along_edges():
    edges = np.array([(0, 1), (1, 2), (2, 3)], np.int32)
    values = np.array([[1.0], [9.0], [9.0], [4.0]])
    found = spread(values, np.array([1e6, 0, 0, 1e6]), edges, 0.0)
    np.testing.assert_allclose(found[:, 0], [1, 2, 3, 4], atol=1e-4)
