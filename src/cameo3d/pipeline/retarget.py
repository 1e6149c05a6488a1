"""From the motion of a driver to the motion of the person in the photo."""

import math
from dataclasses import replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.geometry.rotations import angles_from_matrices, matrices_from_angles
from cameo3d.values.motion import BLENDSHAPES, Motion

_LIMITS_DEGREES = (30.0, 22.0, 25.0)
"""How far yaw, pitch and roll may leave the photo's own: a relief cannot turn further."""
_MOVE_LIMITS = (0.06, 0.05, 0.10)
"""How far the head may move across, down and towards the camera from its place in the photo, metres."""
_SOFT_SHARE = 0.7
"""Below this share of a limit nothing is changed; beyond, motion slows down towards it."""
_MAX_NEUTRAL = 0.6
"""A driver who never relaxes keeps at least this much of what their most neutral frame shows off."""
_LEAST_RANGE = 0.3
"""Weights are stretched to reach 1 again as if the neutral frame showed at most 1 minus this."""
_GAZE_LIMIT = 0.6
"""Radians."""
_BLINKS = [i for i, name in enumerate(BLENDSHAPES) if name.startswith("eyeBlink")]
_EFFORTS = [i for i, name in enumerate(BLENDSHAPES) if not name.startswith(("eyeBlink", "eyeLook"))]


@runtime_checkable
class Posed(Protocol):
    """Whatever knows how the person looks in the photo: a portrait or an avatar."""

    @property
    def rotation(self) -> Float[Tensor, "3"]:
        """Head yaw, pitch and roll in radians."""
        ...

    @property
    def translation(self) -> Float[Tensor, "3"]:
        """Head origin in the crop camera's axes, in metres."""
        ...

    @property
    def gaze(self) -> Float[Tensor, "2 2"]:
        """Yaw and pitch in radians of the left, then the right eye against the head."""
        ...


def relative_motion(motion: Motion, source: Posed, reference: Motion | None = None) -> Motion:
    """Move the person from the photo's pose by what the driver moves from a neutral frame.

    The expression starts from a neutral face, whatever the photo's own is, and takes over what the driver's
    differs from the reference; weights are stretched so that a fully closed eye is 1 again. The head turns
    from the photo's pose as the driver's does from the reference, and moves as far as the driver's seen from
    the same distance, both up to soft limits. The eyes look where they looked in the photo, plus what the
    driver's looked away from the reference.

    Args:
        motion: The driver's.
        source: How the person looks in the photo.
        reference: One frame that counts as the driver's zero; by default its most neutral one.

    Raises:
        ValueError: If the reference is not one frame.
    """
    if reference is None:
        reference = motion.frame(neutral_frame(motion))
    if len(reference) != 1:
        raise ValueError(f"The reference is one frame, got {len(reference)}.")
    base = matrices_from_angles(reference.rotation[0])
    change = matrices_from_angles(motion.rotation) @ base.mT
    turned = angles_from_matrices(change @ matrices_from_angles(source.rotation))
    distance = source.translation[2] / reference.translation[0, 2]
    moved = source.translation + (motion.translation - reference.translation) * distance
    return replace(
        motion,
        expression=_relative_expression(motion.expression, reference.expression[0]),
        rotation=_limited(turned, source.rotation, torch.tensor(_LIMITS_DEGREES).deg2rad()),
        translation=_limited(moved, source.translation, torch.tensor(_MOVE_LIMITS)),
        gaze=(source.gaze + motion.gaze - reference.gaze).clamp(-_GAZE_LIMIT, _GAZE_LIMIT),
    )


def absolute_motion(motion: Motion, source: Posed) -> Motion:
    """Take over the driver's expression, pose and gaze as they are: the same person in the same framing."""
    del source
    return motion


def with_pose(motion: Motion, pose: Motion | None, source: Posed | None = None) -> Motion:
    """Replace head pose and gaze by those of another motion.

    Args:
        motion: What keeps its expression, length and frame rate.
        pose: Whose pose is taken, resampled to the frame rate and played forth and back to the length. None
            holds the head still.
        source: Where a still head is held; by default where it is in the first frame.
    """
    if pose is None:
        held = source or _Frame(motion.rotation[0], motion.translation[0], motion.gaze[0])
        count = len(motion)
        return replace(
            motion,
            rotation=held.rotation.expand(count, 3),
            translation=held.translation.expand(count, 3),
            gaze=held.gaze.expand(count, 2, 2),
        )
    times = torch.arange(len(motion)) * (pose.frame_rate / motion.frame_rate)
    last = len(pose) - 1
    there_and_back = last - (times.remainder(2 * last) - last).abs() if last else torch.zeros_like(times)
    before = there_and_back.floor().long().clamp(max=max(last - 1, 0))
    after = (before + 1).clamp(max=last)
    share = there_and_back - before

    def played(values: Tensor) -> Tensor:
        weight = share.view(-1, *[1] * (values.dim() - 1))
        return values[before] + (values[after] - values[before]) * weight

    return replace(
        motion, rotation=played(pose.rotation), translation=played(pose.translation), gaze=played(pose.gaze)
    )


def neutral_frame(motion: Motion) -> int:
    """The frame with the least expression, among those in which the head is near its usual pose."""
    blink = motion.expression[:, _BLINKS].amax(1)
    # Closed eyes are the last thing that a neutral frame should have.
    effort = motion.expression[:, _EFFORTS].sum(1) + 10 * blink
    turn = (motion.rotation - motion.rotation.median(0).values).norm(dim=1)
    usual = turn <= turn.quantile(0.6) if len(turn) > 1 else turn >= 0
    return int(torch.where(usual, effort, math.inf).argmin())


class _Frame:
    def __init__(self, rotation: Tensor, translation: Tensor, gaze: Tensor) -> None:
        self.rotation, self.translation, self.gaze = rotation, translation, gaze


def _relative_expression(
    expression: Float[Tensor, "frames 52"], neutral: Float[Tensor, "52"]
) -> Float[Tensor, "frames 52"]:
    neutral = neutral.clamp(max=_MAX_NEUTRAL)
    return ((expression - neutral).clamp(min=0) / (1 - neutral).clamp(min=_LEAST_RANGE)).clamp(max=1)


def _limited(
    values: Float[Tensor, "frames 3"], center: Float[Tensor, "3"], limits: Float[Tensor, "3"]
) -> Float[Tensor, "frames 3"]:
    """Bend what leads away from a centre smoothly, so that it never passes the limits."""
    offset = values - center
    soft = _SOFT_SHARE * limits
    room = limits - soft
    beyond = (offset.abs() - soft).clamp(min=0)
    return center + offset.sign() * (torch.minimum(offset.abs(), soft) + room * torch.tanh(beyond / room))
