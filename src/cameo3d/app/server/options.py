"""The options of a job: those of the command line, read off its commands, so that neither has one more."""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

import docstring_parser
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from cameo3d.app.cli.animate import animate
from cameo3d.app.cli.create import create
from cameo3d.app.cli.track import track
from cameo3d.app.server.failures import Refusal
from cameo3d.pipeline.adjustments import parsed
from cameo3d.pipeline.options import Option, options_of

_FILES = {"source", "photo", "video", "motion", "voice", "text", "out", "overwrite"}
"""What the service gives by itself, or takes as a field of the request."""
_BOUNDS: dict[str, dict[str, Any]] = {
    "smooth": {"ge": 0, "le": 1},
    "temperature": {"ge": 0, "le": 1},
    "mouth_amplitude": {"ge": 0, "le": 2},
    "face": {"ge": 0, "le": 100},
    "seed": {"ge": 0, "le": 2**32 - 1},
    "pose": {"pattern": "^(natural|still)$"},
    "background": {"pattern": "^(keep|transparent|#[0-9a-fA-F]{6})$"},
}
"""What the command line checks by itself, or takes as the name of a file, which here is a field."""
_MOST_CHARACTERS = 20_000


def _fields(command: Callable[..., None]) -> dict[str, Any]:
    """Type, default and help of each option of a command, by its name."""
    found: dict[str, Any] = {}
    told = {one.arg_name: one.description for one in docstring_parser.parse(command.__doc__ or "").params}
    for name, parameter in inspect.signature(command).parameters.items():
        kind = _plain(parameter.annotation)
        if is_dataclass(kind):
            found |= {_flag(one): _described(one) for one in options_of(kind)}  # type: ignore[arg-type]
        elif name not in _FILES:
            found[name] = _field(name, kind, parameter.default, told.get(name))
    return found


def _plain(kind: Any) -> Any:
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return kind


def _flag(option: Option) -> str:
    """What is on by default is switched off by its name with no_, as on the command line."""
    return f"no_{option.name}" if option.default is True else option.name


def _described(option: Option) -> tuple[Any, Any]:
    if option.default is True:
        return _field(option.name, bool, False, f"Switches off: {option.help}")
    if option.choices:
        choice: Any = Literal[option.choices]  # type: ignore[valid-type]
        return _field(option.name, choice | None, option.default, option.help)
    if option.kind is None:  # written in a notation of its own
        return _field(option.name, str | float | None, None, option.help)
    return _field(option.name, option.kind | None, option.default, option.help)


def _field(name: str, kind: Any, default: Any, told: str | None) -> tuple[Any, Any]:
    return kind, Field(default, description=told, **_BOUNDS.get(name, {}))


def _model(name: str, command: Callable[..., None], **more: Any) -> type[BaseModel]:
    config = ConfigDict(extra="forbid", strict=True)
    return create_model(name, __config__=config, **_fields(command), **more)


AnimationOptions = _model(
    "AnimationOptions",
    animate,
    format=(
        Literal["mp4", "mov", "webm"] | None,
        Field(
            None, description="Kind of file; by default mp4, and webm where the background is transparent."
        ),
    ),
)
AvatarOptions = _model("AvatarOptions", create)
TrackOptions = _model("TrackOptions", track)
_KINDS = {animate: AnimationOptions, create: AvatarOptions, track: TrackOptions}


def read_options(command: Callable[..., None], text: str | None) -> dict[str, Any]:
    """Read the field `options` of a request.

    Args:
        command: Whose options they are.
        text: The field.

    Returns:
        The options that were given, and only those.

    Raises:
        Refusal: If it is no JSON object of that command's options.
        InputError: As `arguments` does.
    """
    if text is None or not text.strip():
        return {}
    if len(text) > _MOST_CHARACTERS:
        raise Refusal(413, f"The options have {len(text)} characters; {_MOST_CHARACTERS} are the most.")
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise Refusal(422, 'The options are no JSON; send an object such as {"seed": 2}.') from None
    kind = _KINDS[command]
    if not isinstance(given, dict):
        raise Refusal(422, 'The options are no JSON object; send one such as {"seed": 2}.')
    try:
        options = kind.model_validate(given).model_dump(exclude_unset=True)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part)[:40] for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = ", ".join(kind.model_fields)
            raise Refusal(422, f'There is no option "{name}"; there are {known}.') from None
        raise Refusal(422, f"The option {name} is not valid: {_lowered(first['msg'])}.") from None
    arguments(command, options)
    return options


def arguments(command: Callable[..., None], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as a command takes them.

    Raises:
        InputError: If one that has a notation of its own cannot be read, or is out of range.
    """
    given = dict(options)
    groups = {}
    for name, parameter in inspect.signature(command).parameters.items():
        kind: Any = _plain(parameter.annotation)
        if not is_dataclass(kind):
            continue
        group = {}
        for one in options_of(kind):  # type: ignore[arg-type]
            value = given.pop(_flag(one), None)
            if value is not None:
                notation = one.kind is None and not one.choices
                group[one.name] = parsed(one.name, str(value)) if notation else value
                if one.default is True:
                    group[one.name] = not value
        groups[name] = group and kind(**group)  # type: ignore[operator]
    return given | {name: group for name, group in groups.items() if group}


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:].rstrip(".")
