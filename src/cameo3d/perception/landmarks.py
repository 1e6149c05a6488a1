"""Where a face is: MediaPipe's 478 landmarks, from the models inside its wheel.

Names for single vertices are in `cameo3d.geometry.face_topology`.
"""

import warnings
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from cameo3d.perception.quiet import quiet_mediapipe

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # protobuf's own deprecation notes, which nobody here can mend
    from mediapipe.python.solutions.face_detection import FaceDetection
    from mediapipe.python.solutions.face_mesh import FaceMesh

_DETECTION_SIZE = 1024
"""Long side, in pixels, of what a detector is shown; it shrinks pictures to 192 pixels itself."""

_CROP_SIZE = 512
"""Side, in pixels, of the enlarged or shrunk square around one face of a photo."""

_CROP_MARGINS = (2.0, 1.5, 2.8)
"""Side of that square over the longer side of the detected box; the later ones where the first fails."""

_WAY_MARGIN, _UPRIGHT = 3.0, 0.02
"""Side of the square, in boxes, in which a face is looked at in four ways up; and how much surer another way
than upright must be."""

_SETTLING_PASSES = 3
"""How often the mesh looks at a still; each look starts from the face that the one before it found."""


Box = Float32[np.ndarray, " corners"]
"""Left, top, right and bottom in pixels."""


class FaceTracker:
    """Finds the face mesh in the frames of one video, or in single pictures.

    Args:
        video: Whether frames follow each other, so that a face is looked for near where it was. Use one
            tracker for each video then, and show it every frame once.
        max_faces: Most faces to find in a frame.
        min_confidence: How sure, in [0, 1], the detector and the mesh must be.
    """

    def __init__(self, video: bool, max_faces: int = 1, min_confidence: float = 0.5) -> None:
        with quiet_mediapipe():
            self._mesh = FaceMesh(
                static_image_mode=not video,
                max_num_faces=max_faces,
                refine_landmarks=True,
                min_detection_confidence=min_confidence,
                min_tracking_confidence=min_confidence,
            )
            self._mesh.process(np.zeros((16, 16, 3), np.uint8))  # its networks load, and talk, only now

    def __call__(self, rgb: UInt8[np.ndarray, "height width 3"]) -> list[Float32[np.ndarray, "478 3"]]:
        """Find the faces of one frame.

        Returns:
            Landmarks of every face in pixels: x right, y down, z in the unit of x (smaller is nearer). The
            last ten are the irises. No face, no entry.
        """
        height, width = rgb.shape[:2]
        seen: Any = self._mesh.process(np.ascontiguousarray(rgb))
        found = seen.multi_face_landmarks or ()
        scale = np.array((width, height, width), np.float32)
        return [np.array([(p.x, p.y, p.z) for p in face.landmark], np.float32) * scale for face in found]

    def __enter__(self) -> "FaceTracker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the networks."""
        self._mesh.close()


def find_faces(
    rgb: UInt8[np.ndarray, "height width 3"], any_way_up: bool = False
) -> list[Float32[np.ndarray, "478 3"]]:
    """Find every face of a photo, small ones too, the largest first.

    The mesh alone misses faces that are small in their picture, so they are detected first and looked at one
    by one in an enlarged crop.

    Args:
        rgb: The photo.
        any_way_up: Whether faces may lie on their side or stand on their head, which takes longer. Otherwise
            they are taken for upright.

    Returns:
        Landmarks in pixels of the photo, as from `FaceTracker`.
    """
    faces: list[Float32[np.ndarray, "478 3"]] = []
    for turns, box in _boxes_any_way_up(rgb) if any_way_up else [(0, box) for box in detect_faces(rgb)]:
        face = _mesh_in_box(np.ascontiguousarray(np.rot90(rgb, turns)), box)
        if face is not None:
            turned = rgb.shape[:2] if turns % 2 == 0 else rgb.shape[1::-1]
            face = turned_landmarks(face, -turns % 4, *turned)
            if not any(_same_face(face, other) for other in faces):
                faces.append(face)
    return sorted(faces, key=face_size, reverse=True)


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


def detect_faces(rgb: UInt8[np.ndarray, "height width 3"], min_confidence: float = 0.5) -> list[Box]:
    """Find boxes around faces, with MediaPipe's detectors for near and for far faces.

    Where the whole picture shows none, it is searched again with a wide border (for faces that fill it), then
    in overlapping parts (for faces that are small in it).

    Returns:
        Left, top, right and bottom of each face in pixels, surest first; the boxes reach from the forehead to
        the chin.
    """
    return [box for _, box in _detections(rgb, min_confidence)]


def _detections(rgb: np.ndarray, min_confidence: float) -> list[tuple[float, Box]]:
    height, width = rgb.shape[:2]
    border = max(height, width) // 2
    searches = ([(0, 0, width, height)], [(-border, -border, width + border, height + border)], _parts(rgb))
    with quiet_mediapipe(), FaceDetection(min_confidence, 0) as near, FaceDetection(min_confidence, 1) as far:
        for windows in searches:
            found = [hit for window in windows for hit in _detect_in(rgb, window, (near, far))]
            if found:
                break
    found.sort(key=lambda hit: -hit[0])
    hits: list[tuple[float, Box]] = []
    for score, box in found:
        if all(_overlap(box, other) < 0.3 for _, other in hits):
            hits.append((score, box))
    return hits


