"""From a photo to a portrait: find the face, fit it, cut the person out."""

import logging
import math
from collections.abc import Callable

import cv2
import numpy as np
import torch
from jaxtyping import Float32, UInt8

from cameo3d.errors import FaceError
from cameo3d.geometry.crops import five_points, portrait_crop, shown_square
from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.face_topology import OVAL
from cameo3d.geometry.fitting import fit_portrait
from cameo3d.imaging.difference_matting import matte_by_difference
from cameo3d.perception.expression import expression_scores
from cameo3d.perception.glasses import find_glasses
from cameo3d.perception.landmarks import find_faces, turned_landmarks
from cameo3d.perception.lip_edges import find_lip_edges
from cameo3d.perception.matte import person_matte
from cameo3d.perception.sight import judge_sight
from cameo3d.perception.span import SCALE
from cameo3d.pipeline.options import Sharpen
from cameo3d.pipeline.sharpening import is_sharpened, sharpened
from cameo3d.values import Crop, Person, Portrait

logger = logging.getLogger(__name__)

LEAST_FACE = 64
"""Pixels across a face below which there is too little to animate."""
LEAST_PERSON = 0.5
"""Share of the face that must lie on what is recognised as a person."""
MOST_TILT_DEGREES = 65.0
"""Nobody holds the head further to the side; the photo is then turned by quarters."""
_CUT_OUT = 0.9
"""Share of what a photo's file says to be opaque that is the person if she was cut out."""
MOST_YAW = math.radians(60)
"""A face turned further away hides half of itself."""


CropRule = Callable[[Float32[np.ndarray, "478 3"], int, int], Crop]
"""From a face mesh in pixels and a picture's width and height to the square that becomes the avatar."""


def head_crop(landmarks: Float32[np.ndarray, "478 3"], width: int, height: int) -> Crop:
    """EG3D's square around head and shoulders, also beyond the picture."""
    return portrait_crop(landmarks)


def make_portrait(
    rgb: UInt8[np.ndarray, "height width 3"],
    face: int = 0,
    alpha: UInt8[np.ndarray, "height width"] | None = None,
    crop_rule: CropRule = head_crop,
    sharpen: Sharpen = "off",
) -> Portrait:
    """Find one person in a photo and measure face, pose and outline.

    A photo in which the head lies on its side or stands upside down is turned by quarters, until it is
    upright.

    Args:
        rgb: The photo, any way up.
        face: Which face, counted from the largest, 0.
        alpha: How opaque the photo is, if its file says so: nothing of the person lies where it is 0.
        crop_rule: Which square of the photo becomes the avatar.
        sharpen: Whether the photo is doubled in size by a network: "auto" if it is small.

    Raises:
        FaceError: If there is no such face, or it is too small, turned too far away, or merely drawn.
    """
    faces = find_faces(rgb, any_way_up=True)
    if not faces:
        raise FaceError("No face was found in the photo; give one that shows a face from the front.")
    if not 0 <= face < len(faces):
        raise FaceError(f"Face {face} was asked for, but the photo shows {len(faces)}; the largest is 0.")
    if len(faces) > 1:
        logger.warning("The photo shows %d faces; number %d is used, the largest is 0.", len(faces), face)
    rgb, landmarks, turns = _upright(rgb, faces[face])
    alpha = None if alpha is None else np.rot90(alpha, turns)
    width = float(np.ptp(landmarks[:468, 0]))
    if width < LEAST_FACE:
        raise FaceError(f"The face is {width:.0f} pixels wide and needs {LEAST_FACE}; give a larger photo.")
    model = load_face_model()
    crop = crop_rule(landmarks, rgb.shape[1], rgb.shape[0])
    if is_sharpened(sharpen, crop, rgb.shape[1], rgb.shape[0]):
        rgb, landmarks = sharpened(rgb, crop), landmarks * np.float32(SCALE)
        size = (rgb.shape[1], rgb.shape[0])
        alpha = None if alpha is None else cv2.resize(alpha, size, interpolation=cv2.INTER_LINEAR)
        crop = crop_rule(landmarks, *size)
    if shown_square(crop, landmarks, rgb.shape[1], rgb.shape[0]) != crop:
        logger.warning("The photo cuts the head; frames show what the photo holds, and little beyond it.")
    scores = expression_scores(landmarks[None])[0]
    fit = fit_portrait(model, landmarks, crop, scores)
    if abs(float(fit.rotation[0])) > MOST_YAW:
        raise FaceError(
            f"The face is turned away by {math.degrees(abs(float(fit.rotation[0]))):.0f} degrees, and at "
            f"most {math.degrees(MOST_YAW):.0f} are possible; give a photo that is closer to the front."
        )
    matte = bounded_matte(_matte(rgb, crop, landmarks), alpha)
    face_area = np.zeros(matte.shape, np.uint8)
    cv2.fillPoly(face_area, [np.rint(landmarks[list(OVAL), :2]).astype(np.int32)], 1)
    if matte[face_area > 0].mean() < LEAST_PERSON:
        raise FaceError("The face belongs to no person, as in a drawing; give a photo or a painting of one.")
    soft = torch.from_numpy(matte)
    person = Person(
        photo=torch.from_numpy(np.ascontiguousarray(rgb)),
        matte=(soft * 255).round().to(torch.uint8),
        crop=crop,
        identity=fit.identity,
        expression=fit.expression,
        rotation=fit.rotation,
        translation=fit.translation,
        gaze=fit.gaze,
        sight=judge_sight(rgb, landmarks, scores, float(fit.rotation[0])),
    )
    edges, worn = find_lip_edges(rgb, landmarks), find_glasses(rgb, landmarks)
    glasses = None if worn is None else torch.from_numpy(worn)
    return Portrait(person, soft, torch.from_numpy(landmarks), torch.from_numpy(edges), glasses)


