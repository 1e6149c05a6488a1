"""From the motion of a driver to the motion of the person in the photo."""

import math
from dataclasses import replace

import torch
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d
from torch import Tensor
from torch.nn.functional import max_pool1d

from cameo3d.geometry.basel.poses import deep3d_poses, head_poses
from cameo3d.geometry.rotations import angles_from_matrices, matrices_from_angles
from cameo3d.models.voice.contract import Mood
from cameo3d.pipeline.moods import mood_weights
from cameo3d.values.motion import BLENDSHAPES, Motion, still_motion
from cameo3d.values.portrait import Person

_LIMITS_DEGREES = (30.0, 22.0, 25.0)
"""How far yaw, pitch and roll may leave the photo's own: a relief cannot turn further."""
_MOVE_LIMITS = (0.06, 0.05, 0.10)
"""How far the head may move across, down and towards the camera from its place in the photo, metres."""
_SIDE_VIEW_DEGREES = (20.0, 60.0)
"""A photo turned further to the side than the first shows less and less of the far cheek, and at the second
nothing; so it may turn back less and less."""
_SIDE_VIEW_LIMIT_DEGREES = 8.0
"""How far it may always turn back."""
_PROFILE_DEGREES = 65.0
"""How far to the side a head may be turned at all."""
_NECK = (0.0, 0.1, 0.09)
"""What a head turns about when its driver tells no positions: the top of the neck, head axes, metres."""
_SOFT_SHARE = 0.7
"""Below this share of a limit nothing is changed; beyond, motion slows down towards it."""
_MAX_NEUTRAL = 0.35
"""More than this in the most neutral frame is no habit of the face but an expression, and is kept."""
_CLOSED = 0.05
"""Share of a driver's frames in which lips are taken to be closed."""
GAZE_LIMIT = 0.6
"""How far eyes turn against the head, radians."""
_BLINKS = [i for i, name in enumerate(BLENDSHAPES) if name.startswith("eyeBlink")]
_HABITS = [
    i
    for i, name in enumerate(BLENDSHAPES)
    if name.startswith(("brow", "cheek", "eyeSquint", "eyeWide", "mouthSmile", "mouthDimple", "mouthFrown"))
]
"""What of a photo's expression stays while the person speaks."""
_SMILES = torch.tensor([name.startswith(("mouthSmile", "mouthDimple")) for name in BLENDSHAPES])
_ROUNDED = [BLENDSHAPES.index(name) for name in ("mouthFunnel", "mouthPucker")]
_SMILE_SHARE, _TALKING_SHARE = 0.85, 0.45
"""How much of a photo's smile stays in pauses, and in speech: nobody speaks through a grin."""
_ROUND_SHARE = 1.0
"""How much of that fully rounded lips take away."""
_TALKING, _TALKING_SECONDS = 0.12, (0.28, 0.16)
"""How far the lips move in speech at least; for how long around it a smile waits, and how slowly it comes and
goes (standard deviation)."""
_TALKS = [i for i, name in enumerate(BLENDSHAPES) if name in ("jawOpen", "mouthFunnel", "mouthPucker")]
_SMILE = [BLENDSHAPES.index("mouthSmileLeft"), BLENDSHAPES.index("mouthSmileRight")]
_JAW, _CLOSE = (BLENDSHAPES.index(name) for name in ("jawOpen", "mouthClose"))
_SMILE_CLOSE = 0.1
"""Weight of mouthClose that takes away the opening of a full smile: 3 of 35 mm in the shipped face model."""
_EFFORTS = [i for i, name in enumerate(BLENDSHAPES) if not name.startswith(("eyeBlink", "eyeLook"))]


