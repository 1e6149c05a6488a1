"""The motion of a head that turns from side to side and nods, for a look at an avatar from all around."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.values import Motion


def orbit_motion(
    expression: Float[Tensor, "52"],
    rotation: Float[Tensor, "3"],
    translation: Float[Tensor, "3"],
    gaze: Float[Tensor, "2 2"],
    seconds: float,
    yaw_radians: float,
    pitch_radians: float,
    frame_rate: float = 25.0,
) -> Motion:
    """Turn a head once to each side, with two nods, around a pose; it ends where it began, so that it loops.

    Args:
        expression: ARKit weights, kept.
        rotation: Yaw, pitch and roll in radians to start from.
        translation: Head origin in the camera's axes in metres, kept.
        gaze: Yaw and pitch of both eyes in radians, kept.
        seconds: Length.
        yaw_radians: Largest turn away from the start, to either side.
        pitch_radians: Largest nod away from the start, up and down.
        frame_rate: Frames a second.

    Raises:
        ValueError: If it lasts less than one frame.
    """
    frame_count = round(seconds * frame_rate)
    if frame_count < 1:
        raise ValueError(f"An orbit lasts at least one frame, got {seconds} s at {frame_rate} frames/s.")
    phase = torch.arange(frame_count) * (2 * math.pi / frame_count)
    swing = torch.stack(
        (yaw_radians * phase.sin(), pitch_radians * (2 * phase).sin(), torch.zeros_like(phase)), 1
    )
    return Motion(
        expression.expand(frame_count, -1),
        rotation + swing,
        translation.expand(frame_count, -1),
        gaze.expand(frame_count, -1, -1),
        frame_rate,
        "orbit",
    )
