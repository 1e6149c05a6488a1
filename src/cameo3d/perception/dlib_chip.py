"""The upright square that dlib's recogniser sees, cut out as dlib does it, to the pixel."""

import math

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from cameo3d.perception.dlib_network import SIDE

FIVE_POINTS = (263, 362, 33, 133, 2)
"""Vertices at dlib's points: outer and inner corner of the left, then the right eye, base of the nose."""
_PADDING = 0.25
_TEMPLATE = np.array(
    (
        (0.8595674595992, 0.2134981538014),
        (0.6460604764104, 0.2289674387677),
        (0.1205750620789, 0.2137274526848),
        (0.3340850613712, 0.2290642403242),
        (0.4901123135679, 0.6277975316475),
    )
)
"""Where dlib's mean face has these points, in sides of the face's own box."""
_KERNEL = np.array((1, 4, 6, 4, 1), np.float32) / 16


def face_chip(
    rgb: UInt8[np.ndarray, "height width 3"], landmarks: Float32[np.ndarray, "478 3"]
) -> UInt8[np.ndarray, "150 150 3"]:
    """The face, black outside the picture.

    Args:
        rgb: The picture.
        landmarks: The face's landmarks in its pixels.
    """
    place = _source_from_chip(np.rint(landmarks[list(FIVE_POINTS), :2].astype(np.float64)))
    halvings = max(0, math.ceil(math.log2(np.hypot(*place[:, 0]))) - 1)
    # dlib halves only the part around the face, so where that begins decides which pixels are kept.
    left, top = _corner(place, margin=4 * 2**halvings - 2) if halvings else (0, 0)
    picture = rgb[top:, left:].astype(np.float32)
    place[:, 2] -= (left, top)
    for _ in range(halvings):
        picture = _halved(picture)
        # dlib's own rule of where points go, a quarter of a pixel off.
        place = place / 2
        place[:, 2] -= (1.25, 0.75)
    chip = cv2.warpAffine(picture, place, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return chip.astype(np.uint8)


def _source_from_chip(points: Float[np.ndarray, "5 2"]) -> Float[np.ndarray, "2 3"]:
    """The similarity of least squares from the chip's pixels to the picture's."""
    template = (_TEMPLATE + _PADDING) / (1 + 2 * _PADDING) * SIDE
    there, here = template - template.mean(0), points - points.mean(0)
    # As complex numbers, turning and scaling is one multiplication.
    one, other = there[:, 0] + 1j * there[:, 1], here[:, 0] + 1j * here[:, 1]
    factor = np.vdot(one, other) / np.vdot(one, one).real
    centre = points.mean(0) + _turn(factor) @ (SIDE / 2 - template.mean(0))
    # dlib cuts a rectangle that is as wide, but counts pixels between its outermost ones.
    turn = _turn(factor / abs(factor) * (abs(factor) * SIDE - 1) / (SIDE - 1))
    return np.column_stack((turn, centre - turn @ np.full(2, (SIDE - 1) / 2)))


def _corner(place: Float[np.ndarray, "2 3"], margin: int) -> tuple[int, int]:
    """The left upper corner of what dlib looks at: the turned square with a margin, inside the picture."""
    ends = np.array([(x, y, 1) for x in (0, SIDE - 1) for y in (0, SIDE - 1)])
    left, top = (max(0, math.floor(x - margin + 0.5)) for x in (ends @ place.T).min(0))
    return left, top


def _turn(factor: complex) -> Float[np.ndarray, "2 2"]:
    return np.array(((factor.real, -factor.imag), (factor.imag, factor.real)))


def _halved(picture: Float32[np.ndarray, "height width 3"]) -> Float32[np.ndarray, "rows columns 3"]:
    smooth = cv2.sepFilter2D(picture, -1, _KERNEL, _KERNEL)
    return np.floor(smooth[2:-2:2, 2:-2:2])
