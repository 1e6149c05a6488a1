"""The motion of a head that turns from side to side and nods, for a look at an avatar from all around."""

import math

import torch

from cameo3d.values import Motion, Person


def orbit_motion(
    person: Person,
    seconds: float,
    yaw_radians: float,
    pitch_radians: float,
    frame_rate: float = 25.0,
) -> Motion:
    """Turn a head once to each side, with two nods, around a pose; it ends where it began, so that it loops.

    Args:
        person: Whose pose to start from; expression, place and gaze are kept.
        seconds: Length.
        yaw_radians: Largest turn away from the start, to either side.
        pitch_radians: Largest nod away from the start, up and down.
        frame_rate: Frames per second.

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
        person.expression.expand(frame_count, -1),
        person.rotation + swing,
        person.translation.expand(frame_count, -1),
        person.gaze.expand(frame_count, -1, -1),
        frame_rate,
        "orbit",
    )
