"""Whose face it is: embeddings of dlib's recogniser and of SFace, from files of installed packages."""

import functools
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from cameo3d.errors import WeightsError
from cameo3d.perception.arcface import aligned_face
from cameo3d.perception.dlib_chip import face_chip
from cameo3d.perception.dlib_network import load_dlib_network
from cameo3d.perception.sface import load_sface
from cameo3d.weights.packages import DLIB, SFACE

Embedder = Callable[
    [UInt8[np.ndarray, "height width 3"], Float32[np.ndarray, "478 3"]], Float32[np.ndarray, " features"]
]
"""From a picture and its face's landmarks, in pixels, to an embedding."""


@functools.cache
def load_recogniser() -> Embedder:
    """Dlib's ResNet (King, 2017), which sees the face upright in a square of 150 pixels.

    Its faces are placed by our landmarks instead of dlib's own.

    Raises:
        WeightsError: If its package is missing or damaged.
    """
    path = DLIB.find()
    if path is None:
        raise WeightsError(DLIB.missing())
    network = load_dlib_network(path)
    return lambda rgb, landmarks: _embedded(network, face_chip(rgb, landmarks))


@functools.cache
def load_sface_recogniser() -> Embedder:
    """SFace, which sees the face where ArcFace does.

    Raises:
        WeightsError: If its package is missing or damaged.
    """
    path = SFACE.find()
    if path is None:
        raise WeightsError(SFACE.missing())
    network = load_sface(path)
    return lambda rgb, landmarks: _embedded(network, aligned_face(rgb, landmarks))


def _embedded(
    network: torch.nn.Module, face: UInt8[np.ndarray, "side side 3"]
) -> Float32[np.ndarray, " features"]:
    tensor = torch.from_numpy(face).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.inference_mode():
        return network(tensor)[0].numpy()
