"""How far lids are closed and where eyes look, in the head's own axes."""

import numpy as np
from jaxtyping import Float

from cameo3d.geometry.face_topology import (
    LEFT_LID_LOWER,
    LEFT_LID_UPPER,
    RIGHT_LID_LOWER,
    RIGHT_LID_UPPER,
)

EYEBALL_RADIUS = 0.012
"""Metres."""
CLOSED_GAP = 0.15
"""MediaPipe's lids never quite meet; this share of the usual opening counts as closed."""
_LIDS = ((LEFT_LID_UPPER, LEFT_LID_LOWER), (RIGHT_LID_UPPER, RIGHT_LID_LOWER))
_CENTER_DEPTH, _CENTER_DROP = 0.009, 0.0
"""Where the middle of the eyeball lies from the middle of the eye's corners: into the head, and down; metres."""


def lid_gaps(vertices: Float[np.ndarray, "468 3"]) -> Float[np.ndarray, "2"]:
    """How far the lids of the left and the right eye stand apart on average, metres; head axes."""
    gaps = [vertices[list(lower[2:-2]), 1] - vertices[list(upper[2:-2]), 1] for upper, lower in _LIDS]
    return np.array([gap.mean() for gap in gaps])


def lid_closures(
    gaps: Float[np.ndarray, "2"], open_gaps: Float[np.ndarray, "2"]
) -> Float[np.ndarray, "2"]:
    """How far lids are closed: 0 at their usual opening or wider, 1 closed."""
    shut = CLOSED_GAP * open_gaps
    return ((open_gaps - gaps) / np.maximum(open_gaps - shut, 1e-4)).clip(0, 1)


def gaze_angles(
    rays: Float[np.ndarray, "2 3"],
    neutral: Float[np.ndarray, "468 3"],
    rotation: Float[np.ndarray, "3 3"],
    translation: Float[np.ndarray, "3"],
) -> Float[np.ndarray, "2 2"]:
    """Yaw and pitch of both eyes against the head, from where the camera sees the irises.

    Args:
        rays: Directions from the camera to the middle of the left and of the right iris.
        neutral: The person's neutral vertices in head axes, metres.
        rotation: `camera_from_head`.
        translation: Head origin in the camera's axes, metres.

    Returns:
        Radians; an iris that lies off the eyeball counts as its nearest edge.
    """
    origin = -rotation.T @ translation
    directions = rays @ rotation
    angles = np.zeros((2, 2))
    for eye, (upper, _) in enumerate(_LIDS):
        center = (neutral[upper[0]] + neutral[upper[-1]]) / 2 + (0, _CENTER_DROP, _CENTER_DEPTH)
        direction = directions[eye] / np.linalg.norm(directions[eye])
        nearest = origin - center + direction * (direction @ (center - origin))
        away = np.linalg.norm(nearest)
        if away >= EYEBALL_RADIUS:
            iris = nearest * (EYEBALL_RADIUS / away)
        else:
            iris = nearest - direction * np.sqrt(EYEBALL_RADIUS**2 - away**2)
        x, y, z = iris / EYEBALL_RADIUS
        angles[eye] = np.arctan2(-x, -z), np.arcsin(np.clip(y, -1, 1))
    return angles
