"""Meters of what our tracker sees: expression, pose and landmarks against the driver's, blinks and rest."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from cameo3d.evaluation.measures import Case, Figures, Measure, Moment, SeenFace
from cameo3d.evaluation.metrics.envelopes import read_loudness
from cameo3d.evaluation.metrics.faces import blink_of, opening_of
from cameo3d.evaluation.metrics.flicker import gray, motion_between, shrunk, warping_error
from cameo3d.evaluation.metrics.life import blinks_per_minute, rest_motion
from cameo3d.evaluation.metrics.meters import FrameMeter, NoMeter, Series, SeriesMeter
from cameo3d.evaluation.metrics.tracked import aed, akd, apd, lmd
from cameo3d.perception.expression import STABLE, in_head_axes, load_expression_net

NO_FACE = "No frame shows both the output's and the driver's face."
NO_OWN_FACE = "The output's face is seen in less than half of the frames."
NO_SOUND = "The clip has no sound."
_TRACKER = "MediaPipe face mesh and this package's expression network"
_QUIET_DECIBELS = 10.0
"""Below so much above the floor, 40 dB under the loudest frame, nobody speaks."""
_AKD_WIDTH = 256

_AED = Measure(
    *("aed[arkit]", "1", "lower", _TRACKER, "none", "as it comes", "none"),
    "52 weights in [0, 1]; mean absolute difference over weights, then frames",
)
_APD = Measure(
    *(
        "apd[arkit]",
        "rad",
        "lower",
        f"MediaPipe face mesh, {len(STABLE)} stable points",
        "none",
        "as it comes",
        "none",
    ),
    "yaw, pitch, roll the shorter way round; mean absolute difference over angles, then frames",
)
_AKD = Measure(
    *("akd[mediapipe]", "px", "lower", "MediaPipe face mesh, 468 points", "none"),
    *("coordinates scaled to frames 256 wide", "none", "mean distance over points, then frames"),
)
_LMD = Measure(
    *("lmd[mediapipe]", "mm", "lower", "MediaPipe face mesh, lips", "none", "as it comes", "none"),
    "heads turned to the front and scaled to the mean head, mouths' centres on each other; mean over points",
)
_BLINKS = Measure(
    *("blinks", "1/min", "near", _TRACKER, "none", "as it comes", "none"),
    "mean eyeBlink above 0.5, again only after it fell below 0.3",
)
_REST = Measure(
    *("rest_motion", "%", "lower", "MediaPipe face mesh, inner lips", "none", "as it comes", "none"),
    "standard deviation of the lip opening, in outer eye distances, in frames 30 dB below the loudest",
)
_FLICKER = Measure(
    *("flicker", "1", "lower", "DIS optical flow of the output itself (OpenCV, medium)", "none"),
    *("at most 256 wide", "flow there and back agrees", "pictures in [0, 1]; mean of frames"),
)
_FLICKER_TRUTH = Measure(
    *("flicker[truth flow]", "1", "lower", "DIS optical flow of the truth (OpenCV, medium)", "none"),
    *("at most 256 wide", "flow there and back agrees", "pictures in [0, 1]; mean of frames"),
)


def expression_meter() -> FrameMeter:
    """Expression against the driver's."""
    return FrameMeter(
        _AED, _of_both(lambda one, other: aed(one.expression[None], other.expression[None])), NO_FACE
    )


def pose_meter() -> FrameMeter:
    """Head pose against the driver's."""
    return FrameMeter(
        _APD, _of_both(lambda one, other: apd(one.rotation[None], other.rotation[None])), NO_FACE
    )


def keypoint_meter() -> FrameMeter:
    """Landmarks against the truth's."""

    def of_moment(moment: Moment) -> float | None:
        if moment.output_face is None or moment.driver_face is None:
            return None
        scale = _AKD_WIDTH / moment.output.shape[1]
        return scale * akd(moment.output_face.landmarks[None], moment.driver_face.landmarks[None])

    return FrameMeter(_AKD, of_moment, NO_FACE)


def lip_shape_meter() -> FrameMeter:
    """Shape of the lips against the same person's."""

    def distance(one: SeenFace, other: SeenFace) -> float:
        with torch.inference_mode():
            pair = torch.from_numpy(np.stack((one.landmarks, other.landmarks)))
            points, _ = in_head_axes(pair, load_expression_net().target)
        return lmd(1000 * points[:1].numpy(), 1000 * points[1:].numpy())

    return FrameMeter(_LMD, _of_both(distance), NO_FACE)


def blink_meter(case: Case) -> SeriesMeter:
    """Blinks a minute, and the driver's."""

    def figures(output: Series | None, driver: Series | None) -> Figures:
        if output is None:
            return Figures(None, NO_OWN_FACE)
        real = None if driver is None else blinks_per_minute(driver, case.frame_rate)
        return Figures(blinks_per_minute(output, case.frame_rate), "", output.tolist(), real)

    return SeriesMeter(
        _BLINKS, lambda moment: (blink_of(moment.output_face), blink_of(moment.driver_face)), figures
    )


def rest_meter(case: Case) -> SeriesMeter | NoMeter:
    """How much lips move while nothing is said, and the driver's do."""
    if case.sound is None:
        return NoMeter(_REST, NO_SOUND)
    sound: Path = case.sound

    def figures(output: Series | None, driver: Series | None) -> Figures:
        if output is None:
            return Figures(None, NO_OWN_FACE)
        silent = read_loudness(sound, case.frame_rate, len(output)) < _QUIET_DECIBELS
        if np.count_nonzero(silent) < 2:
            return Figures(None, "Nobody is silent in this clip.")
        real = None if driver is None else 100 * rest_motion(driver, silent)
        return Figures(100 * rest_motion(output, silent), "", (100 * output).tolist(), real)

    return SeriesMeter(
        _REST, lambda moment: (opening_of(moment.output_face), opening_of(moment.driver_face)), figures
    )


class FlickerMeter:
    """Difference of each frame and the one before it, moved along optical flow; the truth's as reference.

    Args:
        of_truth: Whether the flow is the truth's: what moves as it should not then counts, too.
    """

    def __init__(self, of_truth: bool) -> None:
        self.measure = _FLICKER_TRUTH if of_truth else _FLICKER
        self._of_truth = of_truth
        self._before: Moment | None = None
        self._values: list[float | None] = []
        self._real: list[float] = []

    def add(self, moment: Moment) -> None:
        """Look at the next frame."""
        before = self._before
        output, truth = shrunk(moment.output), None if moment.truth is None else shrunk(moment.truth)
        self._before = Moment(output, truth, None, None)
        if before is None:
            self._values.append(None)
            return
        real_motion = None
        if truth is not None and before.truth is not None:
            real_motion = motion_between(gray(before.truth), gray(truth))
            real = warping_error(before.truth, truth, *real_motion)
            self._real += [] if real is None else [real]
        motion = real_motion if self._of_truth else motion_between(gray(before.output), gray(output))
        self._values.append(None if motion is None else warping_error(before.output, output, *motion))

    def figures(self) -> Figures:
        """Mean over all pairs of frames."""
        known = [value for value in self._values if value is not None]
        if not known:
            return Figures(None, "There are no two frames to compare, or no truth to take the flow from.")
        real = float(np.mean(self._real)) if self._real else None
        return Figures(float(np.mean(known)), "", list(self._values), real)


def _of_both(distance: Callable[[SeenFace, SeenFace], float]) -> Callable[[Moment], float | None]:
    def of_moment(moment: Moment) -> float | None:
        if moment.output_face is None or moment.driver_face is None:
            return None
        return distance(moment.output_face, moment.driver_face)

    return of_moment
