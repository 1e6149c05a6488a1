import cv2
import numpy as np
import pytest
import torch

from cameo3d.geometry import face_topology as names
from cameo3d.geometry.face_model import load_face_model
from cameo3d.media.images import read_image
from cameo3d.perception import face_search, ways_up
from cameo3d.perception.face_search import detect_faces, overlap, turned_box
from cameo3d.perception.face_square import FaceSquare
from cameo3d.perception.landmarks import FaceTracker, face_size, find_faces, list_faces
from cameo3d.perception.seen_face import mesh_in
from cameo3d.perception.ways_up import boxes_any_way_up, millimetres_off, way_up


@pytest.fixture(scope="module")
def astronaut(astronaut_path) -> np.ndarray:
    return read_image(astronaut_path)


@pytest.fixture(scope="module")
def face(astronaut) -> np.ndarray:
    return find_faces(astronaut)[0]


def test_the_face_is_found_where_it_is(astronaut, face):
    assert len(find_faces(astronaut)) == 1
    middle = face[:468, :2].mean(0)
    np.testing.assert_allclose(middle, (223, 122), atol=12)  # seen with one's own eyes
    assert 70 < face_size(face) < 140
    assert face[4, 2] < face[234, 2]  # the nose is nearer than the ear
    (box,) = detect_faces(astronaut)
    assert (box[:2] < middle).all()
    assert (middle < box[2:]).all()


def test_names_are_where_they_belong(face):
    right_eye, left_eye = (face[list(lids)].mean(0) for lids in (names.RIGHT_LID_UPPER, names.LEFT_LID_UPPER))
    assert right_eye[0] < left_eye[0]  # the person's right is on the image's left
    for iris, eye in ((names.RIGHT_IRIS, right_eye), (names.LEFT_IRIS, left_eye)):
        assert np.linalg.norm(face[iris[0], :2] - eye[:2]) < 0.1 * face_size(face)
    assert face[list(names.OVAL), 0].max() == pytest.approx(face[:468, 0].max())


def test_a_mirrored_photo_gives_mirrored_landmarks(astronaut, face):
    mirrored = find_faces(np.ascontiguousarray(astronaut[:, ::-1]))[0][:468]
    mirrored[:, 0] = astronaut.shape[1] - mirrored[:, 0]
    error = np.linalg.norm(mirrored[load_face_model().mirror.numpy()] - face[:468], axis=1)[:, None]
    # Measured: 1.2 % of the face; the mesh network itself is not quite symmetric.
    assert error.mean() < 0.03 * face_size(face)


def test_larger_and_smaller_photos_give_the_same_face(astronaut, face):
    double = cv2.resize(astronaut, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    again = find_faces(double)[0] / 2
    assert np.abs(again - face).mean() < 0.02 * face_size(face)


def test_small_faces_in_a_large_photo_are_found_largest_first(astronaut):
    photo = np.full((1200, 1900, 3), 90, np.uint8)
    for size, left in ((330, 200), (560, 1200)):
        photo[500 : 500 + size, left : left + size] = cv2.resize(
            astronaut, (size, size), interpolation=cv2.INTER_AREA
        )
    faces = find_faces(photo)
    assert len(faces) == 2
    assert face_size(faces[0]) > face_size(faces[1])
    assert faces[0][:, 0].mean() > 1200


def test_a_face_that_fills_the_picture_is_found(astronaut, face):
    left, top = face[:468, :2].min(0).astype(int)
    right, bottom = face[:468, :2].max(0).astype(int)
    close = np.ascontiguousarray(astronaut[top:bottom, left:right])
    found = find_faces(close)
    assert len(found) == 1
    assert face_size(found[0]) > 0.8 * max(close.shape)


@pytest.mark.parametrize("degrees", [0, 50, 90, 135, 180, 215, 270, 330])
def test_a_face_is_found_any_way_up(astronaut, face, degrees):
    matrix = cv2.getRotationMatrix2D((223, 122), -degrees, 1.0)
    matrix[:, 2] += 256 - np.array((223, 122))
    turned = cv2.warpAffine(astronaut, matrix, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    (found,) = find_faces(turned, any_way_up=True)[:1]
    expected = (face[:468, :2] - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5
    error = np.linalg.norm(found[:468, :2] - expected, axis=1).mean()
    # Largest error measured: 2 % of the face; upside down before, 60 %.
    assert error < 0.05 * face_size(face)


def test_a_mesh_that_is_laid_over_a_face_the_wrong_way_up_lies_off_a_mean_face(astronaut, face):
    x, y = face[:468, :2].mean(0).tolist()
    upside_down = FaceSquare(x, y, 1.5 * face_size(face), np.pi)
    (wrong,) = mesh_in(astronaut, [upside_down])
    # Measured: 1.7 and 4.8 mm.
    assert millimetres_off(torch.from_numpy(face)) < 3 < millimetres_off(torch.from_numpy(wrong.landmarks))


@pytest.mark.parametrize("turns", range(4))
def test_a_face_is_told_to_be_turned_by_its_look(astronaut, turns):
    (box,) = detect_faces(astronaut)
    turned = np.ascontiguousarray(np.rot90(astronaut, -turns))
    way = way_up(turned, turned_box(box, -turns % 4, 512, 512), 0.0)
    assert way.is_face
    assert way.turns == turns
    assert overlap(way.box, box) > 0.8


def test_a_turned_face_is_found_though_something_else_looks_like_an_upright_one(astronaut, monkeypatch):
    turned = np.ascontiguousarray(np.rot90(astronaut, 2))
    found = ways_up.scored_boxes
    elsewhere = [(0.9, np.array((20, 20, 80, 80), np.float32))]
    monkeypatch.setattr(ways_up, "scored_boxes", lambda rgb: elsewhere if rgb is turned else found(rgb))
    assert {turns for turns, _ in boxes_any_way_up(turned)} == {2}


def test_a_part_of_a_face_that_looks_like_one_on_its_side_does_not_turn_it(astronaut, monkeypatch):
    """The head upright is found in a box, and in a quarter of it, on its side, something surer."""
    box = np.array((170, 70, 276, 176), np.float32)

    def part(rgb, window, detectors, least):
        small = np.array((200, 100, 253, 153), np.float32)
        yield 0.99, turned_box(small, 3, 512, 512)

    monkeypatch.setattr(face_search, "_detect_in", part)
    assert way_up(astronaut, box, 0.7).turns == 0


def test_noise_shows_no_face():
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    assert find_faces(noise) == []
    assert FaceTracker(video=True)(noise) == []


def test_a_tracker_follows_a_moving_face(astronaut, face):
    tracker = FaceTracker(video=True)
    for shift in range(0, 50, 10):
        moved = np.roll(astronaut, shift, axis=1)
        (found,) = tracker(moved)
        assert found.confidence > 0.9
        at = found.landmarks[:, :2] - (shift, 0)
        assert np.abs(at - face[:, :2]).mean() < 0.03 * face_size(face)


def test_faces_are_listed_with_box_score_and_roll(astronaut, face):
    (listed,) = list_faces(np.ascontiguousarray(np.rot90(astronaut)), any_way_up=True)
    expected = (
        face[:468, 1].min(),
        512 - face[:468, 0].max(),
        face[:468, 1].max(),
        512 - face[:468, 0].min(),
    )
    np.testing.assert_allclose(listed.box, expected, atol=4)
    assert listed.confidence > 0.9
    assert np.degrees(listed.roll_radians) == pytest.approx(-90, abs=10)  # turned counter-clockwise
