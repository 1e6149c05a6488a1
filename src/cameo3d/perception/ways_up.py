"""Which way up faces are in a photo: upright, on either side, or on their head."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from cameo3d.perception.expression import STABLE, in_head_axes, load_expression_net
from cameo3d.perception.face_search import Box, detect_in_box, scored_boxes, turned_box
from cameo3d.perception.face_square import FaceSquare, square_of_landmarks
from cameo3d.perception.seen_face import mesh_in

_LOOKS = 2
"""How often the mesh looks at a face in each way up; by the second look it has settled."""
_BOX_MARGIN = 1.5
"""Side of the first look's square, in boxes."""
_DETECTOR, _MESH = 20.0, 3.0
"""Millimetres off a mean face that a sure detector, and a mesh that is sure of a face, outweigh."""
_SURELY_UPRIGHT = 14.5
"""No other way is tried from there on. Of 64 upright portraits four in five lie above, and none of 192 that
were turned when they are taken for upright."""


def boxes_any_way_up(rgb: UInt8[np.ndarray, "height width 3"]) -> Iterator[tuple[int, Box]]:
    """Each face's way up: quarters by which the picture is turned, counter-clockwise, and its box there.

    Detectors and the mesh find faces in wrong ways up, too. But there they are less sure, and the mesh, which
    has only seen upright faces, gets a shape that no face has: its points lie further off a mean face. What
    is no face any way up may hide one that lies elsewhere, so then the picture is searched in all ways.
    """
    found = [way_up(rgb, box, score) for score, box in scored_boxes(rgb)]
    if not any(way.is_face for way in found):
        for turns in (2, 1, 3):
            turned = np.ascontiguousarray(np.rot90(rgb, turns))
            for score, box in scored_boxes(turned):
                found.append(way_up(rgb, turned_box(box, -turns % 4, *turned.shape[:2]), score, turns))
    for way in [way for way in found if way.is_face] or found:
        yield way.turns, way.box


class Way(NamedTuple):
    """A face in one way up."""

    likeness: float
    """How much like an upright face it looks then."""
    is_face: bool
    """Whether the mesh takes it for one."""
    turns: int
    """Quarters by which the picture is turned for that, counter-clockwise."""
    box: Box
    """Around the face in the turned picture."""


def way_up(rgb: UInt8[np.ndarray, "height width 3"], box: Box, score: float, turns: int = 0) -> Way:
    """Find out in which way up a face is upright.

    Args:
        rgb: The picture.
        box: Around the face.
        score: How sure a detector was of it in the whole picture.
        turns: Quarters by which that picture was turned.
    """
    scores = [0.0] * 4
    scores[turns] = score
    upright = _look(rgb, box, 0, scores[0])
    if upright.likeness > _SURELY_UPRIGHT:
        return upright
    others = [_look(rgb, box, turns, scores[turns]) for turns in (1, 2, 3)]
    return max([upright, *others], key=lambda way: way.likeness)


def _look(rgb: np.ndarray, box: Box, turns: int, score: float) -> Way:
    x, y = ((box[:2] + box[2:]) / 2).tolist()
    square = FaceSquare(x, y, _BOX_MARGIN * float((box[2:] - box[:2]).max()), turns * math.pi / 2)
    for _ in range(_LOOKS):
        (face,) = mesh_in(rgb, [square])
        square = square_of_landmarks(face.landmarks)
    detected, there = detect_in_box(rgb, box, turns)
    off = millimetres_off(torch.from_numpy(face.landmarks))
    likeness = _DETECTOR * max(score, detected) - _MESH * (1 - face.confidence) - off
    return Way(likeness, face.confidence > 0.5, turns, there if turns else box)


def millimetres_off(landmarks: Float[Tensor, "478 3"]) -> float:
    """How far the vertices that expressions hardly move lie off those of the mean face, laid over them."""
    target = load_expression_net().target
    points, _ = in_head_axes(landmarks, target)
    return 1000 * float((points[list(STABLE)] - target).norm(dim=1).mean())
