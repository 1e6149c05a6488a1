"""What can be chosen about an avatar model; light, so that the command line reads it first."""

import ast
import inspect
import textwrap
from dataclasses import MISSING, dataclass, fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

ModelName = Literal["relief", "real3d", "goha"]
Size = Literal["official", "lite", "small"]
Device = Literal["cpu", "cuda"]
SizePixels = Literal[512, 768, 1024, 1440]
Framing = Literal["head", "picture"]
Sharpen = Literal["off", "auto", "on"]


@dataclass(frozen=True)
class ModelOptions:
    """A model, and what can be chosen about it."""

    model: ModelName | None = None
    """Avatar model; by default relief, or the one that made the avatar file."""
    size: Size | None = None
    """official: published, with imported weights; lite: ours, shipped; small: the published design, trained
    by you; by default official where its weights are here, else lite."""
    fast: bool = False
    """Draw several times faster, a little less exactly."""
    device: Device = "cpu"
    """Where to compute."""
    size_px: SizePixels = 512
    """Pixels across relief's head-and-shoulders frames, drawn from the photo's own pixels."""
    sharpen: Sharpen = "off"
    """Let a network double photos that show head and shoulders in under 400 pixels (auto), or all (on)."""
    framing: Framing | None = None
    """Square of the photo that becomes the avatar: around the head as EG3D cuts it, or the whole picture,
    unless the face is small in it, as in Real3D-Portrait's inference; that is official Real3D's default."""
    min_face_share: float = 0.2
    """With --framing picture, how much of the square the face fills at least."""
    head_threshold: float | None = None
    """Opacity from which Real3D's head hides the background completely, 0.1 to 1, by default 0.9; raise it
    where hair looks translucent."""


DEFAULT_MODEL = ModelOptions()
"""The relief model, or the one that made an avatar file."""


@dataclass(frozen=True)
class Option:
    """One choice, for whoever builds controls: a form, a service, a table."""

    name: str
    kind: type | None
    """bool, int, float or str; None for what is written in a notation of its own."""
    choices: tuple[str | int, ...]
    """What it may be; empty if it is free."""
    default: Any
    help: str


def options_of(cls: type) -> tuple[Option, ...]:
    """What can be chosen about a dataclass of options, its base classes' fields first.

    Args:
        cls: Such as `ModelOptions`, `Adjustments` or `Delivery`; the text below each field is its help.
    """
    told = {name: text for one in reversed(cls.__mro__[:-1]) for name, text in _texts(one).items()}
    options = []
    for one in fields(cls):
        kinds = [kind for kind in _alternatives(one.type) if kind is not NoneType]
        literal = all(get_origin(kind) is Literal for kind in kinds)
        choices = [value for kind in kinds for value in get_args(kind)] if literal else []
        plain = len(kinds) == 1 and kinds[0] in (bool, int, float, str)
        kind = type(choices[0]) if literal else kinds[0] if plain else None
        default = one.default if one.default_factory is MISSING else one.default_factory()
        options.append(Option(one.name, kind, tuple(choices), default, told.get(one.name, "")))
    return tuple(options)


def _alternatives(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _texts(cls: type) -> dict[str, str]:
    """The text below each field in a class's source."""
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    assert isinstance(body, ast.ClassDef)
    texts = {}
    for line, below in zip(body.body, body.body[1:], strict=False):
        is_text = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and is_text:
            texts[line.target.id] = inspect.cleandoc(str(below.value.value))  # type: ignore[attr-defined]
    return texts
