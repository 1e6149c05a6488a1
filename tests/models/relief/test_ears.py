import numpy as np
import pytest
import torch

from cameo3d.geometry.rotations import matrices_from_angles
from cameo3d.models.relief.ears import Ears, find_ears

SIDE, CELL, PER_METER = 400, 4, 1600.0
SKIN, HAIR, BLUE = (220, 160, 140), (60, 40, 20), (40, 60, 200)
FACE, ROOT = (200.0, 200.0, 100.0, 130.0), 0.9
"""Middle and half axes of the face, pixels, and how deep its outline lies, metres."""


def ellipse(x: float, y: float, a: float, b: float) -> np.ndarray:
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    return ((columns - x) / a) ** 2 + ((rows - y) / b) ** 2 < 1


def look(hair=HAIR, ear=SKIN, ears=True, yaw: float = 0.0) -> Ears:
    """Find the ears of a face with hair around its upper half."""
    sides = ellipse(104, 200, 30, 44) | ellipse(296, 200, 30, 44)
    face, hairy = ellipse(*FACE), ellipse(200, 150, 118, 130)
    hairy[170 if ears else 260 :] = False
    hairy &= hair is not None
    person = face | hairy | (sides & ears)
    image = np.full((SIDE, SIDE, 3), BLUE, np.uint8)
    image[person] = ear
    image[hairy] = HAIR
    image[face] = SKIN
    strange = (np.abs(image.astype(float) - SKIN).sum(-1) > 60).astype(np.float32)
    angles = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    x, y, a, b = FACE
    oval = np.stack((x + a * np.cos(angles), y + b * np.sin(angles), np.full(36, ROOT)), -1)
    level = ((np.mgrid[: SIDE // CELL, : SIDE // CELL][0] + 0.5) * CELL - 200) / PER_METER
    turn = matrices_from_angles(torch.tensor((yaw, 0.0, 0.0))).numpy()
    facts = image, person.astype(np.float32), strange, oval.astype(np.float32), level.astype(np.float32)
    return find_ears(*facts, turn, CELL / PER_METER)


@pytest.mark.parametrize("hair", [HAIR, None])
def test_ears_are_found_on_both_sides_whether_or_not_there_is_hair(hair):
    seen = look(hair).seen
    assert seen[50, 22:24].all()
    assert seen[50, 76:78].all()
    assert not seen[:36].any()
    assert not seen[:, 26:74].any()


def test_hair_over_the_ears_is_no_ear():
    assert not look(ears=False).seen.any()


def test_an_ear_lies_deeper_the_further_it_is_from_the_face_and_its_edge_is_the_outline():
    ears = look()
    depths, edge = ears.depths[50], ears.edge[50]
    assert (np.diff(depths[76:81]) >= 0).all()
    np.testing.assert_allclose(depths[81], ROOT + 0.016, atol=3e-3)
    assert edge[74] < 0.2 < 0.6 < edge[80]
    assert edge[50] == edge[10] == 0


def test_an_ear_that_the_head_turns_to_the_camera_lies_less_deep():
    right = [look(yaw=yaw).depths[50, 79] for yaw in (0.0, 0.4)]
    left = [look(yaw=yaw).depths[50, 20] for yaw in (0.0, 0.4)]
    assert abs(right[0] - left[0]) < 1e-3
    assert max(left[1], right[1]) > right[0] > min(left[1], right[1]) + 3e-3
