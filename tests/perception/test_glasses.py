import cv2
import numpy as np
import pytest

from cameo3d.media.images import read_image
from cameo3d.perception.glasses import COLUMNS, ROWS, cut_strip, find_glasses, load_glasses_net, strip_place
from cameo3d.perception.landmarks import find_faces

EYES = ((263, 362), (33, 133))


@pytest.fixture(scope="module")
def photo(astronaut_path) -> np.ndarray:
    return cv2.resize(
        read_image(astronaut_path)[:256, 90:346], None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC
    )


@pytest.fixture(scope="module")
def face(photo) -> np.ndarray:
    return find_faces(photo)[0]


def test_a_face_without_glasses_has_none(photo, face):
    assert find_glasses(photo, face) is None


@pytest.mark.parametrize(("color", "width"), [((20, 18, 18), 0.03), ((30, 22, 20), 0.08)])
def test_drawn_spectacles_are_found_where_they_are(photo, face, color, width):
    eyes = [face[list(corners), :2].mean(0) for corners in EYES]
    distance = float(np.linalg.norm(eyes[0] - eyes[1]))
    picture, (rims, lenses) = photo.copy(), [np.zeros(photo.shape[:2], np.uint8) for _ in range(2)]
    axes, thick = (int(0.38 * distance), int(0.3 * distance)), max(1, round(width * distance))
    middles = [np.rint(eye + (0, 0.05 * distance)).astype(int) for eye in eyes]
    for middle in middles:
        for drawn, ink in ((picture, color), (rims, 255)):
            cv2.ellipse(drawn, middle.tolist(), axes, 0, 0, 360, ink, thick, cv2.LINE_AA)
        cv2.ellipse(lenses, middle.tolist(), axes, 0, 0, 360, 255, -1)
    first, second = (
        (middle + (side * axes[0], -10)).tolist() for middle, side in zip(middles, (-1, 1), strict=True)
    )
    for drawn, ink in ((picture, color), (rims, 255)):
        cv2.line(drawn, first, second, ink, thick, cv2.LINE_AA)
    found = find_glasses(picture, face)
    assert found is not None
    assert _overlap(found[..., 1] > 127, (lenses > 0) & (rims == 0)) > 0.8
    rim = (found[..., 0] > 127) & (cv2.dilate(lenses, np.ones((9, 9))) > 0)
    assert rim[rims > 127].mean() > 0.6
    assert cv2.dilate(rims, np.ones((15, 15)))[rim].astype(bool).mean() > 0.9


def _overlap(first, second):
    return (first & second).sum() / (first | second).sum()


def test_strips_of_a_turned_photo_are_the_same(photo, face):
    turned, points = np.ascontiguousarray(np.rot90(photo, 2)), face.copy()
    points[:, :2] = np.array(photo.shape[1::-1]) - face[:, :2]
    one, other = cut_strip(photo, strip_place(face)), cut_strip(turned, strip_place(points))
    assert one.shape == (ROWS, COLUMNS, 3)
    assert np.abs(one.astype(float) - other).mean() < 1


def test_the_network_is_small():
    assert sum(tensor.numel() for tensor in load_glasses_net().parameters()) < 150_000
