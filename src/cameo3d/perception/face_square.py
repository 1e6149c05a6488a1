"""The square around a face that the mesh is shown: turned with the face, and back into the picture."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from cameo3d.perception.face_detection import Detection

_MARGIN = 1.5
"""Side of the square over the longer side of the face's box."""
_RIGHT_CORNER, _LEFT_CORNER = 33, 263
"""Outer corners of the eyes; the line between them is level in the square."""


@dataclass(frozen=True)
class FaceSquare:
    """A square in a picture, in its pixels."""

    x: float
    y: float
    """Its middle."""
    side: float
    roll: float
    """Radians by which it is turned, clockwise in the picture."""

    def cut(self, rgb: UInt8[np.ndarray, "height width 3"], size: int) -> UInt8[np.ndarray, "size size 3"]:
        """What the picture shows there; beyond its border, the border's pixels go on.

        Like MediaPipe, this takes single pixels of a picture that is much larger; means would be smoother
        than what the mesh has learned from.
        """
        step = self.side / size
        across, down = step * math.cos(self.roll), step * math.sin(self.roll)
        half = size / 2
        matrix = np.array(
            (
                (across, -down, self.x - half * (across - down)),
                (down, across, self.y - half * (down + across)),
            )
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(rgb, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]

    def placed(self, points: Float32[np.ndarray, "points 3"]) -> Float32[np.ndarray, "points 3"]:
        """Points of the square, in its sides, as pixels of the picture; z in the same unit."""
        across, down = self.side * math.cos(self.roll), self.side * math.sin(self.roll)
        turn = np.array(((across, down, 0), (-down, across, 0), (0, 0, self.side)), np.float32)
        return (points - np.array((0.5, 0.5, 0), np.float32)) @ turn + np.array(
            (self.x, self.y, 0), np.float32
        )

    def shares(self, other: "FaceSquare") -> float:
        """Intersection over union of both, taken as upright."""
        reach = (self.side + other.side) / 2
        wide, high = reach - abs(self.x - other.x), reach - abs(self.y - other.y)
        shared = max(0.0, min(wide, self.side, other.side)) * max(0.0, min(high, self.side, other.side))
        return shared / (self.side**2 + other.side**2 - shared)


def square_of_landmarks(landmarks: Float32[np.ndarray, "points 3"]) -> FaceSquare:
    """The square around a face that was found, for a second look or the next frame."""
    low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    return _square(low, high, landmarks[_RIGHT_CORNER, :2], landmarks[_LEFT_CORNER, :2])


def square_of_detection(detection: Detection, corner: tuple[float, float], side: float) -> FaceSquare:
    """The square around a face that a detector found.

    Args:
        detection: In sides of what the detector was shown.
        corner: Left and top of that in pixels of the picture.
        side: Its side in pixels.
    """
    box, eyes = detection.box.numpy() * side, detection.points[:2].numpy() * side
    return _square(box[:2] + corner, box[2:] + corner, *(eyes + np.array(corner, np.float32)))


def _square(low: np.ndarray, high: np.ndarray, right_eye: np.ndarray, left_eye: np.ndarray) -> FaceSquare:
    x, y = ((low + high) / 2).tolist()
    across, down = (left_eye - right_eye).tolist()
    return FaceSquare(x, y, _MARGIN * float((high - low).max()), math.atan2(down, across))