def _upright(
    rgb: UInt8[np.ndarray, "_ _ 3"], landmarks: Float32[np.ndarray, "478 3"]
) -> tuple[UInt8[np.ndarray, "_ _ 3"], Float32[np.ndarray, "478 3"], int]:
    """Turn a photo by quarters if its head is tilted by more than any head that is held upright; how many."""
    right_eye, left_eye, *_ = five_points(landmarks)
    tilt = math.degrees(math.atan2(left_eye[1] - right_eye[1], left_eye[0] - right_eye[0]))
    if abs(tilt) <= MOST_TILT_DEGREES:
        return rgb, landmarks, 0
    turns = round(tilt / 90) % 4
    how = "stands upside down" if turns == 2 else "lies on its side"
    logger.warning(
        "The head in the photo %s; the photo was turned by %s.",
        how,
        "180 degrees" if turns == 2 else f"90 degrees to the {'left' if turns == 1 else 'right'}",
    )
    landmarks = turned_landmarks(landmarks, turns, *rgb.shape[:2])
    return np.ascontiguousarray(np.rot90(rgb, turns)), landmarks, turns


def _matte(
    rgb: UInt8[np.ndarray, "height width 3"], crop: Crop, landmarks: Float32[np.ndarray, "478 3"]
) -> Float32[np.ndarray, "height width"]:
    """The person's matte: fine around head and shoulders, coarser over the rest of the photo."""
    height, width = rgb.shape[:2]
    left, top = max(0, round(crop.center_x - crop.side)), max(0, round(crop.center_y - 0.9 * crop.side))
    right, bottom = (
        min(width, round(crop.center_x + crop.side)),
        min(height, round(crop.center_y + 1.1 * crop.side)),
    )
    matte = person_matte(rgb)
    if (right - left) * (bottom - top) < 0.7 * width * height:
        fine = person_matte(np.ascontiguousarray(rgb[top:bottom, left:right]))
        inset = np.pad(np.ones((bottom - top - 2, right - left - 2), np.uint8), 1)
        weight = np.clip(cv2.distanceTransform(inset, cv2.DIST_L2, 3) / (0.1 * crop.side), 0, 1)
        part = matte[top:bottom, left:right]
        part += (fine - part) * weight
    near = np.s_[top:bottom, left:right]
    matte[near] = matte_by_difference(np.ascontiguousarray(rgb[near]), matte[near], crop.side)
    return _fill_torso(matte, landmarks)


def bounded_matte(
    matte: Float32[np.ndarray, "height width"], alpha: UInt8[np.ndarray, "height width"] | None
) -> Float32[np.ndarray, "height width"]:
    """A matte within what the photo's file says to be opaque; that itself if somebody cut the person out.

    A round or otherwise cropped photo is opaque in its background, too, and only bounds the matte.
    """
    if alpha is None:
        return matte
    opaque = alpha.astype(np.float32) / 255
    is_cut_out = opaque.max() > 0 and float(np.sum(opaque * (matte > 0.5)) / np.sum(opaque)) > _CUT_OUT
    return opaque if is_cut_out else np.minimum(matte, opaque)


def _fill_torso(matte: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Below the torso there is torso, too, though badges and dark cloth confuse the network."""
    chin, height = landmarks[152, 1], np.ptp(landmarks[:468, 1])
    start = int(min(len(matte), chin + 0.45 * height))
    filled = matte.copy()
    filled[start:] = np.maximum.accumulate(matte[start:], axis=0)
    return filled
