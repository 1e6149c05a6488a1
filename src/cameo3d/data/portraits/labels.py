"""Conditions of Real3D-Portrait's voice: when eyes blink, and how far the mouth opens."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

_CLOSED = 0.85
"""Eyes count as closed below this share of their usual opening, the 75 % quantile."""


def blink_spikes(opening: Float[np.ndarray, " frames"]) -> Int[np.ndarray, " frames"]:
    """1 in the middle of each run of closed eyes; a run that lasts to the end has none, as officially."""
    closed = opening < _CLOSED * np.quantile(opening, 0.75)
    spikes = np.zeros(len(opening), np.int64)
    steps = np.diff(np.concatenate(([0], closed.astype(np.int8), [0])))
    for first, end in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True):
        if end < len(opening):
            spikes[(first + end - 1) // 2] = 1
    return spikes


def eye_openings(landmarks: Float[np.ndarray, "frames 478 _"]) -> Float[np.ndarray, " frames"]:
    """Distance of the lids over the width of the eye, the mean of both eyes."""
    parts = []
    for upper, lower, inner, outer in ((159, 145, 133, 33), (386, 374, 362, 263)):
        high = np.linalg.norm(landmarks[:, upper, :2] - landmarks[:, lower, :2], axis=1)
        wide = np.linalg.norm(landmarks[:, inner, :2] - landmarks[:, outer, :2], axis=1)
        parts.append(high / np.maximum(wide, 1e-6))
    return np.mean(parts, axis=0)


def mouth_amplitude(points: Float[Tensor, "frames 68 3"]) -> float:
    """90 % quantile over a clip of the distance, all axes added up, of the middle of the lips."""
    return float(torch.quantile((points[:, 51] - points[:, 57]).abs().sum(dim=1), 0.9))
