import numpy as np
import pytest
import torch

from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.rotations import matrices_from_angles
from cameo3d.models.relief.skull import find_skull, within_crown
from cameo3d.values import BLENDSHAPES

PER_METER = 1000.0
ROWS, COLUMNS = 400, 320


def landmarks(roll: float = 0.0) -> np.ndarray:
    model = load_face_model()
    face = model.vertices(torch.zeros(len(model.identity_basis)), torch.zeros(len(BLENDSHAPES)))
    turned = face @ matrices_from_angles(torch.tensor((0.0, 0.0, roll))).T
    found = np.zeros((478, 3), np.float32)
    found[:468] = turned.numpy()[:468] * PER_METER + (COLUMNS / 2, ROWS / 2, 0)
    return found


def head(skull, size: float = 1.0) -> np.ndarray:
    """A whole head, so many times as large as heads are."""
    y, x = np.mgrid[:ROWS, :COLUMNS] + 0.5
    offset = np.stack((x - skull.center[0], y - skull.center[1]), -1)
    length = np.linalg.norm(offset, axis=-1, keepdims=True).clip(1e-6)
    return length[..., 0] < size * skull.reach(offset / length)


def test_a_head_is_as_high_and_wide_as_heads_are():
    skull = find_skull(landmarks())
    assert skull.per_meter == pytest.approx(PER_METER, rel=0.01)
    directions = np.array([(0.0, -1.0), (1.0, 0.0), (-1.0, 0.0)])
    np.testing.assert_allclose(skull.reach(directions) / PER_METER, (0.129, 0.09, 0.09), rtol=0.02)


@pytest.mark.parametrize("roll", [-0.3, 0.0, 0.2])
@pytest.mark.parametrize("cut", [70, 110])
def test_the_outline_of_a_cut_head_goes_on_as_that_of_the_whole_one(roll, cut):
    skull = find_skull(landmarks(roll))
    whole = head(skull)
    below = skull._replace(center=skull.center - (0, cut))
    found = within_crown(whole[cut:], cut, below) > 0
    assert (found != whole[:cut]).sum() < 0.03 * whole[:cut].sum()


def test_big_hair_stays_big_above_the_cut_but_less_so():
    cut, skull = 80, find_skull(landmarks())
    below = skull._replace(center=skull.center - (0, cut))
    columns = slice(150, 170)  # in the middle
    usual, big = (
        (within_crown(head(skull, size)[cut:], cut, below) > 0)[:, columns].sum() for size in (1.0, 1.15)
    )
    assert 1.03 * usual < big < head(skull, 1.15)[:cut, columns].sum()
