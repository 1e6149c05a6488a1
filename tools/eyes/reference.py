"""MediaPipe's own eyes, to compare ours with; needs mediapipe 0.10.14, best without its dependencies."""

# pyright: reportMissingImports=false

import contextlib
import os
import warnings
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from mediapipe.python.solution_base import SolutionBase
    from mediapipe.python.solutions.face_detection import FaceDetection
    from mediapipe.python.solutions.selfie_segmentation import SelfieSegmentation

from cameo3d.perception.face_square import FaceSquare


class Mesh:
    """The face mesh of one picture or video, with the square that each look started from."""

    def __init__(self, video: bool) -> None:
        with quiet():
            self._graph = SolutionBase(
                binary_graph_path="mediapipe/modules/face_landmark/face_landmark_front_cpu.binarypb",
                side_inputs={"num_faces": 1, "use_prev_landmarks": video, "with_attention": True},
                outputs=["multi_face_landmarks", "face_rects_from_landmarks", "face_rects_from_detections"],
            )
            self._graph.process({"image": np.zeros((16, 16, 3), np.uint8)})
            self._graph.reset()
        self._video, self._next = video, None

    def __call__(self, rgb: np.ndarray) -> tuple[np.ndarray | None, FaceSquare | None]:
        """Landmarks in pixels, and the square that they were found in."""
        height, width = rgb.shape[:2]
        seen: Any = self._graph.process({"image": np.ascontiguousarray(rgb)})
        detected, begun = seen.face_rects_from_detections, self._next
        if begun is None and detected:
            begun = _square(detected[0], width, height)
        following = seen.face_rects_from_landmarks
        self._next = _square(following[0], width, height) if self._video and following else None
        if not seen.multi_face_landmarks:
            return None, begun
        points = [(p.x, p.y, p.z) for p in seen.multi_face_landmarks[0].landmark]
        return np.array(points, np.float32) * np.array((width, height, width), np.float32), begun

    def reset(self) -> None:
        """Forget the video."""
        self._graph.reset()
        self._next = None


class Detectors:
    """Both detectors, as boxes and scores of a picture."""

    def __init__(self) -> None:
        with quiet():
            self._detectors = {"near": FaceDetection(0.5, 0), "far": FaceDetection(0.5, 1)}
            for each in self._detectors.values():
                each.process(np.zeros((16, 16, 3), np.uint8))

    def __call__(self, rgb: np.ndarray, reach: str) -> list[tuple[float, np.ndarray]]:
        """Score and box in pixels of each face, the surest first."""
        height, width = rgb.shape[:2]
        seen: Any = self._detectors[reach].process(np.ascontiguousarray(rgb))
        found = []
        for hit in seen.detections or ():
            area = hit.location_data.relative_bounding_box
            box = np.array((area.xmin, area.ymin, area.xmin + area.width, area.ymin + area.height))
            found.append((float(hit.score[0]), box * (width, height, width, height)))
        return found


class Segmenter:
    """The person's mask of a picture of 256x256 pixels."""

    def __init__(self) -> None:
        with quiet():
            self._segmenter = SelfieSegmentation(model_selection=0)
            self._segmenter.process(np.zeros((16, 16, 3), np.uint8))

    def __call__(self, rgb: np.ndarray) -> np.ndarray:
        small = cv2.resize(rgb, (256, 256), interpolation=cv2.INTER_AREA)
        seen: Any = self._segmenter.process(small)
        return np.array(seen.segmentation_mask, np.float32)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what MediaPipe's C++ code writes to the error stream off it."""
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


def _square(rect: Any, width: int, height: int) -> FaceSquare:
    """Of MediaPipe's rectangle, which is a square in pixels."""
    return FaceSquare(rect.x_center * width, rect.y_center * height, rect.width * width, rect.rotation)
