"""Calming a tracked motion without making it late: strong smoothing at rest, next to none in fast moves."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.values.motion import BLENDSHAPES, Motion

_BLINKS = [i for i, name in enumerate(BLENDSHAPES) if name.startswith("eyeBlink")]
_MOUTH = [i for i, name in enumerate(BLENDSHAPES) if name.startswith(("jaw", "mouth", "tongue"))]
_OTHERS = [i for i in range(len(BLENDSHAPES)) if i not in _BLINKS and i not in _MOUTH]


@dataclass(frozen=True)
class _Strength:
    """How one kind of number is smoothed at full strength."""

    rest_seconds: float
    """Standard deviation of the window at rest."""
    move_seconds: float
    """The same while it moves."""
    noise: float
    """Changes below this are rest, changes above three times this are moves; in the number's own unit."""


# Rest and move are told apart by how far the two smoothed curves differ, so a window of `move_seconds` is all
# the blur that a fast move can get.
_ROTATION = _Strength(0.20, 0.03, 0.004)
_POSITION = _Strength(0.20, 0.03, 0.0008)
_DISTANCE = _Strength(0.35, 0.10, 0.004)
_LIPS = _Strength(0.06, 0.02, 0.02)
_SKIN = _Strength(0.16, 0.04, 0.03)
_LIDS = _Strength(0.08, 0.0, 0.03)
_GAZE = _Strength(0.16, 0.02, 0.045)


def smooth_motion(motion: Motion, strength: float) -> Motion:
    """Smooth a tracked motion, symmetrically in time, so that nothing comes late.

    Args:
        motion: A motion at constant rate.
        strength: The knob, in [0, 1]: 0 leaves all as it is, 0.5 takes the jitter off a head at rest, 1
            makes for slow, floating heads. It scales every window; the distance to the camera is smoothed
            most, lips little, lids and moves beyond the jitter least.

    Raises:
        ValueError: If the strength lies outside [0, 1].
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"The strength of smoothing must lie within 0 and 1, got {strength}.")
    if strength == 0 or len(motion) < 3:
        return motion
    frames = strength * motion.frame_rate
    expression = motion.expression.double().numpy().copy()
    for columns, kind in ((_BLINKS, _LIDS), (_MOUTH, _LIPS), (_OTHERS, _SKIN)):
        expression[:, columns] = _calm(expression[:, columns], kind, frames)
    translation = motion.translation.double().numpy().copy()
    translation[:, :2] = _calm(translation[:, :2], _POSITION, frames)
    sight = translation[:, :2] / motion.translation[:, 2:].double().numpy()
    translation[:, 2:] = _calm(translation[:, 2:], _DISTANCE, frames)
    # A change of the distance alone must not shift the head in the picture.
    translation[:, :2] = sight * translation[:, 2:]
    gaze = _calm(motion.gaze.double().numpy().reshape(-1, 4), _GAZE, frames)
    return replace(
        motion,
        expression=torch.from_numpy(expression.clip(0, 1)).float(),
        rotation=torch.from_numpy(_calm(motion.rotation.double().numpy(), _ROTATION, frames)).float(),
        translation=torch.from_numpy(translation).float(),
        gaze=torch.from_numpy(gaze).float().reshape(-1, 2, 2),
    )


def _calm(
    values: Float[np.ndarray, "frames columns"], kind: _Strength, frames: float
) -> Float[np.ndarray, "frames columns"]:
    rest = gaussian_filter1d(values, kind.rest_seconds * frames, axis=0, mode="nearest")
    if kind.move_seconds * frames > 0.1:
        move = gaussian_filter1d(values, kind.move_seconds * frames, axis=0, mode="nearest")
    else:
        move = values
    # A move shows in frames around it, too: widen it a little, so that its start and end keep their shape.
    change = gaussian_filter1d(np.abs(move - rest), 0.5 * kind.rest_seconds * frames, axis=0, mode="nearest")
    change = np.maximum(change, np.abs(move - rest))
    return rest + (move - rest) * smoothstep((change - kind.noise) / (2 * kind.noise))
