"""Whose face it is: the embedding of dlib's recogniser, if its two packages are installed."""

import functools
import importlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from cameo3d.errors import WeightsError

_PACKAGE, _FILE = "face_recognition_models", "models/dlib_face_recognition_resnet_model_v1.dat"
_FIVE_POINTS = (263, 362, 33, 133, 2)
"""Vertices at dlib's points: outer and inner corner of the left, then the right eye, base of the nose."""


class DlibRecogniser:
    """dlib's ResNet (King, 2017), which sees the face upright in a square of 150 pixels.

    Its faces are placed by our landmarks instead of dlib's own.

    Args:
        dlib: The library.
        weights: Its file `dlib_face_recognition_resnet_model_v1.dat` (public domain).
    """

    def __init__(self, dlib: Any, weights: Path) -> None:
        self._dlib = dlib
        self._network = dlib.face_recognition_model_v1(str(weights))

    def __call__(
        self, rgb: UInt8[np.ndarray, "height width 3"], landmarks: Float32[np.ndarray, "478 3"]
    ) -> Float32[np.ndarray, "128"]:
        """Embed one face.

        Args:
            rgb: The picture.
            landmarks: The face's landmarks in its pixels.
        """
        corners = [round(float(x)) for x in (*landmarks[:, :2].min(0), *landmarks[:, :2].max(0))]
        points = [
            self._dlib.point(round(float(x)), round(float(y))) for x, y, _ in landmarks[list(_FIVE_POINTS)]
        ]
        face = self._dlib.full_object_detection(self._dlib.rectangle(*corners), points)
        return np.array(self._network.compute_face_descriptor(np.ascontiguousarray(rgb), face), np.float32)


@functools.cache
def load_recogniser() -> DlibRecogniser:
    """Load dlib's recogniser, once.

    Raises:
        WeightsError: If a package is missing.
    """
    why = missing_recogniser()
    spec = find_spec(_PACKAGE)
    if why or spec is None or spec.origin is None:
        raise WeightsError(why)
    return DlibRecogniser(importlib.import_module("dlib"), Path(spec.origin).parent / _FILE)


def missing_recogniser() -> str:
    """What the recogniser lacks, in one sentence; empty if it can be loaded."""
    absent = [
        package
        for name, package in (("dlib", "dlib-bin"), (_PACKAGE, "face-recognition-models"))
        if find_spec(name) is None
    ]
    if absent:
        return f"{' and '.join(absent)} is not installed; run `pip install cameo3d[evaluation]`."
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None or not (Path(spec.origin).parent / _FILE).is_file():
        return f"face-recognition-models lacks {_FILE}; install it again."
    return ""