def relative_motion(
    motion: Motion, source: Person, reference: Motion | None = None, limited: bool = True
) -> Motion:
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
        limited: Whether the head turns and moves up to soft limits only.

    Raises:
        ValueError: If the reference is not one frame.
    """
    if reference is None:
        reference = _with_lips_closed(motion.frame(neutral_frame(motion)), motion)
    if len(reference) != 1:
        raise ValueError(f"The reference is one frame, got {len(reference)}.")
    base = matrices_from_angles(reference.rotation[0])
    change = matrices_from_angles(motion.rotation) @ base.mT
    turned = angles_from_matrices(change @ matrices_from_angles(source.rotation))
    if limited:
        turned = limited_turn(turned, source)
    distance = source.translation[2] / reference.translation[0, 2]
    if _tells_positions(motion):
        moved = source.translation + (motion.translation - reference.translation) * distance
        reach = torch.tensor(_MOVE_LIMITS)
        moved = _limited(moved, source.translation, reach, reach) if limited else moved
    else:
        moved = turned_about_the_neck(turned, source)
    return replace(
        motion,
        expression=_relative_expression(motion.expression, reference.expression[0]),
        rotation=turned,
        translation=moved,
        gaze=(source.gaze + motion.gaze - reference.gaze).clamp(-GAZE_LIMIT, GAZE_LIMIT),
    )


def motion_from_first(motion: Motion, source: Person) -> Motion:
    """Begin with the photo's pose and move on as the driver does from its first frame, without limits.

    Real3D-Portrait calls it mapping to the initial pose: angles and shifts of the Basel face model are added
    one by one, and its distance stays that of the photo. Expressions are the driver's own.
    """
    angles, places = deep3d_poses(motion.rotation, motion.translation)
    photo_angles, photo_place = deep3d_poses(source.rotation[None], source.translation[None])
    places = places + (photo_place - places[0])
    places[:, 2] = photo_place[0, 2]
    turned, moved = head_poses(angles + (photo_angles - angles[0]), places)
    if not _tells_positions(motion):
        moved = turned_about_the_neck(turned, source)
    gaze = (source.gaze + motion.gaze - motion.gaze[0]).clamp(-GAZE_LIMIT, GAZE_LIMIT)
    return replace(motion, rotation=turned, translation=moved, gaze=gaze)


def absolute_motion(motion: Motion, source: Person) -> Motion:
    """Take over the driver's expression, pose and gaze as they are: the same person in the same framing.

    A driver that tells no positions, such as a Live Link Face file, turns the head about the photo's neck.
    """
    if _tells_positions(motion):
        return motion
    return replace(motion, translation=turned_about_the_neck(motion.rotation, source))


def voiced_motion(motion: Motion, source: Person, mood: Mood = "photo") -> Motion:
    """Let the person in the photo speak: head and eyes start from the photo's pose, lips from closed ones.

    What is habit in the photo's expression stays, such as a smile or raised brows, as far as the voice needs
    no other shape; what opens the mouth or the eyes in the photo does not, so that they can close. Speech
    takes the lips over: a smile shrinks in it, gives way to rounded lips, and comes back in pauses.

    Args:
        motion: Of a neutral person who looks straight into a camera one metre away, as voice models give it.
        source: The person.
        mood: Another one takes the place of the photo's habits.
    """
    moved = relative_motion(motion, source, still_motion(1, motion.frame_rate))
    habit = torch.zeros(len(BLENDSHAPES))
    habit[_HABITS] = (source.expression if mood == "photo" else mood_weights(mood))[_HABITS]
    rounded = moved.expression[:, _ROUNDED].amax(1, keepdim=True)
    share = _SMILE_SHARE + (_TALKING_SHARE - _SMILE_SHARE) * _talking(moved)
    kept = torch.where(_SMILES, habit * share * (1 - _ROUND_SHARE * rounded), habit)
    expression = 1 - (1 - moved.expression) * (1 - kept)
    expression[:, _CLOSE] += _SMILE_CLOSE * kept[:, _SMILE].mean(1)
    expression = expression.clamp(max=1)
    told = motion.basel_weights
    # Coefficients of the Basel model say all of the lips: brows, lids and moods are added, habits are not.
    if told is not None and mood == "photo":
        told = expression - (motion.expression - told)
    return replace(moved, expression=expression, basel_weights=told)


def _talking(motion: Motion) -> Float[Tensor, "frames 1"]:
    """How far the lips are busy in or around each frame, from 0 in pauses to 1, smooth over time."""
    busy = (motion.expression[:, _TALKS].amax(1) / _TALKING).clamp(max=1)
    around, slowly = (seconds * motion.frame_rate for seconds in _TALKING_SECONDS)
    reach = round(around)
    held = max_pool1d(busy[None], 2 * reach + 1, stride=1, padding=reach)[0]
    smooth = gaussian_filter1d(held.double().numpy(), slowly, mode="nearest")
    return torch.from_numpy(smooth).float()[:, None]


def turned_about_the_neck(rotations: Float[Tensor, "frames 3"], source: Person) -> Float[Tensor, "frames 3"]:
    """Where the head's origin goes when the photo's head takes other poses and its neck stays in place.

    Args:
        rotations: Yaw, pitch and roll in radians.
        source: How the person looks in the photo.

    Returns:
        Head origins in the crop camera's axes, metres.
    """
    neck = torch.tensor(_NECK)
    return (
        source.translation + (matrices_from_angles(source.rotation) - matrices_from_angles(rotations)) @ neck
    )


def limited_turn(rotations: Float[Tensor, "frames 3"], source: Person) -> Float[Tensor, "frames 3"]:
    """Bend yaw, pitch and roll smoothly, so that they never leave what the photo can show; radians."""
    return _limited(rotations, source.rotation, *_turn_limits(source.rotation))


def with_pose(motion: Motion, pose: Motion | None, source: Person) -> Motion:
    """Replace head pose and gaze by those of another motion.

    Args:
        motion: What keeps its expression, length and frame rate.
        pose: Whose pose is taken, resampled to the frame rate and played forwards and backwards to the
            length, its first and last frame twice at each turn, as Real3D-Portrait does. None holds the head
            still.
        source: Where a still head is held.
    """
    if pose is None:
        count = len(motion)
        return replace(
            motion,
            rotation=source.rotation.expand(count, 3),
            translation=source.translation.expand(count, 3),
            gaze=source.gaze.expand(count, 2, 2),
        )
    times = torch.arange(len(motion)) * (pose.frame_rate / motion.frame_rate)
    last = len(pose) - 1
    there_and_back = (len(pose) - 0.5 - (times.remainder(2 * len(pose)) - last - 0.5).abs()).clamp(max=last)
    there_and_back = there_and_back.clamp(min=0)
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


def _with_lips_closed(reference: Motion, motion: Motion) -> Motion:
    """A neutral frame with the jaw as where lips close in the clip: many speakers rest with lips apart."""
    expression = reference.expression.clone()
    closed = motion.expression[:, _JAW].quantile(_CLOSED)
    expression[:, _JAW] = expression[:, _JAW].minimum(closed)
    return replace(reference, expression=expression)


def _tells_positions(motion: Motion) -> bool:
    return bool((motion.translation - motion.translation[0]).abs().max() > 1e-6)


def _relative_expression(
    expression: Float[Tensor, "frames 52"], neutral: Float[Tensor, "52"]
) -> Float[Tensor, "frames 52"]:
    neutral = neutral.clamp(max=_MAX_NEUTRAL)
    return ((expression - neutral).clamp(min=0) / (1 - neutral)).clamp(max=1)


def _limited(
    values: Float[Tensor, "frames 3"],
    center: Float[Tensor, "3"],
    below: Float[Tensor, "3"],
    above: Float[Tensor, "3"],
) -> Float[Tensor, "frames 3"]:
    """Bend what leaves a center smoothly, so that it never passes the limits below and above it."""
    offset = values - center
    limits = torch.where(offset < 0, below, above)
    soft = _SOFT_SHARE * limits
    room = limits - soft
    beyond = (offset.abs() - soft).clamp(min=0)
    bent = torch.minimum(offset.abs(), soft) + room * torch.tanh(beyond / room)
    return center + offset.sign() * bent


def _turn_limits(center: Float[Tensor, "3"]) -> tuple[Float[Tensor, "3"], Float[Tensor, "3"]]:
    """How far each angle may leave the photo's downwards and upwards, radians."""
    usual = torch.tensor(_LIMITS_DEGREES)
    side = math.degrees(abs(float(center[0])))
    start, end = _SIDE_VIEW_DEGREES
    hidden = min(1.0, max(0.0, (side - start) / (end - start)))
    back = float(usual[0]) + (_SIDE_VIEW_LIMIT_DEGREES - float(usual[0])) * hidden
    away = min(float(usual[0]), max(1.0, _PROFILE_DEGREES - side))
    below, above = usual.clone(), usual.clone()
    below[0], above[0] = (back, away) if center[0] > 0 else (away, back)
    return below.deg2rad(), above.deg2rad()