def _boxes_any_way_up(rgb: np.ndarray) -> Iterator[tuple[int, Box]]:
    """Each face's way up: quarters by which the picture is turned, counter-clockwise, and its box there.

    A face is found in wrong ways up, too, but never as surely as in the right one.
    """
    boxes = detect_faces(rgb)
    if not boxes:
        ways = [(turns, _detections(np.ascontiguousarray(np.rot90(rgb, turns)), 0.5)) for turns in (2, 1, 3)]
        turns, hits = max(ways, key=lambda way: max((score for score, _ in way[1]), default=0.0))
        yield from ((turns, box) for _, box in hits)
    with quiet_mediapipe(), FaceDetection(0.5, 0) as near:
        for box in boxes:
            yield max(_ways_up(rgb, box, near), key=lambda way: way[0])[1:]


def _ways_up(rgb: np.ndarray, box: Box, detector: FaceDetection) -> Iterator[tuple[float, int, Box]]:
    """How sure a detector is of a face in each of the four ways up; upright counts a little more."""
    half = float(_WAY_MARGIN / 2 * (box[2:] - box[:2]).max())
    x, y = (float(c) for c in (box[:2] + box[2:]) / 2)
    window = np.array((x - half, y - half, x + half, y + half))
    yield 0.0, 0, box
    for turns in range(4):
        turned = np.ascontiguousarray(np.rot90(rgb, turns))
        left, top, right, bottom = _turned_box(window, turns, *rgb.shape[:2]).round().astype(int).tolist()
        there = _turned_box(box, turns, *rgb.shape[:2])
        for score, found in _detect_in(turned, (left, top, right, bottom), (detector,)):
            if _overlap(found, there) > 0.3:
                yield (score + _UPRIGHT, 0, box) if turns == 0 else (score, turns, found)


def _turned_box(box: np.ndarray, turns: int, height: int, width: int) -> Box:
    """A box of a picture of that size in the picture turned by so many quarters, counter-clockwise."""
    left, top, right, bottom = box
    for _ in range(turns):
        left, top, right, bottom = top, width - right, bottom, width - left
        height, width = width, height
    return np.array((left, top, right, bottom), np.float32)


def _parts(rgb: np.ndarray) -> list[tuple[int, int, int, int]]:
    height, width = rgb.shape[:2]
    side = min(height, width, max(256, max(height, width) // 2))
    lefts, tops = (np.linspace(0, n - side, -(-2 * (n - side) // side) + 1) for n in (width, height))
    return [(int(left), int(top), int(left) + side, int(top) + side) for top in tops for left in lefts]


def _detect_in(
    rgb: np.ndarray, window: tuple[int, int, int, int], detectors: tuple[FaceDetection, ...]
) -> Iterator[tuple[float, np.ndarray]]:
    left, top, right, bottom = window
    size = np.array((right - left, bottom - top))
    picture = _cut(rgb, window, min(1.0, _DETECTION_SIZE / size.max()))
    for detector in detectors:
        seen: Any = detector.process(picture)
        for hit in seen.detections or ():
            area = hit.location_data.relative_bounding_box
            corners = np.array((area.xmin, area.ymin, area.xmin + area.width, area.ymin + area.height))
            box = corners * np.tile(size, 2) + (left, top, left, top)
            yield hit.score[0], box.astype(np.float32)


def _mesh_in_box(rgb: np.ndarray, box: np.ndarray) -> np.ndarray | None:
    """The mesh of the face in a box; harsh light and beards may need a narrower or a wider look."""
    return next(
        (face for face in (_look(rgb, box, margin) for margin in _CROP_MARGINS) if face is not None), None
    )


def _look(rgb: np.ndarray, box: np.ndarray, margin: float) -> np.ndarray | None:
    half = max(2, round(margin / 2 * float((box[2:] - box[:2]).max())))
    x, y = (round(float(c)) for c in (box[:2] + box[2:]) / 2)
    scale = _CROP_SIZE / (2 * half)
    crop = _cut(rgb, (x - half, y - half, x + half, y + half), scale)
    last = None
    with FaceTracker(video=True) as tracker:
        for _ in range(_SETTLING_PASSES):
            faces = tracker(crop)
            if not faces:
                break
            last = faces[0]
    if last is None:
        return None
    face = last / np.float32(scale)
    face[:, :2] += np.array((x - half, y - half), np.float32)
    return face


def _cut(rgb: np.ndarray, window: tuple[int, int, int, int], scale: float) -> np.ndarray:
    """One window (left, top, right, bottom) of a picture, black where it reaches over the border, resized."""
    height, width = rgb.shape[:2]
    left, top, right, bottom = window
    part = rgb[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    over = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
    part = cv2.copyMakeBorder(part, *over, cv2.BORDER_CONSTANT)
    size = (max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale)))
    return cv2.resize(part, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def _same_face(one: np.ndarray, other: np.ndarray) -> bool:
    boxes = [np.concatenate((face[:, :2].min(0), face[:, :2].max(0))) for face in (one, other)]
    return _overlap(*boxes) > 0.3


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Shared area of two boxes over the area of the smaller one."""
    inner = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    areas = [float(np.prod(box[2:] - box[:2])) for box in (one, other)]
    return float(np.prod(inner.clip(min=0))) / max(min(areas), 1e-6)
