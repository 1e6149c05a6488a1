"""From the teacher's scores to ARKit weights that a relaxed face has at about zero and a closed eye at one.

The teacher calls the eyes of most relaxed people a little squinted, and an eye that is shut three quarters
closed; and it gives a pucker nearly its full score long before lips are as round as they can get.
"""

import numpy as np
from topology import mirrored_names
from tracks import Tracks

from cameo3d.values import BLENDSHAPES

RELAXED = ("london_neutral", "canada")
"""Picture sets of people who were asked to look neutral."""
FULL = {"eyeBlinkLeft": 0.75, "eyeBlinkRight": 0.75, "mouthPucker": 1.25}
POWER = {"mouthPucker": 2.0}


def calibration(tracks: Tracks) -> np.ndarray:
    """Score of a relaxed face, score at weight 1, and exponent of every shape: (3, 52)."""
    relaxed = np.array([name.startswith(RELAXED) for name in tracks.source])
    assert relaxed.sum() > 100, "too few pictures of relaxed faces were tracked"
    scores = tracks.scores[relaxed]
    rest = np.median(np.concatenate((scores, scores[:, mirrored_names()])), axis=0)
    full = np.array([FULL.get(name, 1.0) for name in BLENDSHAPES])
    power = np.array([POWER.get(name, 1.0) for name in BLENDSHAPES])
    return np.stack((rest, full, power)).astype(np.float64)


def weights_from_scores(scores: np.ndarray, calibrated: np.ndarray) -> np.ndarray:
    """Weights of scores, which may fall below zero for faces that are more than relaxed."""
    rest, full, power = calibrated
    weights = ((scores - rest) / (full - rest)).clip(-1, 1)
    return np.sign(weights) * np.abs(weights) ** power
