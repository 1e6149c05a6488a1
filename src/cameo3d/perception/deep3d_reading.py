"""Deep3DFaceRecon's coefficients of a face, from the square that it was trained on."""

import functools
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float32, UInt8

from cameo3d.geometry.basel.bfm import PICTURE_SIZE, FaceCoefficients
from cameo3d.geometry.crops import portrait_crop
from cameo3d.perception.deep3d import FaceRegressor
from cameo3d.values import Crop
from cameo3d.weights.conversion.goha import convert_regressor, read_regressor
from cameo3d.weights.imported import load_weights
from cameo3d.weights.released import RELEASED

_SIDE_OF_PORTRAIT = (224 / 102) / (700 / 300)
"""A decimetre of the mean head is 102 of its 224 pixels, and 300 of 700 pixels of the portrait's square."""


@functools.cache
def load_regressor(path: Path) -> FaceRegressor:
    """The network with the weights of `epoch_20.pth`.

    Raises:
        WeightsError: If the file cannot be opened or has another layout.
    """
    network = FaceRegressor()
    network.load_state_dict(convert_regressor(read_regressor(path), network.state_dict()))
    return network.eval().requires_grad_(False)


def load_imported_regressor() -> FaceRegressor:
    """The network with the weights that `cameo3d weights import goha` brought.

    Raises:
        WeightsError: If they are missing or damaged.
    """
    name = "goha-regressor"
    network = FaceRegressor()
    network.load_state_dict(load_weights(RELEASED[name].demand(), name))
    return network.eval().requires_grad_(False)


def face_coefficients(
    network: FaceRegressor,
    rgb: UInt8[np.ndarray, "height width 3"],
    landmarks: Float32[np.ndarray, "478 3"],
) -> FaceCoefficients:
    """Coefficients of one face.

    Args:
        network: The loaded regressor.
        rgb: The picture.
        landmarks: The face's landmarks in its pixels.
    """
    crop = portrait_crop(landmarks)
    tensor = torch.from_numpy(trained_square(rgb, crop)).permute(2, 0, 1).float()[None] / 255
    with torch.inference_mode():
        return FaceCoefficients.from_vectors(network.regress(tensor))


def trained_square(rgb: UInt8[np.ndarray, "height width 3"], crop: Crop) -> UInt8[np.ndarray, "224 224 3"]:
    """The picture scaled, then cut at whole pixels, black outside, as in the release.

    Args:
        rgb: The picture.
        crop: The portrait's square in it.
    """
    scale = PICTURE_SIZE / (crop.side * _SIDE_OF_PORTRAIT)
    height, width = rgb.shape[:2]
    size = (max(1, int(width * scale)), max(1, int(height * scale)))
    scaled = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = (round(scale * x - PICTURE_SIZE / 2) for x in (crop.center_x, crop.center_y))
    right, bottom = left + PICTURE_SIZE - size[0], top + PICTURE_SIZE - size[1]
    over = (max(-top, 0), max(bottom, 0), max(-left, 0), max(right, 0))
    framed = cv2.copyMakeBorder(scaled, *over, cv2.BORDER_CONSTANT)
    top, left = max(top, 0), max(left, 0)
    return framed[top : top + PICTURE_SIZE, left : left + PICTURE_SIZE]
