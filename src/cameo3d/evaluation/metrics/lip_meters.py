"""Meters of how lips and lids go with the driver's, and lips with the sound, without any network."""

import math
from pathlib import Path

import numpy as np

from cameo3d.evaluation.measures import Case, Figures, Measure, Meter, Moment
from cameo3d.evaluation.metrics.envelopes import read_loudness
from cameo3d.evaluation.metrics.faces import eyes_of, jaw_of, opening_of
from cameo3d.evaluation.metrics.lips import lip_correlation, lip_delay_frames, voice_match
from cameo3d.evaluation.metrics.meters import NoMeter, Series, SeriesMeter
from cameo3d.evaluation.metrics.motion_meters import NO_OWN_FACE, NO_SOUND

_LIPS = "MediaPipe face mesh, inner lips"
_JAW = "this package's expression network (jawOpen)"
_MOST_LIPS, _MOST_VOICE = 8, 15
"""Largest delays that are tried, in frames."""
_LEAST_CLEARNESS = 8.0
"""Times one over the square root of the frames: what a match needs to count (docs/evaluation.md)."""
_NO_FACES = "The output's or the driver's face is seen in less than half of the frames."

_CORRELATION = Measure(
    *("lip_correlation", "1", "higher", _LIPS, "none", "as it comes", "none"),
    "lip opening in outer eye distances; Pearson correlation with the driver's over the clip",
)
_EYES = Measure(
    *("eye_correlation", "1", "higher", "MediaPipe face mesh, edges of the lids", "none", "as it comes"),
    *("none", "eye opening in widths of the eye; Pearson correlation with the driver's, if that moves"),
)
_LEAST_LIDS = 0.02
"""Standard deviation of the driver's eye opening below which nothing but the tracker's noise is left."""
_DELAY = Measure(
    *("lip_delay", "ms", "near", _LIPS, "none", "as it comes", "none"),
    "delay of best correlation with the driver's lip opening, within 8 frames; positive: lips late",
)
_OFFSET = Measure(
    *("av_offset[envelope]", "ms", "near", _JAW, "none", "as it comes", "none"),
    "delay of best match with the loudness in 200 to 3500 Hz, within 15 frames, if clear; +: lips late",
)
_CONFIDENCE = Measure(
    *("sync_confidence[envelope]", "1", "higher", _JAW, "none", "as it comes", "none"),
    "best match less the median match of all delays, each the sum of two correlations",
)


def lip_correlation_meter() -> SeriesMeter:
    """Correlation of the lip openings."""

    def figures(output: Series | None, driver: Series | None) -> Figures:
        if output is None or driver is None:
            return Figures(None, _NO_FACES)
        return Figures(lip_correlation(output, driver), "", output.tolist())

    return SeriesMeter(_CORRELATION, _openings, figures)


def eye_correlation_meter() -> SeriesMeter:
    """Correlation of the eye openings; clips without a blink or a look down have none."""

    def figures(output: Series | None, driver: Series | None) -> Figures:
        if output is None or driver is None:
            return Figures(None, _NO_FACES)
        if driver.std() < _LEAST_LIDS:
            return Figures(None, "The driver's lids hardly move in this clip.")
        return Figures(lip_correlation(output, driver), "", output.tolist())

    return SeriesMeter(_EYES, _eyes, figures)


def lip_delay_meter(case: Case) -> SeriesMeter:
    """Delay of the lips against the driver's."""

    def figures(output: Series | None, driver: Series | None) -> Figures:
        if output is None or driver is None:
            return Figures(None, _NO_FACES)
        if len(output) <= 2 * _MOST_LIPS:
            return Figures(
                None, f"A delay needs more than {2 * _MOST_LIPS} frames, the clip has {len(output)}."
            )
        if min(output.std(), driver.std()) < 1e-6:
            return Figures(None, "Lips that never move have no delay.")
        frames = lip_delay_frames(output, driver, _MOST_LIPS)
        return Figures(1000 * frames / case.frame_rate, reference=0.0)

    return SeriesMeter(_DELAY, _openings, figures)


def voice_meters(case: Case) -> list[Meter]:
    """Delay of the lips against the sound, and how clear it is."""
    if case.sound is None:
        return [NoMeter(_OFFSET, NO_SOUND), NoMeter(_CONFIDENCE, NO_SOUND)]
    sound: Path = case.sound

    def match(output: Series | None) -> np.ndarray | str:
        if output is None:
            return NO_OWN_FACE
        if len(output) <= 2 * _MOST_VOICE:
            return f"A delay needs more than {2 * _MOST_VOICE} frames, the clip has {len(output)}."
        loudness = read_loudness(sound, case.frame_rate, len(output))
        if min(float(output.std()), float(loudness.std())) < 1e-6:
            return "A mouth that never moves, or a sound that never changes, has no delay."
        return voice_match(output, loudness, _MOST_VOICE)

    def offset(output: Series | None, driver: Series | None) -> Figures:
        found = match(output)
        if isinstance(found, str) or output is None:
            return Figures(None, str(found))
        clear, least = _clearness(found), _LEAST_CLEARNESS / math.sqrt(len(output))
        if clear < least:
            why = f"Mouth and voice match too vaguely to tell a delay: {clear:.2f}, needed {least:.2f}."
            return Figures(None, why)
        return Figures(1000 * (int(np.argmax(found)) - _MOST_VOICE) / case.frame_rate, reference=0.0)

    def confidence(output: Series | None, driver: Series | None) -> Figures:
        found, real = match(output), match(driver)
        if isinstance(found, str):
            return Figures(None, found)
        return Figures(_clearness(found), reference=None if isinstance(real, str) else _clearness(real))

    return [SeriesMeter(_OFFSET, _jaws, offset), SeriesMeter(_CONFIDENCE, _jaws, confidence)]


def _clearness(matches: np.ndarray) -> float:
    return float(matches.max() - np.median(matches))


def _openings(moment: Moment) -> tuple[float | None, float | None]:
    return opening_of(moment.output_face), opening_of(moment.driver_face)


def _eyes(moment: Moment) -> tuple[float | None, float | None]:
    return eyes_of(moment.output_face), eyes_of(moment.driver_face)


def _jaws(moment: Moment) -> tuple[float | None, float | None]:
    return jaw_of(moment.output_face), jaw_of(moment.driver_face)
