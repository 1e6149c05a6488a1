"""Where in a photo faces are: searched all over, in overlapping parts, and any way up."""

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from cameo3d.blocks.processors import one_thread
from cameo3d.perception.face_detection import FaceDetector, load_detector

_DETECTION_SIZE = 1024
"""Long side, in pixels, of what is brought to the detectors' few pixels."""
_WAY_MARGIN = 3.0
"""Side of the square, in boxes, in which a detector looks at a face in four ways up."""
_ALIKE = 0.6
"""Least side of what is found there, over that of the box: an eye may look like a face."""

Box = Float32[np.ndarray, " corners"]
"""Left, top, right and bottom in pixels."""


def detect_faces(rgb: UInt8[np.ndarray, "height width 3"], min_confidence: float = 0.5) -> list[Box]:
    """Find boxes around faces, with MediaPipe's detectors for near and for far faces.

    Where the whole picture shows none, it is searched again with a wide border (for faces that fill it), then
    in overlapping parts (for faces that are small in it).

    Returns:
        Left, top, right and bottom of each face in pixels, surest first; the boxes reach from the forehead to
        the chin.
    """
    return [box for _, box in scored_boxes(rgb, min_confidence)]


def scored_boxes(
    rgb: UInt8[np.ndarray, "height width 3"], min_confidence: float = 0.5
) -> list[tuple[float, Box]]:
    """The same boxes, each with how sure a detector is of it, in [0, 1]."""
    height, width = rgb.shape[:2]
    border = max(height, width) // 2
    searches = ([(0, 0, width, height)], [(-border, -border, width + border, height + border)], _parts(rgb))
    detectors = (load_detector("near"), load_detector("far"))
    found: list[tuple[float, Box]] = []
    for windows in searches:
        found = [hit for window in windows for hit in _detect_in(rgb, window, detectors, min_confidence)]
        if found:
            break
    found.sort(key=lambda hit: -hit[0])
    hits: list[tuple[float, Box]] = []
    for score, box in found:
        if all(overlap(box, other) < 0.3 for _, other in hits):
            hits.append((score, box))
    return hits


def detect_in_box(rgb: UInt8[np.ndarray, "height width 3"], box: Box, turns: int) -> tuple[float, Box]:
    """Look for a face around a box, with the picture turned by quarters, counter-clockwise.

    Returns:
        How sure a detector is, 0 if it sees none there, and the face's box in the turned picture.
    """
    half = float(_WAY_MARGIN / 2 * (box[2:] - box[:2]).max())
    x, y = (float(c) for c in (box[:2] + box[2:]) / 2)
    window = np.array((x - half, y - half, x + half, y + half), np.float32)
    turned = np.ascontiguousarray(np.rot90(rgb, turns))
    there, seen = (turned_box(each, turns, *rgb.shape[:2]) for each in (box, window))
    left, top, right, bottom = seen.round().astype(int).tolist()
    hits = _detect_in(turned, (left, top, right, bottom), (load_detector("near"),), 0.5)
    side = (there[2:] - there[:2]).max()
    near = [
        (score, found)
        for score, found in hits
        if overlap(found, there) > 0.3 and (found[2:] - found[:2]).max() > _ALIKE * side
    ]
    return max(near, key=lambda hit: hit[0], default=(0.0, there))


def turned_box(box: Box, turns: int, height: int, width: int) -> Box:
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
    rgb: np.ndarray,
    window: tuple[int, int, int, int],
    detectors: tuple[FaceDetector, ...],
    min_confidence: float,
) -> Iterator[tuple[float, Box]]:
    left, top, right, bottom = window
    width, height = right - left, bottom - top
    side = max(width, height)
    picture = cut_window(rgb, window, min(1.0, _DETECTION_SIZE / side))
    corner = np.array((left - (side - width) / 2, top - (side - height) / 2), np.float32)
    for detector in detectors:
        with torch.inference_mode(), one_thread():
            (found,) = detector.detect(
                shown(picture, detector.side)[None], max(min_confidence, detector.least_score)
            )
        for hit in found:
            yield hit.score, hit.box.numpy() * np.float32(side) + np.tile(corner, 2)


def shown(rgb: UInt8[np.ndarray, "height width 3"], side: int) -> Float[Tensor, "3 side side"]:
    """A picture as a detector sees it: in the middle of a black square, in [-1, 1]."""
    height, width = rgb.shape[:2]
    step = max(height, width) / side
    matrix = np.array(((step, 0, (width - side * step) / 2), (0, step, (height - side * step) / 2)))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    small = cv2.warpAffine(rgb, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_CONSTANT)
    return torch.from_numpy(small).permute(2, 0, 1).float() / 127.5 - 1


def cut_window(
    rgb: UInt8[np.ndarray, "height width 3"], window: tuple[int, int, int, int], scale: float
) -> UInt8[np.ndarray, "rows columns 3"]:
    """One window (left, top, right, bottom) of a picture, black where it reaches over the border, resized."""
    height, width = rgb.shape[:2]
    left, top, right, bottom = window
    part = rgb[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    over = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
    part = cv2.copyMakeBorder(part, *over, cv2.BORDER_CONSTANT)
    size = (max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale)))
    return cv2.resize(part, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Shared area of two boxes over the area of the smaller one."""
    inner = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    areas = [float(np.prod(box[2:] - box[:2])) for box in (one, other)]
    return float(np.prod(inner.clip(min=0))) / max(min(areas), 1e-6)
