"""Reenactment of the same person: when the photo is a frame of the driving video, start from that frame."""

from collections.abc import Iterable
from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import UInt8

from cameo3d.models.avatar import Avatar
from cameo3d.pipeline.motion import TrackedVideo

_SIDE = 96
"""Pixels across the small pictures that are compared."""
_SAME, _SURELY_SAME = 6.0, 2.0
"""Root mean square difference, in grey levels, below which two pictures are the same frame."""


def matching_frame(
    photo: UInt8[np.ndarray, "height width 3"], frames: Iterable[UInt8[np.ndarray, "height width 3"]]
) -> int | None:
    """Which frame of a video a photo is, or None if it is none of them; re-encoding is no hindrance.

    Args:
        photo: The photo.
        frames: Frames of the same size; the search stops at the first that is surely the photo.
    """
    wanted = _small(photo)
    best, least = None, _SAME
    for index, frame in enumerate(frames):
        difference = float(np.sqrt(np.mean((_small(frame) - wanted) ** 2)))
        if difference < least:
            best, least = index, difference
        if difference < _SURELY_SAME:
            break
    return best


def seen_at(avatar: Avatar, tracked: TrackedVideo, frame: int) -> tuple[Avatar, TrackedVideo]:
    """Bring an avatar and the tracked video, of which its photo is a frame, into agreement.

    A still and a video are not measured quite alike. The avatar takes shape, pose, expression and gaze as
    tracked in its own frame, so that this frame comes out as the photo itself, and every other one moves on
    from there. A head that the video takes for smaller, it takes for nearer, too: positions are scaled to the
    avatar's distance, at which its surface lies; no picture changes by that.
    """
    there = tracked.motion.frame(frame)
    scale = avatar.person.translation[2] / there.translation[0, 2]
    motion = replace(tracked.motion, translation=tracked.motion.translation * scale)
    person = replace(
        avatar.person,
        identity=tracked.identity,
        expression=there.expression[0],
        rotation=there.rotation[0],
        translation=motion.translation[frame],
        gaze=there.gaze[0],
    )
    return replace(avatar, person=person), replace(tracked, motion=motion)


def _small(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
