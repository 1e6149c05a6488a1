"""What lies beyond the photo where its border cuts the head: a soft continuation that shows no face part."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from cameo3d.geometry.crops import head_ellipse
from cameo3d.geometry.face_topology import OVAL
from cameo3d.imaging.inpainting import cloth_likeness, fill_holes
from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.models.relief.skull import find_skull

_PERSON = 0.95
"""Coverage from which on a pixel's colour is the person's own."""
_HAIR, _LEAST_HAIR = 0.6, 0.02
"""How unlike skin hair is, and how much of it must be seen, in areas of the face, to go on with it."""
_HAIRLINE, _INTO_HAIR = 0.02, 0.15
"""Where the hair begins above the forehead, and over how much of the face's height skin goes over into it."""
_SOFT, _BAND = 0.02, 0.03
"""How soft the head's outline is, and how far from the border a matte is not sure, in heights of the head."""
_TEMPLE = 0.1
"""Heights of the face above the eyes over which a head gets as wide as heads are with their hair."""
_LEAST_BACKGROUND = 0.001
"""Share of the canvas that must show background to go on with it."""


class Continued(NamedTuple):
    """A canvas that reaches over the photo's border."""

    image: UInt8[np.ndarray, "side side 3"]
    """The photo, and beyond it the person's colours, ever softer."""
    matte: Float32[np.ndarray, "side side"]
    """The person's coverage; beyond the photo the head is as round as a head."""
    backdrop: UInt8[np.ndarray, "side side 3"]
    """The background's colours everywhere."""


def continue_beyond(
    image: UInt8[np.ndarray, "side side 3"],
    matte: Float32[np.ndarray, "side side"],
    outside: Bool[np.ndarray, "side side"],
    landmarks: Float32[np.ndarray, "478 3"],
) -> Continued:
    """Continue a photo that cuts the head.

    Args:
        image: The canvas; what it holds beyond the photo is not read.
        matte: The person's coverage, continued straight beyond the photo.
        outside: Which pixels lie beyond the photo.
        landmarks: Landmarks on the canvas, pixels.
    """
    colors, matte = image.astype(np.float32), _rounded(matte, outside, landmarks)
    person = fill_holes(colors, outside | (matte < _PERSON))
    hair = _hair(image, matte, outside, landmarks)
    if hair is not None:
        share = smoothstep((_above_forehead(landmarks, len(image)) - _HAIRLINE) / _INTO_HAIR)
        person += (fill_holes(colors, ~hair) - person) * share[..., None]
    unknown = outside | (cv2.dilate(matte, np.ones((9, 9))) > 0.02)
    if (~unknown).mean() < _LEAST_BACKGROUND:
        edge = cv2.morphologyEx((~outside).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3))) > 0
        backdrop = np.broadcast_to(np.median(colors[edge & ~outside], 0), colors.shape)
    else:
        backdrop = fill_holes(colors, unknown)
    return Continued(
        np.where(outside[..., None], _bytes(person), image),
        matte,
        _bytes(backdrop),
    )


def _rounded(matte: np.ndarray, outside: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Beyond the photo the head ends as a head does; what is below the chin goes on straight."""
    ellipse = head_ellipse(landmarks)
    y, x = np.mgrid[: len(matte), : len(matte)] + 0.5
    away = ellipse.distances(np.stack((x, y), -1))
    head = np.clip((1 - away) * ellipse.width / 2 / (_SOFT * ellipse.height) + 0.5, 0, 1)
    chin, height = landmarks[152, :2], np.linalg.norm(landmarks[152, :2] - landmarks[10, :2])
    below = (np.stack((x, y), -1) - chin) @ ellipse.down / height
    skull = find_skull(landmarks)
    offset = np.stack((x, y), -1) - skull.center
    length = np.linalg.norm(offset, axis=-1).clip(1)
    crown = (skull.reach(offset / length[..., None]) - length) / (_SOFT * ellipse.height) + 0.5
    upper = (landmarks[6, :2] - np.stack((x, y), -1)) @ ellipse.down / height
    head = np.maximum(head, crown.clip(0, 1) * smoothstep(upper / _TEMPLE))
    kept = np.maximum(head, smoothstep(below / 0.25))
    continued = _from_the_border(matte, ~outside, away < 1, max(1, round(_BAND * ellipse.height)))
    face = np.zeros(matte.shape, np.uint8)
    cv2.fillPoly(face, [np.rint(landmarks[list(OVAL), :2]).astype(np.int32)], 1)
    return np.where(outside, continued * kept, np.maximum(continued, face)).astype(np.float32)


def _from_the_border(matte: np.ndarray, inside: np.ndarray, head: np.ndarray, band: int) -> np.ndarray:
    """Continue a matte straight over the photo's borders, next to which it is not sure of the head."""
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    part, near = matte[top:bottom, left:right].copy(), head[top:bottom, left:right]
    gaps = np.ones((4 * band + 1, 1))
    for border, turns in ((right < len(matte), 0), (bottom < len(matte), 1), (left > 0, 2), (top > 0, 3)):
        if border:
            turned, around = np.rot90(part, turns), np.rot90(near, turns)  # views: this border to the right
            edge = turned[:, -band:].max(1, keepdims=True).astype(np.float32)
            edge = cv2.morphologyEx(edge, cv2.MORPH_CLOSE, gaps).reshape(-1, 1)
            turned[:, -band:] = np.maximum(turned[:, -band:], edge * around[:, -band:])
    return np.pad(part, ((top, len(matte) - bottom), (left, len(matte) - right)), "edge")


def _above_forehead(landmarks: np.ndarray, side: int) -> np.ndarray:
    """How far each pixel lies above the top of the forehead, in heights of the face."""
    top, down = landmarks[10, :2], landmarks[152, :2] - landmarks[10, :2]
    y, x = np.mgrid[:side, :side] + 0.5
    return -((np.stack((x, y), -1) - top) @ down) / float(down @ down)


def _hair(
    image: np.ndarray, matte: np.ndarray, outside: np.ndarray, landmarks: np.ndarray
) -> Bool[np.ndarray, "side side"] | None:
    """Where the photo shows hair around the upper half of the face; None if it shows hardly any."""
    oval = landmarks[list(OVAL), :2]
    face = np.zeros(matte.shape, np.uint8)
    cv2.fillPoly(face, [np.rint(oval).astype(np.int32)], 1)
    near = cv2.dilate(face, np.ones((3, 3)), iterations=max(1, round(0.02 * float(np.ptp(oval[:, 1])))))
    ellipse = head_ellipse(landmarks)
    y, x = np.mgrid[: len(matte), : len(matte)] + 0.5
    places = np.stack((x, y), -1)
    upper = (places - landmarks[6, :2]) @ ellipse.down < 0
    around = (ellipse.distances(places) < 1.35) & upper & ~outside & (matte > _PERSON) & (near == 0)
    hair = around & (cloth_likeness(image, oval) > _HAIR)
    hair = cv2.erode(hair.astype(np.uint8), np.ones((3, 3))) > 0
    return hair if hair.sum() > _LEAST_HAIR * face.sum() else None


def _bytes(colors: np.ndarray) -> np.ndarray:
    return np.rint(colors).clip(0, 255).astype(np.uint8)
