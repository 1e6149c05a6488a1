"""Blinks on top of a driver's own, or none at all."""

from dataclasses import replace

import torch

from cameo3d.geometry.basel.pncc_blinks import blink_amount
from cameo3d.models.voice.contract import FRAME_RATE, Blink
from cameo3d.values import BLENDSHAPES, Motion

_BLINKS = [BLENDSHAPES.index("eyeBlinkLeft"), BLENDSHAPES.index("eyeBlinkRight")]


def with_lids(motion: Motion, blink: Blink, seed: int = 0) -> Motion:
    """A driven motion with other blinks.

    Args:
        motion: Of the person in the photo.
        blink: "natural" and "none" leave the driver's own; "period" adds one every five seconds, the first at
            once, as Real3D-Portrait does; "open" holds the eyes open.
        seed: Varies how long regular blinks last.
    """
    if blink in ("natural", "none"):
        return motion
    expression = motion.expression.clone()
    if blink == "open":
        expression[:, _BLINKS] = 0
    else:
        count = len(motion)
        times = [round(frame * FRAME_RATE / motion.frame_rate) for frame in range(count)]
        shut = torch.tensor([blink_amount(time, seed) for time in times])[:, None]
        expression[:, _BLINKS] = expression[:, _BLINKS].maximum(shut)
    return replace(motion, expression=expression)
