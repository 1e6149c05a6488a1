"""Taking the photo apart as the official inference does: head, torso behind it, and background."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8
from scipy.ndimage import distance_transform_edt

from cameo3d.models.real3d.segmentation import (
    BACKGROUND,
    BODY_SKIN,
    CLOTHES,
    FACE_SKIN,
    HAIR,
    OTHERS,
    classify,
)

_DARKENING = 0.98
"""Of each pixel that is painted behind the head, against the one below."""
_CLOTHES_UP, _NECK_UP = 9, 53
"""How many pixels clothes and neck are continued upwards behind the head."""
_NECK_DOWN = 4
"""How far below its upper border the neck's colour is taken."""
_TRUSTED = 10
"""Pixels from the person from which on the background is not touched by it."""


@dataclass(frozen=True)
class Layers:
    """A photo's crop taken apart."""

    classes: Bool[np.ndarray, "6 side side"]
    """Background, hair, body skin, face skin, clothes, others."""
    head: UInt8[np.ndarray, "side side 3"]
    """The head on black."""
    torso: UInt8[np.ndarray, "side side 3"]
    """The torso on black, continued behind the head."""
    background: UInt8[np.ndarray, "side side 3"]
    """The background without the person."""


def take_apart(
    image: UInt8[np.ndarray, "side side 3"],
    matte: Float32[np.ndarray, "side side"],
    landmarks: Float32[np.ndarray, "478 3"],
    covered_eyes: tuple[bool, bool] = (False, False),
    classes: Bool[np.ndarray, "6 side side"] | None = None,
) -> Layers:
    """Take a head-and-shoulders picture apart.

    Args:
        image: The picture.
        matte: The person's coverage, in [0, 1].
        landmarks: The face mesh in pixels of the picture.
        covered_eyes: Whether dark lenses cover the left and the right eye.
        classes: What a network says of each pixel; by default `classify` does without one.
    """
    if classes is None:
        classes = classify(image, matte, landmarks, covered_eyes)
    head = classes[HAIR] | classes[FACE_SKIN] | classes[OTHERS]
    return Layers(
        classes=classes,
        head=np.where(head[..., None], image, 0).astype(np.uint8),
        torso=continued_torso(image, head, classes[BODY_SKIN], classes[CLOTHES]),
        background=nearest_background(image, ~classes[BACKGROUND]),
    )


def continued_torso(
    image: UInt8[np.ndarray, "height width 3"],
    head: Bool[np.ndarray, "height width"],
    neck: Bool[np.ndarray, "height width"],
    clothes: Bool[np.ndarray, "height width"],
) -> UInt8[np.ndarray, "height width 3"]:
    """The torso on black; below the head its colours go on upwards, a little darker with every pixel."""
    picture = np.where(head[..., None], 0, image).astype(np.float32)
    neck = cv2.dilate(neck.astype(np.uint8), np.ones((3, 1), np.uint8), iterations=3) > 0
    shown, behind = neck | clothes, np.zeros_like(neck)
    for column, row in _tops(clothes, head):
        _paint_up(picture, shown, column, row, _CLOTHES_UP)
    for column, row in _tops(neck, head):
        down = min(int(neck[:, column].sum()) - 1, _NECK_DOWN)
        _paint_up(picture, behind, column, row + down, _NECK_UP)
    blurred = cv2.GaussianBlur(picture, (5, 5), 4)
    picture = np.where(behind[..., None], blurred, picture)
    shown |= behind
    return np.where(shown[..., None], picture, 0).clip(0, 255).astype(np.uint8)


def nearest_background(
    image: UInt8[np.ndarray, "height width 3"], person: Bool[np.ndarray, "height width"]
) -> UInt8[np.ndarray, "height width 3"]:
    """Every pixel of or near the person in the colour of the nearest one that is neither."""
    trusted = np.asarray(distance_transform_edt(~person)) > _TRUSTED if person.any() else ~person
    if not trusted.any():
        return np.zeros_like(image)
    nearest = distance_transform_edt(~trusted, return_distances=False, return_indices=True)
    rows, columns = np.asarray(nearest)
    return image[rows, columns]


def _tops(mask: np.ndarray, head: np.ndarray) -> list[tuple[int, int]]:
    """Column and row of the topmost pixel of each column of a mask, where the one above is head."""
    rows = mask.argmax(axis=0)
    return [
        (column, row)
        for column, row in enumerate(rows.tolist())
        if row > 0 and mask[row, column] and head[row - 1, column]
    ]


def _paint_up(picture: np.ndarray, mask: np.ndarray, column: int, row: int, count: int) -> None:
    """Paint so many pixels of a column, a row's own and those above, in its colour, and mark them."""
    part = slice(max(row - count + 1, 0), row + 1)
    steps = row - np.arange(part.start, part.stop)
    picture[part, column] = picture[row, column] * (_DARKENING**steps)[:, None]
    mask[part, column] = True
