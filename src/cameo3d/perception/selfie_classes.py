"""MediaPipe's selfie network of six classes, as Real3D-Portrait's program asks it; the file is the user's."""

import functools
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Bool, UInt8

from cameo3d.errors import WeightsError
from cameo3d.perception.tflite import TfliteNetwork
from cameo3d.weights.conversion.tflite import read_tflite
from cameo3d.weights.user_files import SELFIE_CLASSES, file_stamp, own_networks

_MOST_SIDE = 1024
CLASSES = 6
"""Background, hair, skin of the body, skin of the face, clothes, others."""


def selfie_classes_file() -> Path | None:
    """The user's file, if it is there."""
    path = own_networks().folder / SELFIE_CLASSES
    return path if path.is_file() else None


def selfie_classes(
    rgb: UInt8[np.ndarray, "height width 3"], path: Path
) -> Bool[np.ndarray, "6 height width"]:
    """The likeliest class of each pixel; probabilities are resized to the picture, as MediaPipe does.

    Raises:
        WeightsError: If the file is damaged or no such network.
    """
    network = load_selfie_classes(path)
    _, height, width, _ = network.graph.shapes[network.graph.inputs[0]]
    small = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    seen = (small - network.graph.mean) / network.graph.deviation
    found = network(torch.from_numpy(seen.astype(np.float32))[None])[0].numpy()
    if found.ndim != 3 or found.shape[2] != CLASSES:
        raise WeightsError(f"{path} does not tell {CLASSES} classes apart; take {SELFIE_CLASSES} itself.")
    large = cv2.resize(found, (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_LINEAR)
    return large.argmax(axis=2) == np.arange(CLASSES)[:, None, None]


def load_selfie_classes(path: Path) -> TfliteNetwork:
    """The network of a file, read once until the file changes.

    Raises:
        WeightsError: If it is damaged, or does not see pictures of three colours.
    """
    return _loaded(path, file_stamp(path))


@functools.lru_cache(maxsize=1)
def _loaded(path: Path, stamp: tuple[int, int]) -> TfliteNetwork:
    network = TfliteNetwork(read_tflite(path))
    shape = network.graph.shapes[network.graph.inputs[0]]
    if (
        len(shape) != 4
        or shape[0] != 1
        or shape[3] != 3
        or not 1 <= min(shape[1:3]) <= max(shape) <= _MOST_SIDE
    ):
        raise WeightsError(f"{path} sees {shape} instead of a picture; take {SELFIE_CLASSES} itself.")
    return network
