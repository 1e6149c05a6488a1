"""What the user changes about a driver's motion; light, so that the command line reads it first.

Every field can also be written as text, in one notation for the command line, for forms and for motion files.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, get_args

from cameo3d.errors import InputError

Part = Literal["lips", "eyes", "brows", "pose", "expression"]
"""What of a person moves; "expression" is the whole face: lips, eyes and their gaze, brows, cheeks, nose."""
Parts = tuple[Part, ...]
Strength = float | Mapping[str, float]
Weights = Mapping[str, float]
Gaze = Literal["driver", "camera"] | tuple[float, float]
Turn = Literal["driver", "camera"] | tuple[float, float, float]

_NOTHING: Weights = MappingProxyType({})
_MOST_STRENGTH = 4.0
_MOST_WEIGHT = 2.0
_MOST_DEGREES = 90.0
_CROP_SCALES = (0.4, 4.0)


@dataclass(frozen=True)
class Retouch:
    """What is changed about a face: in one photo, or in every frame."""

    set: Weights = field(default_factory=lambda: _NOTHING)
    """Weights to add, such as mouthSmileLeft=0.3; mouthSmile is both sides, lips=-1 a mouth at rest."""
    gaze: Gaze = "driver"
    """Where the eyes look: as the driver's, into the camera, or YAW,PITCH in degrees against the head."""
    head: Turn = "driver"
    """Degrees that the head is turned by: YAW,PITCH,ROLL (image's left, down, clockwise), or to camera."""

    def __post_init__(self) -> None:
        _check("set", self.set.values(), -_MOST_WEIGHT, _MOST_WEIGHT)
        for name, angles in (("gaze", self.gaze), ("head", self.head)):
            if not isinstance(angles, str):
                _check(name, angles, -_MOST_DEGREES, _MOST_DEGREES)


@dataclass(frozen=True)
class Adjustments(Retouch):
    """What is changed about a driver's motion."""

    only: Parts = ()
    """What the driver may move, all else stays as in the photo: lips, eyes, brows, pose, expression."""
    strength: Strength = 1.0
    """How far the driver moves the photo, as a share of its own motion; for all, or as lips=1.3,pose=0.5."""
    crop_scale: float = 1.0
    """Side of the square that the crop shows, as a share of the usual, as far as the photo goes."""
    loop: bool = False
    """Let the last half second lead back to the first frame."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_parts(self.only)
        if isinstance(self.strength, Mapping):
            _check_parts(part for part in self.strength if part != "all")
        strengths = self.strength.values() if isinstance(self.strength, Mapping) else (self.strength,)
        _check("strength", strengths, 0.0, _MOST_STRENGTH)
        _check("crop_scale", (self.crop_scale,), *_CROP_SCALES)

    def strength_of(self, part: Part | Literal["face"]) -> float:
        """How far a part moves: 0 as in the photo, 1 as the driver. The most exact name that is given counts.

        Args:
            part: "face" is what is left of the expression: cheeks and nose.
        """
        names = (part, "all") if part == "pose" else (part, "expression", "all")
        if self.only and not set(names) & set(self.only):
            return 0.0
        given = self.strength if isinstance(self.strength, Mapping) else {"all": self.strength}
        return next((given[name] for name in names if name in given), 1.0)


def over_stated(adjustments: Adjustments, stated: Mapping[str, str]) -> Adjustments:
    """Take over what a motion file states, where the user left a field alone.

    Args:
        adjustments: The user's.
        stated: Fields in text notation by name; other names are left alone.

    Raises:
        InputError: If a text cannot be read.
    """
    usual = Adjustments()
    taken = {
        one.name: parsed(one.name, stated[one.name])
        for one in fields(Adjustments)
        if one.name in stated and getattr(adjustments, one.name) == getattr(usual, one.name)
    }
    return replace(adjustments, **taken)


class Notation(NamedTuple):
    """How a field is written."""

    metavar: str
    parse: Callable[[str], Any]
    write: Callable[[Any], str]


def parsed(name: str, text: str) -> Any:
    """The value of a field of `Adjustments` that is written as text.

    Raises:
        InputError: If it cannot be read.
    """
    kind = next(one.type for one in fields(Adjustments) if one.name == name)
    try:
        return NOTATIONS[kind].parse(text.strip())
    except ValueError as error:
        raise InputError(
            f"--{name.replace('_', '-')} cannot be {text!r}; write it as {NOTATIONS[kind].metavar}."
        ) from error


def _check_parts(parts: Iterable[str]) -> None:
    for part in parts:
        if part not in get_args(Part):
            raise InputError(f"There is no part {part!r}; parts are {', '.join(get_args(Part))}.")


def _check(name: str, numbers: Iterable[float], low: float, high: float) -> None:
    for number in numbers:
        if not (math.isfinite(number) and low <= number <= high):
            raise InputError(
                f"--{name.replace('_', '-')} holds {number:g}; it should lie between {low:g} and {high:g}."
            )


def _parts(text: str) -> Parts:
    if text == "everything":
        return ()
    parts = tuple(part.strip() for part in text.split(","))
    _check_parts(parts)
    return parts  # type: ignore[return-value]


def _pairs(text: str) -> dict[str, float]:
    if text == "nothing":
        return {}
    pairs = [pair.split("=") for pair in text.split(",") if pair.strip()]
    return {name.strip(): float(number) for name, number in pairs}


def _strength(text: str) -> Strength:
    return _pairs(text) if "=" in text else float(text)


def _angles(text: str, count: int) -> Any:
    if text in ("driver", "camera"):
        return text
    angles = tuple(float(number) for number in text.split(","))
    if len(angles) != count:
        raise ValueError(f"{count} numbers are needed")
    return angles


def _flag(text: str) -> bool:
    if text.lower() not in ("yes", "no"):
        raise ValueError("neither yes nor no")
    return text.lower() == "yes"


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{name}={number:g}" for name, number in value.items())
    if isinstance(value, tuple):
        return ",".join(item if isinstance(item, str) else f"{item:g}" for item in value)
    return value if isinstance(value, str) else f"{value:g}"


NOTATIONS: Mapping[Any, Notation] = {
    Parts: Notation("lips,eyes,...", _parts, lambda value: ",".join(value) or "everything"),
    Strength: Notation("NUMBER|lips=NUMBER,...", _strength, _written),
    Weights: Notation("NAME=NUMBER,...", _pairs, lambda value: _written(value) or "nothing"),
    Gaze: Notation("driver|camera|YAW,PITCH", lambda text: _angles(text, 2), _written),
    Turn: Notation("driver|camera|YAW,PITCH,ROLL", lambda text: _angles(text, 3), _written),
    float: Notation("NUMBER", float, _written),
    bool: Notation("yes|no", _flag, lambda value: "yes" if value else "no"),
}
"""By the type of a field."""
