"""Where a face is: 478 landmarks, found as MediaPipe finds them, by its networks in PyTorch.

Names for single vertices are in `cameo3d.geometry.face_topology`.
"""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from cameo3d.blocks.processors import one_thread
from cameo3d.perception.face_detection import load_detector
from cameo3d.perception.face_search import cut_window, detect_faces, overlap, shown
from cameo3d.perception.face_square import FaceSquare, square_of_detection, square_of_landmarks
from cameo3d.perception.seen_face import Face, mesh_in
from cameo3d.perception.ways_up import boxes_any_way_up

_CROP_SIZE = 512
"""Side, in pixels, of the enlarged or shrunk square around one face of a photo."""

_CROP_MARGINS = (2.0, 1.5, 2.8)
"""Side of that square over the longer side of the detected box; the later ones where the first fails."""

_SETTLING_PASSES = 3
"""How often the mesh looks at a still; each look starts from the face that the one before it found."""

_SAME_SQUARE = 0.5
"""Squares that share more of their union hold one face."""


class FaceTracker:
    """Finds the face mesh in the frames of one video, or in single pictures.

    Args:
        video: Whether frames follow each other, so that a face is looked for near where it was. Use one
            tracker for each video then, and show it every frame once.
        max_faces: Most faces to find in a frame.
        min_confidence: How sure, in [0, 1], the detector and the mesh must be.
    """

    def __init__(self, video: bool, max_faces: int = 1, min_confidence: float = 0.5) -> None:
        self._video, self._max_faces, self._min_confidence = video, max_faces, min_confidence
        self._squares: list[FaceSquare] = []

    def __call__(self, rgb: UInt8[np.ndarray, "height width 3"]) -> list[Face]:
        """Find the faces of one frame. No face, no entry."""
        squares = self._squares if self._video else []
        if len(squares) < self._max_faces:
            known = squares
            squares = [
                found
                for found in self._detected(rgb)
                if all(found.shares(square) <= _SAME_SQUARE for square in known)
            ] + known
        faces = [face for face in mesh_in(rgb, squares) if face.confidence > self._min_confidence]
        self._squares = [square_of_landmarks(face.landmarks) for face in faces]
        return faces

    def _detected(self, rgb: UInt8[np.ndarray, "height width 3"]) -> list[FaceSquare]:
        height, width = rgb.shape[:2]
        side, detector = float(max(height, width)), load_detector("near")
        corner = ((width - side) / 2, (height - side) / 2)
        with torch.inference_mode(), one_thread():
            (found,) = detector.detect(shown(rgb, detector.side)[None], self._min_confidence)
        return [square_of_detection(detection, corner, side) for detection in found[: self._max_faces]]


def find_faces(
    rgb: UInt8[np.ndarray, "height width 3"], any_way_up: bool = False
) -> list[Float32[np.ndarray, "478 3"]]:
    """Landmarks of every face of a photo, as `list_faces` finds them."""
    return [face.landmarks for face in list_faces(rgb, any_way_up)]


def list_faces(rgb: UInt8[np.ndarray, "height width 3"], any_way_up: bool = False) -> list[Face]:
    """Find every face of a photo, small ones too, the largest first.

    The mesh alone misses faces that are small in their picture, so they are detected first and looked at one
    by one in an enlarged crop.

    Args:
        rgb: The photo.
        any_way_up: Whether faces may lie on their side or stand on their head, which takes longer. Otherwise
            they are taken for upright.

    Returns:
        Faces in pixels of the photo.
    """
    faces: list[Face] = []
    for turns, box in boxes_any_way_up(rgb) if any_way_up else [(0, box) for box in detect_faces(rgb)]:
        face = _mesh_in_box(np.ascontiguousarray(np.rot90(rgb, turns)), box)
        if face is not None:
            turned = rgb.shape[:2] if turns % 2 == 0 else rgb.shape[1::-1]
            face = replace(face, landmarks=turned_landmarks(face.landmarks, -turns % 4, *turned))
            if not any(_same_face(face.landmarks, other.landmarks) for other in faces):
                faces.append(face)
    return sorted(faces, key=lambda face: face_size(face.landmarks), reverse=True)


def turned_landmarks(
    landmarks: Float32[np.ndarray, "478 3"], turns: int, height: int, width: int
) -> Float32[np.ndarray, "478 3"]:
    """Landmarks of a picture of that size, once it is turned by so many quarters, counter-clockwise."""
    x, y, z = landmarks.T
    for _ in range(turns):
        x, y = y, width - x
        height, width = width, height
    return np.stack((x, y, z), 1)


def face_size(landmarks: Float32[np.ndarray, "478 3"]) -> float:
    """Longer side, in pixels, of the upright box around a face's landmarks."""
    return float(np.ptp(landmarks[:, :2], axis=0).max())


def _mesh_in_box(rgb: np.ndarray, box: np.ndarray) -> Face | None:
    """The mesh of the face in a box; harsh light and beards may need a narrower or a wider look."""
    return next(
        (face for face in (_look(rgb, box, margin) for margin in _CROP_MARGINS) if face is not None), None
    )


def _look(rgb: np.ndarray, box: np.ndarray, margin: float) -> Face | None:
    half = max(2, round(margin / 2 * float((box[2:] - box[:2]).max())))
    x, y = (round(float(c)) for c in (box[:2] + box[2:]) / 2)
    scale = _CROP_SIZE / (2 * half)
    crop = cut_window(rgb, (x - half, y - half, x + half, y + half), scale)
    last, tracker = None, FaceTracker(video=True)
    for _ in range(_SETTLING_PASSES):
        faces = tracker(crop)
        if not faces:
            break
        last = faces[0]
    if last is None:
        return None
    points = last.landmarks / np.float32(scale)
    points[:, :2] += np.array((x - half, y - half), np.float32)
    return replace(last, landmarks=points)


def _same_face(one: np.ndarray, other: np.ndarray) -> bool:
    boxes = [np.concatenate((face[:, :2].min(0), face[:, :2].max(0))) for face in (one, other)]
    return overlap(*boxes) > 0.3
