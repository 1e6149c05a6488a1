"""What the photo does not show of a face is not moved: how, and how the user is told."""

import logging
from collections.abc import Iterator
from dataclasses import replace

from cameo3d.values import BLENDSHAPES, Motion, Person
from cameo3d.values.portrait import Sight

logger = logging.getLogger(__name__)

_MOUTH = ("jaw", "mouth", "tongue", "cheekPuff")
_SIDES = ("Left", "Right")
_OPTION = "--hidden move moves"


def held_where_hidden(motion: Motion, source: Person, sight: Sight) -> Motion:
    """Hold what the photo does not show as it is there.

    Covered eyes keep their lids and their gaze; so do a covered mouth, and one with its tongue out, their
    shape. Shut eyes may close further, but they do not open.

    Args:
        motion: Of the person in the photo.
        source: The person.
        sight: What the photo does not show.
    """
    hidden = [any(reasons) for reasons in zip(sight.covered_eyes, sight.shut_eyes, strict=True)]
    if not (any(hidden) or sight.still_mouth):
        return motion
    expression, gaze, own = motion.expression.clone(), motion.gaze.clone(), source.expression
    for index, name in enumerate(BLENDSHAPES):
        if name.startswith(_MOUTH) and sight.still_mouth:
            expression[:, index] = own[index]
    for eye, side in enumerate(_SIDES):
        if not hidden[eye]:
            continue
        gaze[:, eye] = source.gaze[eye]
        for index, name in enumerate(BLENDSHAPES):
            if name.startswith("eye") and name.endswith(side):
                closes = name.startswith("eyeBlink") and sight.shut_eyes[eye]
                expression[:, index] = expression[:, index].maximum(own[index]) if closes else own[index]
    # Coefficients of the Basel model move the whole face and cannot be held in parts.
    return replace(motion, expression=expression, gaze=gaze, basel=None)


def tell_hidden(sight: Sight) -> None:
    """Log the notices below."""
    for notice in hidden_notices(sight):
        logger.warning(notice)


def hidden_notices(sight: Sight) -> Iterator[str]:
    """Tell, one sentence each, what stays still, how sure that is, and which option changes it."""
    yield from _of_eyes("covered", sight.covered_eyes, (sight.left_covered, sight.right_covered))
    yield from _of_eyes("shut or lowered", sight.shut_eyes, (sight.left_shut, sight.right_shut))
    if sight.still_mouth and sight.tongue_out > sight.mouth_covered:
        yield (
            f"The tongue is out in the photo ({sight.tongue_out:.0%} sure), so the mouth stays as it is; "
            f"give another photo, or {_OPTION} the mouth all the same."
        )
    elif sight.still_mouth:
        yield (
            f"The mouth is covered in the photo ({sight.mouth_covered:.0%} sure) and stays so; "
            f"{_OPTION} it all the same."
        )


def _of_eyes(what: str, which: tuple[bool, bool], sure: tuple[float, float]) -> Iterator[str]:
    if all(which):
        yield (
            f"Both eyes are {what} in the photo ({min(sure):.0%} sure) and stay so; "
            f"{_OPTION} them all the same."
        )
    elif any(which):
        eye = which.index(True)
        yield (
            f"The {_SIDES[eye].lower()} eye is {what} in the photo ({sure[eye]:.0%} sure) and stays so; "
            f"{_OPTION} it all the same."
        )
