"""ArcFace and its kin from ONNX files: whose face it is."""

import functools
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from cameo3d.errors import WeightsError
from cameo3d.geometry.crops import five_points

_SIDE = 112
_TEMPLATE = np.array(
    ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)),
    np.float32,
)
"""Where InsightFace puts eyes, nose and corners of the mouth (those on the image's left first), in pixels."""


class ArcFace:
    """A recogniser on crops of 112 pixels, RGB in [-1, 1].

    Args:
        path: The ONNX file.

    Raises:
        WeightsError: If OpenCV cannot read it.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._network = cv2.dnn.readNetFromONNX(str(path))
        except cv2.error as error:
            raise WeightsError(f"{path} is no ONNX file that OpenCV reads; download it again.") from error

    def __call__(
        self, rgb: UInt8[np.ndarray, "height width 3"], landmarks: Float32[np.ndarray, "478 3"]
    ) -> Float32[np.ndarray, " features"]:
        """Embed one face.

        Args:
            rgb: The picture.
            landmarks: The face's landmarks in its pixels.
        """
        crop = aligned_face(rgb, landmarks).astype(np.float32)
        self._network.setInput(((crop - 127.5) / 127.5).transpose(2, 0, 1)[None])
        return np.asarray(self._network.forward(), np.float32).reshape(-1)


def aligned_face(
    rgb: UInt8[np.ndarray, "height width 3"], landmarks: Float32[np.ndarray, "478 3"]
) -> UInt8[np.ndarray, "112 112 3"]:
    """The face turned, shifted and scaled so that five points fit InsightFace's template best."""
    matrix = _similarity(five_points(landmarks) - np.float32(0.5), _TEMPLATE)  # OpenCV counts from centres
    return cv2.warpAffine(rgb, matrix, (_SIDE, _SIDE))


@functools.cache
def load_arcface(path: Path) -> ArcFace:
    """Load a recogniser, once.

    Raises:
        WeightsError: If OpenCV cannot read the file.
    """
    return ArcFace(path)


def _similarity(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Rotation, scale and shift of least squares, as a 2x3 matrix."""
    a, b = (set_ - set_.mean(0) for set_ in (points.astype(np.float64), target.astype(np.float64)))
    # As complex numbers, turning and scaling is one multiplication.
    one, other = a[:, 0] + 1j * a[:, 1], b[:, 0] + 1j * b[:, 1]
    factor = np.vdot(one, other) / np.vdot(one, one).real
    turn = np.array(((factor.real, -factor.imag), (factor.imag, factor.real)))
    return np.column_stack((turn, target.mean(0) - turn @ points.mean(0)))
