"""A webcam's face: pictures in, one after the other; the motion against a neutral face comes out at once."""

from dataclasses import replace

import cv2
import numpy as np
import torch
from jaxtyping import UInt8

from cameo3d.geometry.crops import portrait_crop
from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.fitting import FrameFitter, fit_identity
from cameo3d.models.voice.contract import FRAME_RATE
from cameo3d.perception.expression import expression_scores
from cameo3d.pipeline.motion import FaceFollower
from cameo3d.values import Motion
from cameo3d.values.motion import joined

_MOST_PIXELS = 480
"""Larger pictures are scaled down to this, longer side."""
_STUDY_PICTURES = 6
"""The shape of the head is fitted to so many first pictures."""
_NEUTRAL_PICTURES = 12
"""The mean of so many pictures, once the shape is known, counts as the neutral face."""
_REST, _MOVE = 0.25, 0.85
"""How much of the way to a new value is gone in a picture: at rest, and in a fast move."""
_NOISE_ROTATION, _NOISE_METRES, _NOISE_SHAPE, _NOISE_GAZE = 0.006, 0.002, 0.05, 0.05


class WebcamFace:
    """Follows one face live, without looking ahead; not for several threads at once."""

    def __init__(self) -> None:
        self._follower = FaceFollower(0)
        self._study: list[np.ndarray] = []
        self._fitter: FrameFitter | None = None
        self._neutral: list[Motion] = []
        self._reference: Motion | None = None
        self._last: Motion | None = None

    def see(self, rgb: UInt8[np.ndarray, "height width 3"]) -> tuple[Motion, Motion] | None:
        """Look at the next picture.

        Returns:
            The face's motion, one frame, and its neutral frame; None while no face is seen, or the first
            pictures are studied.
        """
        scale = _MOST_PIXELS / max(rgb.shape[:2])
        if scale < 1:
            size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
            rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        landmarks = self._follower(np.ascontiguousarray(rgb))
        if landmarks is None:
            return None
        fitter = self._fitter_for(landmarks)
        if fitter is None:
            return None
        fit = fitter(landmarks, expression_scores(landmarks[None])[0])
        seen = Motion(
            fit.expression[None],
            fit.rotation[None],
            fit.translation[None],
            fit.gaze[None],
            FRAME_RATE,
            "webcam",
        )
        self._last = seen = seen if self._last is None else _calmed(self._last, seen)
        if self._reference is None:
            self._neutral.append(seen)
            if len(self._neutral) < _NEUTRAL_PICTURES:
                return None
            self._reference = _mean(self._neutral)
        return seen, self._reference

    def recentre(self) -> None:
        """Take the face of the next pictures as the neutral one."""
        self._neutral, self._reference = [], None

    def _fitter_for(self, landmarks: np.ndarray) -> FrameFitter | None:
        if self._fitter is None:
            self._study.append(landmarks)
            if len(self._study) < _STUDY_PICTURES:
                return None
            crop = portrait_crop(np.median(np.stack(self._study), axis=0).astype(np.float32))
            seen = np.stack(self._study)
            model = load_face_model()
            identity = fit_identity(model, seen, crop, expression_scores(seen), rounds=2)
            self._fitter, self._study = FrameFitter(model, identity, crop), []
        return self._fitter


def _mean(motions: list[Motion]) -> Motion:
    """One frame: the mean of all."""
    whole = joined(motions)
    return replace(
        motions[0],
        expression=whole.expression.mean(0, keepdim=True),
        rotation=whole.rotation.mean(0, keepdim=True),
        translation=whole.translation.mean(0, keepdim=True),
        gaze=whole.gaze.mean(0, keepdim=True),
    )


def _calmed(last: Motion, seen: Motion) -> Motion:
    """The new frame with less of the tracker's noise: what hardly changes is drawn to what it was."""

    def calm(before: torch.Tensor, now: torch.Tensor, noise: float) -> torch.Tensor:
        change = (now - before).abs() / noise
        return before + (now - before) * (_REST + (_MOVE - _REST) * ((change - 1) / 2).clamp(0, 1))

    return replace(
        seen,
        expression=calm(last.expression, seen.expression, _NOISE_SHAPE),
        rotation=calm(last.rotation, seen.rotation, _NOISE_ROTATION),
        translation=calm(last.translation, seen.translation, _NOISE_METRES),
        gaze=calm(last.gaze, seen.gaze, _NOISE_GAZE),
    )
