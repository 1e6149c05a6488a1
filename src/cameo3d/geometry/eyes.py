"""How far lids are closed and where eyes look, in the head's own axes."""

import numpy as np
from jaxtyping import Float

from cameo3d.geometry.face_topology import (
    LEFT_LID_LOWER,
    LEFT_LID_UPPER,
    RIGHT_LID_LOWER,
    RIGHT_LID_UPPER,
)
from cameo3d.values.motion import BLENDSHAPES

EYEBALL_RADIUS = 0.012
"""Metres."""
CLOSED_GAP = 0.1
"""MediaPipe's lids do not always meet; this share of the usual opening counts as closed."""
_LIDS = ((LEFT_LID_UPPER, LEFT_LID_LOWER), (RIGHT_LID_UPPER, RIGHT_LID_LOWER))
_TOGETHER = 0.6
"""How much of the lag of one eye behind the other in a blink is taken away."""
_BLINKS = [BLENDSHAPES.index(f"eyeBlink{side}") for side in ("Left", "Right")]
_OTHERS = [
    [BLENDSHAPES.index(f"eye{name}{side}") for name in ("LookDown", "LookUp", "Squint", "Wide")]
    for side in ("Left", "Right")
]
"""The other shapes that move the left, then the right eye's lids."""
_CENTER = np.array((0.0015, -0.0012, 0.009))
"""The middle of the eyeball from the middle of the eye's corners: to the temple, down, into the head.

Metres; measured on studio portraits whose subjects look into the camera.
"""
_GAIN = 1.5
"""MediaPipe's irises move too little, as heads show that turn while their eyes stay on the camera."""
_OWN_YAW = 0.5
"""How much of the difference between both eyes' yaws is kept; the rest is noise. Both have one pitch."""
_LOOK_WEIGHT = 0.9
"""ARKit's eyeLook weights a radian of gaze; measured on tracked clips."""
_LOOKS = (
    (("eyeLookInLeft", "eyeLookOutRight"), 0, 1.0),
    (("eyeLookOutLeft", "eyeLookInRight"), 0, -1.0),
    (("eyeLookDownLeft", "eyeLookDownRight"), 1, 1.0),
    (("eyeLookUpLeft", "eyeLookUpRight"), 1, -1.0),
)
"""Which weights of the left and the right eye grow with yaw or pitch of the gaze, and with which sign."""


def lid_gaps(vertices: Float[np.ndarray, "468 3"]) -> Float[np.ndarray, "2"]:
    """How far the lids of the left and the right eye stand apart on average, metres; head axes."""
    gaps = [vertices[list(lower[2:-2]), 1] - vertices[list(upper[2:-2]), 1] for upper, lower in _LIDS]
    return np.array([gap.mean() for gap in gaps])


def lid_closures(gaps: Float[np.ndarray, "2"], open_gaps: Float[np.ndarray, "2"]) -> Float[np.ndarray, "2"]:
    """How far lids are closed: 0 at their usual opening, 1 closed, below 0 wider than usual.

    In a blink both eyes close alike, but MediaPipe often sees one of them lag, so once both are nearly half
    closed, it is drawn towards the further one; a wink stays one.
    """
    shut = CLOSED_GAP * open_gaps
    closures = ((open_gaps - gaps) / np.maximum(open_gaps - shut, 1e-4)).clip(-1, 1)
    together = _TOGETHER * np.clip((closures.min() - 0.3) / 0.2, 0, 1)
    return closures + together * (closures.max() - closures)


class Lids:
    """How a person's lids follow the weights, and which weights close them as far as was seen.

    Args:
        neutral: Neutral vertices in head axes, metres.
        basis: What each of ARKit's shapes adds.
    """

    def __init__(self, neutral: Float[np.ndarray, "468 3"], basis: Float[np.ndarray, "52 468 3"]) -> None:
        self.neutral_gaps = lid_gaps(neutral)
        effects = np.stack([lid_gaps(shape) for shape in basis])
        self._closing = -effects / np.maximum(self.neutral_gaps, 1e-3)

    def settle(
        self, expression: Float[np.ndarray, "52"], closures: Float[np.ndarray, "2"]
    ) -> Float[np.ndarray, "52"]:
        """Choose the eyeBlinks, so that all weights together close each eye as far as was seen.

        Below half closed, eyeBlink makes up for what looking down, squinting and widening leave. Towards
        closed lids, eyeBlink becomes the closure itself, 1 for a shut eye, and those others fade.
        """
        settled = expression.copy()
        for eye, closure in enumerate(closures):
            blink, others = _BLINKS[eye], _OTHERS[eye]
            closing = self._closing[:, eye]
            settled[blink] = 0
            by_others = settled[others] @ closing[others]
            fixed = settled @ closing - by_others
            left = (closure - fixed - by_others) / closing[blink]
            share = np.clip((closure - 0.4) / 0.5, 0, 1)
            settled[blink] = np.clip(left + (closure - left) * share * share * (3 - 2 * share), 0, 1)
            room = closure - fixed - settled[blink] * closing[blink]
            if abs(by_others) > 1e-3:
                settled[others] *= np.clip(room / by_others, 0, 1)
        return settled


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
    for eye, center in enumerate(eye_centers(neutral)):
        direction = directions[eye] / np.linalg.norm(directions[eye])
        nearest = origin - center + direction * (direction @ (center - origin))
        away = np.linalg.norm(nearest)
        if away >= EYEBALL_RADIUS:
            iris = nearest * (EYEBALL_RADIUS / away)
        else:
            iris = nearest - direction * np.sqrt(EYEBALL_RADIUS**2 - away**2)
        x, y, z = iris / EYEBALL_RADIUS
        angles[eye] = np.arctan2(-x, -z), np.arcsin(np.clip(y, -1, 1))
    common = angles.mean(0)
    return _GAIN * (common + (angles - common) * (_OWN_YAW, 0))


def eye_centers(neutral: Float[np.ndarray, "468 3"]) -> Float[np.ndarray, "2 3"]:
    """The middles of the left and the right eyeball of a person's neutral vertices; head axes, metres."""
    middles = [(neutral[upper[0]] + neutral[upper[-1]]) / 2 for upper, _ in _LIDS]
    return np.stack((middles[0] + _CENTER, middles[1] + _CENTER * (-1, 1, 1)))


def look_weights(gaze: Float[np.ndarray, "frames 2 2"]) -> Float[np.ndarray, "frames 52"]:
    """ARKit's eyeLook weights of a gaze, and 0 for all other shapes; lids follow them.

    Args:
        gaze: Yaw and pitch in radians of the left, then the right eye against the head.
    """
    weights = np.zeros((len(gaze), len(BLENDSHAPES)), gaze.dtype)
    for names, angle, sign in _LOOKS:
        columns = [BLENDSHAPES.index(name) for name in names]
        weights[:, columns] = (_LOOK_WEIGHT * sign * gaze[:, :, angle]).clip(0, 1)
    return weights
