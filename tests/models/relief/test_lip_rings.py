from collections import Counter

import numpy as np
import pytest

from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.face_topology import INNER_LIP_LOWER, INNER_LIP_UPPER, OPENINGS
from cameo3d.models.relief.lip_rings import LipRings, opening, rounded, sharpness


@pytest.fixture(scope="module")
def triangles() -> np.ndarray:
    return np.concatenate((load_face_model().triangles.numpy(), np.array(OPENINGS))).astype(np.int32)


def border(triangles: np.ndarray) -> set[tuple[int, int]]:
    """Edges of one triangle alone."""
    edges = Counter(tuple(sorted((t[k], t[k - 1]))) for t in triangles.tolist() for k in range(3))
    assert max(edges.values()) == 2
    return {edge for edge, count in edges.items() if count == 1}


def test_a_curve_goes_through_its_corners_and_stays_near_the_circle_on_which_they_lie():
    angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    corners = np.column_stack((np.cos(angle), np.sin(angle))).astype(np.float32)
    curve = rounded(corners)
    assert np.allclose(curve[::4], corners)
    assert np.abs(np.linalg.norm(curve, axis=1) - 1).max() < 1e-3  # chords leave it by 0.012


def test_lips_that_meet_still_meet_on_the_curve():
    face = load_face_model().mean.numpy()[:, :2].copy()
    face[list(INNER_LIP_LOWER)] = face[list(INNER_LIP_UPPER)]
    curve = opening(face)
    there, back = curve[: len(curve) // 2 + 1], curve[len(curve) // 2 :]
    assert np.abs(there - np.concatenate((back, curve[:1]))[::-1]).max() < 2e-4  # metres


def test_the_finer_mesh_has_neither_cracks_nor_loose_ends(triangles):
    fine = LipRings(triangles, 468).triangles
    assert len(fine) > len(triangles)
    assert border(fine) == border(triangles)
    assert set(range(468, fine.max() + 1)) <= set(fine.ravel().tolist())


def test_values_that_are_the_same_everywhere_stay_so(triangles):
    rings = LipRings(triangles, 468)
    assert np.allclose(rings.refined(np.full(468, 0.7, np.float32)), 0.7)
    assert len(rings.refined(np.zeros((468, 2), np.float32))) == rings.triangles.max() + 1


def test_the_finer_mesh_covers_what_the_mesh_covers(triangles):
    rings, points = LipRings(triangles, 468), load_face_model().mean.numpy()[:, :2].astype(float)

    def area(places, corners):
        a, b, c = places[corners].transpose(1, 2, 0)
        return abs((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])).sum() / 2

    assert area(rings.refined(points), rings.triangles) == pytest.approx(area(points, triangles), rel=2e-3)


def test_corners_are_sharp_in_a_slit_and_round_in_a_wide_mouth():
    face = load_face_model().mean.numpy()[:, :2].copy()
    upper, lower = list(INNER_LIP_UPPER), list(INNER_LIP_LOWER)
    middle, width = (face[upper] + face[lower]) / 2, face[308, 0] - face[78, 0]
    lens = 1 - np.linspace(-1, 1, 11) ** 2
    found = []
    for gap in (0.05, 0.7):
        face[upper], face[lower] = middle, middle
        face[upper, 1] -= gap * width / 2 * lens
        face[lower, 1] += gap * width / 2 * lens
        sharp = sharpness(face)
        curve = opening(face, sharp)
        # On its way through the corner, from the lower to the upper lip.
        before, after = curve[0] - curve[-1], curve[1] - curve[0]
        found.append((sharp, float(before @ after / np.linalg.norm(before) / np.linalg.norm(after))))
    (sharp, cosine), (round_, smooth) = found
    assert sharp == 1
    assert round_ == 0
    assert cosine < -0.5  # a tight turn
    assert smooth > 0.5


def test_sharp_corners_leave_every_vertex_in_its_place(triangles):
    rings, points = LipRings(triangles, 468), load_face_model().mean.numpy()[:, :2]
    assert np.array_equal(rings.refined(points, 1.0)[:468], points)
    assert np.allclose(opening(points, 1.0)[::4], opening(points, 0.0)[::4], atol=1e-7)
