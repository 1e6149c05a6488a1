"""What a driving video hides of its face: how surely each part is seen, and what it does meanwhile."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, UInt8
from scipy.ndimage import gaussian_filter1d, minimum_filter1d
from torch import Tensor

from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.perception.sight import covered_parts
from cameo3d.values.motion import BLENDSHAPES, Motion

PARTS = ("face", "left_eye", "right_eye", "mouth")
"""What is told of each frame, in this order."""
_EVERY = 4
"""Frames from one look at the parts to the next; a thing that hides a face stays longer."""
_UNSEEN, _SEEN = 0.35, 0.65
"""Below the first confidence nothing is believed of a part, from the second on all."""
_WIDER_SECONDS, _FADE_SECONDS = 0.16, 0.08
"""A hand disturbs landmarks so much before it hides them; and how fast one goes over to the other."""
_SHORT_SECONDS = 0.8
"""Parts that are hidden no longer go straight from what was before to what comes after."""
_REST_SECONDS = 0.3
"""In which a part that stays hidden has gone most of the way to rest."""
_MOUTH = [i for i, name in enumerate(BLENDSHAPES) if name.startswith(("jaw", "mouth", "tongue", "cheekPuff"))]
_EYES = [
    [i for i, name in enumerate(BLENDSHAPES) if name.startswith("eye") and name.endswith(side)]
    for side in ("Left", "Right")
]
_SAME_GAZE = (0, 1, 3, 2, 4, 5, 6)
"""For each of an eye's shapes, which of the other eye's goes with it: both look to one side together."""
NOTICED = 0.1
"""Share of the frames from which on a hidden part is told."""


class PartWatch:
    """Looks at a face's parts in every few frames."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(
        self, frame: UInt8[np.ndarray, "height width 3"], landmarks: Float[np.ndarray, "478 3"]
    ) -> Float[np.ndarray, "3"] | None:
        """How surely left eye, right eye and mouth are seen, if it is time for a look."""
        self._count += 1
        return None if self._count % _EVERY != 1 else 1 - covered_parts(frame, landmarks)


def confidences(
    looks: dict[int, Float[np.ndarray, "3"]], face: Float[np.ndarray, " frames"]
) -> Float[Tensor, "frames parts"]:
    """How surely each of `PARTS` is seen in every frame, in [0, 1].

    Args:
        looks: Of some frames, how surely the eyes and the mouth are seen.
        face: How surely there is a face, 0 where none was found.
    """
    frames = np.arange(len(face))
    parts = np.ones((len(face), 3))
    if looks:
        known = sorted(looks)
        seen = np.stack([looks[index] for index in known])
        if len(seen) > 2:  # one odd look among others is a mistake
            ends = np.concatenate((seen[:1], seen, seen[-1:]))
            seen = np.median(np.stack((ends[:-2], ends[1:-1], ends[2:])), axis=0)
        parts = np.stack([np.interp(frames, known, column) for column in seen.T], 1)
    return torch.from_numpy(np.column_stack((face, np.minimum(parts, face[:, None])))).float()


def rested_where_unseen(motion: Motion, seen: Float[Tensor, "frames parts"]) -> Motion:
    """The motion in which hidden parts do not follow landmarks that were only guessed.

    A mouth, and both eyes, that are hidden for long ease to rest; for a short while they go straight to what
    they do afterwards. One hidden eye does what the other does. Head and brows stay as they were measured.

    Args:
        motion: As tracked; frames without a face are held already.
        seen: How surely each of `PARTS` is seen.
    """
    frames = motion.frame_rate
    shares = _believed(seen[:, 1:].numpy(), frames)
    if shares.min() >= 1:
        return motion
    expression, gaze = motion.expression.numpy().copy(), motion.gaze.numpy().copy()
    left, right, mouth = shares.T
    expression[:, _MOUTH] = _blended(
        expression[:, _MOUTH], _eased(expression[:, _MOUTH], mouth, frames), mouth
    )
    measured = [(expression[:, columns].copy(), gaze[:, eye].copy()) for eye, columns in enumerate(_EYES)]
    both = np.maximum(left, right)
    for eye, own in enumerate((left, right)):
        other = (left, right)[1 - eye][:, None]
        for values, mine, theirs in (
            (expression[:, _EYES[eye]], measured[eye][0], measured[1 - eye][0][:, _SAME_GAZE]),
            (gaze[:, eye], measured[eye][1], measured[1 - eye][1]),
        ):
            rest = np.median(mine[own >= 1], axis=0) if values.shape[1] == 2 and (own >= 1).any() else 0.0
            alone = rest + _eased(mine - rest, both, frames)
            filled = _blended(mine, alone + (theirs - alone) * other, own)
            if values.shape[1] == 2:
                gaze[:, eye] = filled
            else:
                expression[:, _EYES[eye]] = filled
    return replace(motion, expression=torch.from_numpy(expression), gaze=torch.from_numpy(gaze))


def _believed(seen: np.ndarray, rate: float) -> np.ndarray:
    """How far each part's measure counts in each frame."""
    share = smoothstep((seen - _UNSEEN) / (_SEEN - _UNSEEN))
    if share.min() >= 1:
        return share
    share = minimum_filter1d(share, 2 * round(_WIDER_SECONDS * rate) + 1, axis=0, mode="nearest")
    return gaussian_filter1d(share, _FADE_SECONDS * rate, axis=0, mode="nearest")


def _blended(measured: np.ndarray, filled: np.ndarray, share: np.ndarray) -> np.ndarray:
    return (filled + (measured - filled) * share[:, None]).astype(np.float32)


def _eased(values: np.ndarray, share: np.ndarray, rate: float) -> np.ndarray:
    """What frames that are not believed have instead; 0 is rest."""
    filled, known = values.copy(), share > 0.5
    edges = np.flatnonzero(np.diff(np.concatenate(([True], known, [True])).astype(int)))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        before = values[start - 1] if start else np.zeros_like(values[0])
        after = values[end] if end < len(values) else np.zeros_like(values[0])
        steps = np.arange(1, end - start + 1)[:, None]
        if start and end < len(values) and end - start <= _SHORT_SECONDS * rate:
            filled[start:end] = before + (after - before) * steps / (end - start + 1)
        else:
            fall = _REST_SECONDS * rate / 2
            filled[start:end] = before * np.exp(-steps / fall) + after * np.exp(-steps[::-1] / fall)
    return filled
