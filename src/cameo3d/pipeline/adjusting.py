"""Apply what the user changes about a driver's motion, the same way for every driver.

In this order, each on what the one before gives: `only` and `strength`, between the photo and the driver;
then `head`, `gaze` and `set`. What the photo hides is held still after all that, and `loop` comes last. All
but `loop` work frame by frame, so that motion may come in chunks.
"""

import difflib
import math
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.errors import InputError
from cameo3d.geometry.eyes import eye_centers, look_weights
from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.rotations import matrices_from_angles
from cameo3d.pipeline.adjustments import Adjustments, Retouch
from cameo3d.pipeline.retarget import GAZE_LIMIT, limited_turn, turned_about_the_neck
from cameo3d.values import BLENDSHAPES, Motion, Person

_PREFIXES = {
    "lips": ("jaw", "mouth", "tongue", "cheekPuff"),
    "eyes": ("eye",),
    "brows": ("brow",),
    "face": ("cheekSquint", "nose"),
}
"""How the names of ARKit's shapes begin that belong to a part."""
_LOOP_SECONDS = 0.5


def adjusted(motion: Motion, source: Person, adjustments: Adjustments, limited: bool = True) -> Motion:
    """All of the user's changes but the loop.

    Args:
        motion: Of the person in the photo, all of it or a chunk.
        source: How the photo shows the person.
        adjustments: The changes.
        limited: Whether turns that are changed end softly where a relief cannot turn further.

    Raises:
        InputError: If `set` names no blendshape.
    """
    return retouched(_strengthened(motion, source, adjustments, limited), source, adjustments, limited)


def retouched(motion: Motion, source: Person, retouch: Retouch, limited: bool = True) -> Motion:
    """Turn the head, direct the gaze and add weights; see `adjusted`."""
    if retouch.head != "driver":
        motion = _turned(motion, source, _head_offset(source, retouch), limited)
    if retouch.gaze != "driver":
        motion = _looking(motion, source, retouch)
    if retouch.set:
        added = motion.expression + added_weights(retouch)
        motion = replace(motion, expression=added.clamp(0, 1))
    return motion


def looped(motion: Motion) -> Motion:
    """Lead the last half second back to the first frame, so that the motion can be repeated."""
    count = min(len(motion) // 2, round(_LOOP_SECONDS * motion.frame_rate))
    if count < 1:
        return motion
    # It is 1 on the frame after the last one, which is the first one again.
    way = torch.arange(1, count + 1) / (count + 1)
    way = way * way * (3 - 2 * way)

    def led(values: Tensor) -> Tensor:
        share = way.view(-1, *[1] * (values.dim() - 1))
        end = values[-count:]
        return torch.cat((values[:-count], end + (values[:1] - end) * share))

    return replace(
        motion,
        expression=led(motion.expression),
        rotation=led(motion.rotation),
        translation=led(motion.translation),
        gaze=led(motion.gaze),
        basel=None if motion.basel is None else led(motion.basel),
        basel_weights=None if motion.basel_weights is None else led(motion.basel_weights),
    )


def added_weights(retouch: Retouch) -> Float[Tensor, "52"]:
    """What `set` adds to each weight.

    Raises:
        InputError: If it names no shape, no pair of shapes without Left and Right, and no part of the face.
    """
    added = torch.zeros(len(BLENDSHAPES))
    for name, number in retouch.set.items():
        added[_columns(name)] += number
    return added


def _columns(name: str) -> list[int]:
    if name in _PREFIXES:
        return [i for i, shape in enumerate(BLENDSHAPES) if shape.startswith(_PREFIXES[name])]
    wanted = (name, f"{name}Left", f"{name}Right")
    columns = [i for i, shape in enumerate(BLENDSHAPES) if shape in wanted]
    if not columns:
        near = difflib.get_close_matches(name, BLENDSHAPES, 1, 0.4)
        guess = f"did you mean {near[0]}?" if near else f"names are ARKit's, such as {BLENDSHAPES[17]}."
        raise InputError(f"There is no blendshape {name!r}; {guess}")
    return columns


def _strengthened(motion: Motion, source: Person, adjustments: Adjustments, limited: bool) -> Motion:
    shares = {part: adjustments.strength_of(part) for part in ("lips", "eyes", "brows", "face")}
    if any(share != 1 for share in shares.values()):
        share = torch.ones(len(BLENDSHAPES))
        for part, number in shares.items():
            share[_columns(part)] = number
        expression = source.expression + (motion.expression - source.expression) * share
        gaze = source.gaze + (motion.gaze - source.gaze) * shares["eyes"]
        motion = replace(
            motion,
            expression=expression.clamp(0, 1),
            gaze=gaze.clamp(-GAZE_LIMIT, GAZE_LIMIT),
        )
    share = adjustments.strength_of("pose")
    if share == 1:
        return motion
    turned = source.rotation + (motion.rotation - source.rotation) * share
    moved = source.translation + (motion.translation - source.translation) * share
    turned = limited_turn(turned, source) if limited and share > 1 else turned
    return replace(motion, rotation=turned, translation=moved)


def _turned(motion: Motion, source: Person, offset: Float[Tensor, "3"], limited: bool) -> Motion:
    turned = motion.rotation + offset
    turned = limited_turn(turned, source) if limited else turned
    # The neck stays where the driver has it.
    swing = turned_about_the_neck(turned, source) - turned_about_the_neck(motion.rotation, source)
    return replace(motion, rotation=turned, translation=motion.translation + swing)


def _head_offset(source: Person, retouch: Retouch) -> Float[Tensor, "3"]:
    if not isinstance(retouch.head, str):
        return torch.tensor(retouch.head).deg2rad()
    x, y, z = (source.translation / source.translation.norm()).tolist()
    facing = torch.tensor((math.atan2(x, z), math.asin(-y), 0.0))
    return facing - source.rotation


def _looking(motion: Motion, source: Person, retouch: Retouch) -> Motion:
    if isinstance(retouch.gaze, str):
        gaze = gaze_at_camera(motion, source)
    else:
        gaze = torch.tensor(retouch.gaze).deg2rad().expand(len(motion), 2, 2)
    gaze = gaze.clamp(-GAZE_LIMIT, GAZE_LIMIT)
    # Lids follow the gaze by ARKit's eyeLook weights.
    before, after = (torch.from_numpy(look_weights(one.numpy())) for one in (motion.gaze, gaze))
    expression = (motion.expression + (after - before).float()).clamp(0, 1)
    return replace(motion, gaze=gaze, expression=expression)


def gaze_at_camera(motion: Motion, source: Person) -> Float[Tensor, "frames 2 2"]:
    """Yaw and pitch of both eyes, against the head, with which they look into the camera."""
    model = load_face_model()
    neutral = model.vertices(source.identity, torch.zeros(len(BLENDSHAPES))).numpy()
    centers = torch.from_numpy(eye_centers(neutral).astype(np.float32))
    world_from_head = matrices_from_angles(motion.rotation)
    eyes = centers @ world_from_head.mT + motion.translation[:, None]
    x, y, z = torch.nn.functional.normalize(-eyes @ world_from_head, dim=-1).unbind(-1)
    return torch.stack((torch.atan2(-x, -z), y.asin()), -1)
