"""Plain values as files: a dataclass of tensors and scalars in one safetensors file, read back strictly.

Such files travel between people. A checksum tells damage; `limits` keep a number that somebody changed on
purpose from leading anywhere.
"""

import dataclasses
import hashlib
import json
import math
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import torch
from jaxtyping import AbstractArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from cameo3d.errors import InputError
from cameo3d.media.files import check_input, replacing, shown
from cameo3d.values.limits import ANYTHING, MOST_ROWS, MOST_SAMPLES, MOST_SIDE, IndexOf, Within

MAX_BYTES = 500_000_000
"""Larger files are refused unread; the largest avatar of ours has some 60 MB."""
_MAX_HEADER_BYTES = 1_000_000
_MOST_TOLD = 12
"""Misfits that a message lists."""
_THING_SIZE = 8
"""Tensors of at most so many numbers a row are lists of small things."""
_DAMAGE = (
    *(SafetensorError, OSError, RuntimeError, MemoryError),
    *(
        KeyError,
        TypeError,
        ValueError,
        RecursionError,
    ),  # UnicodeDecodeError and JSONDecodeError are ValueErrors
)
_Value = TypeVar("_Value")
_VERSION = "1"
_SCALARS = (bool, int, float, str)


def save_value(value: Any, path: Path) -> None:
    """Write a value to one safetensors file, under a temporary name first.

    Args:
        value: A dataclass whose fields are tensors, numbers, texts, None, or such dataclasses.
        path: The file; one of that name is replaced.

    Raises:
        OutputError: If it cannot be written there.
        TypeError: If a field is of another type.
    """
    tensors: dict[str, Tensor] = {}
    scalars: dict[str, Any] = {}
    for name, _, item in _fields(value, ""):
        if isinstance(item, Tensor):
            # A copy, since safetensors refuses tensors that share memory.
            tensors[name] = item.detach().cpu().contiguous().clone()
        elif item is None or isinstance(item, _SCALARS):
            scalars[name] = item
        else:
            raise TypeError(f"The field {name} is a {type(item).__name__}, which cannot be saved.")
    metadata = {"kind": type(value).__name__, "version": _VERSION, "values": json.dumps(scalars)}
    metadata["sha256"] = _checksum(metadata, tensors)
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata)


def stored_kind(path: Path) -> str | None:
    """Name of the class that a file of `save_value` holds; None if it cannot be told."""
    try:
        if not _is_readable(path):
            return None
        with safe_open(path, "pt") as file:
            return (file.metadata() or {}).get("kind")
    except _DAMAGE:
        return None


def load_value(cls: type[_Value], path: Path) -> _Value:
    """Read a value that `save_value` wrote; all that its types and `limits` say is checked.

    Args:
        cls: The dataclass that is expected.
        path: The file.

    Raises:
        InputError: If the file is damaged, of another kind or version, or if fields are missing, unknown, of
            another type or shape, or hold numbers that they may not; the message names them.
    """
    what = "avatar" if cls.__name__.endswith("Avatar") else cls.__name__.lower()
    name = f"The {what} {shown(check_input(path, what))}"
    try:
        if not _is_readable(path):
            raise ValueError("too large")
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            _check_kind(metadata, cls, name)
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        scalars = json.loads(metadata["values"])
        if not isinstance(scalars, dict):
            raise ValueError("no values")
        if "sha256" in metadata and metadata["sha256"] != _checksum(metadata, tensors):
            raise ValueError("another checksum")
    except _DAMAGE as error:
        raise InputError(f"{name} is damaged or no file of ours; make it again.") from error

    stored: dict[str, Any] = {**tensors, **scalars}
    problems = []
    value = _build(cls, "", stored, problems)
    expected = {field for field, _ in _expected(cls, "", stored)}
    problems += [f"{field} is unknown" for field in sorted(set(stored) - expected)]
    if not problems and (check := getattr(value, "misfits", None)):
        problems += check()
    if problems:
        more = f" and {len(problems) - _MOST_TOLD} more" if len(problems) > _MOST_TOLD else ""
        listed = ", ".join(_printable(problem) for problem in problems[:_MOST_TOLD])
        raise InputError(f"{name} does not fit: {listed}{more}; make it again.")
    return value


def _is_readable(path: Path) -> bool:
    """Whether a file is small enough to be read, and its header small enough to be parsed."""
    with path.open("rb") as file:
        header = int.from_bytes(file.read(8), "little")
    return path.stat().st_size <= MAX_BYTES and header <= _MAX_HEADER_BYTES


def _checksum(metadata: Mapping[str, str], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of all that a file says, whatever its order."""
    digest = hashlib.sha256(
        "\0".join(metadata.get(key, "") for key in ("kind", "version", "values")).encode()
    )
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\0{name}\0{tensor.dtype}\0{list(tensor.shape)}\0".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _fields(value: Any, prefix: str) -> Iterator[tuple[str, Any, Any]]:
    for field in dataclasses.fields(value):
        name, item = prefix + field.name, getattr(value, field.name)
        if dataclasses.is_dataclass(item):
            yield from _fields(item, f"{name}.")
        else:
            yield name, field.type, item


def _expected(cls: type, prefix: str, stored: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Names and types of all fields, inner ones too; an optional dataclass may be stored as None."""
    for field in dataclasses.fields(cls):
        name = prefix + field.name
        inner = _dataclass_of(field.type)
        if inner is None or _left_out(name, field.type, stored):
            yield name, field.type
        else:
            yield from _expected(inner, f"{name}.", stored)


def _build(cls: type, prefix: str, stored: dict[str, Any], problems: list[str]) -> Any:
    parts, axes, earlier = {}, {}, len(problems)
    for field in dataclasses.fields(cls):
        name = prefix + field.name
        inner = _dataclass_of(field.type)
        if inner is not None and _left_out(name, field.type, stored):
            parts[field.name] = None
        elif inner is not None:
            parts[field.name] = _build(inner, f"{name}.", stored, problems)
        elif name not in stored:
            problems.append(f"{name} is missing")
        else:
            item = stored[name]
            if float in _alternatives(field.type) and type(item) is int and abs(item) < 2**53:
                item = float(item)
            problem = _mismatch(item, field.type, axes)
            if problem:
                problems.append(f"{name} {problem}")
            parts[field.name] = item
    if len(problems) == earlier:
        # Only now all axes are known.
        for field in dataclasses.fields(cls):
            limit, item = _limit(field.type), parts[field.name]
            if isinstance(limit, IndexOf) and item is not None and (problem := limit.misfit(item, axes)):
                problems.append(f"{prefix}{field.name} {problem}")
    return None if problems else cls(**parts)


def _left_out(name: str, annotation: Any, stored: dict[str, Any]) -> bool:
    """Whether an inner dataclass that may be None is stored as None, or newer than a file without it."""
    if type(None) not in _alternatives(annotation):
        return False
    if name in stored:
        return stored[name] is None
    return not any(key.startswith(f"{name}.") for key in stored)


def _dataclass_of(annotation: Any) -> type | None:
    return next(
        (
            kind
            for kind in _alternatives(annotation)
            if isinstance(kind, type) and dataclasses.is_dataclass(kind)
        ),
        None,
    )


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _limit(annotation: Any) -> Within | IndexOf:
    """What a field's type says of its numbers."""
    said = annotation.__metadata__ if get_origin(annotation) is Annotated else ()
    return next((limit for limit in said if isinstance(limit, Within | IndexOf)), ANYTHING)


def _mismatch(item: Any, annotation: Any, axes: dict[str, int]) -> str | None:
    """What is wrong with a stored field, or None; lengths of axes are kept for the fields that follow."""
    kinds = _alternatives(annotation)
    if item is None:
        return None if type(None) in kinds else "is empty"
    if type(item) in _SCALARS and type(item) in kinds:
        return _number_misfit(item, _limit(annotation)) if type(item) in (int, float) else None
    for kind in kinds:
        if kind is Tensor and isinstance(item, Tensor):
            return _tensor_misfit(item, "", annotation, axes)
        if not (isinstance(item, Tensor) and isinstance(kind, type) and issubclass(kind, AbstractArray)):
            continue
        if isinstance(item, kind):
            return _tensor_misfit(item, kind.dim_str, annotation, axes)
    return f"is {_described(item)}"


def _number_misfit(item: float | int, limit: Within | IndexOf) -> str | None:
    if isinstance(item, float) and not math.isfinite(item):
        return "is not a finite number"
    return limit.misfit(item) if isinstance(limit, Within) else None


def _tensor_misfit(item: Tensor, names: str, annotation: Any, axes: dict[str, int]) -> str | None:
    if item.dtype == torch.float64:
        return "is float64, and no network computes in it"
    limit = _limit(annotation)
    is_list = item.dim() > 0 and item[:1].numel() <= _THING_SIZE
    rows = MOST_SAMPLES if item.dim() == 1 and item.is_floating_point() else MOST_ROWS
    longest = (rows if is_list else MOST_SIDE, *[MOST_SIDE] * max(0, item.dim() - 1))
    least = 0 if isinstance(limit, IndexOf) else 1
    if any(not least <= length <= most for length, most in zip(item.shape, longest, strict=False)):
        return f"is {_described(item)}"
    for name, length in zip(names.split(), item.shape, strict=False):
        if name.isidentifier() and axes.setdefault(name, length) != length:
            return f"is {_described(item)}, though {name} is {axes[name]} elsewhere"
    if item.is_floating_point() and not bool(torch.isfinite(item).all()):
        return "holds numbers that are not finite"
    if isinstance(limit, Within) and (limit is not ANYTHING or item.is_floating_point()):
        return limit.misfit(item)
    return None


def _printable(text: str) -> str:
    """Words of the file's own on one line, cut short."""
    return "".join(c if c.isprintable() else "?" for c in text)[:200]


def _described(item: Any) -> str:
    if isinstance(item, Tensor):
        shape = "x".join(str(n) for n in item.shape) or "scalar"
        return f"{str(item.dtype).removeprefix('torch.')} {shape}"
    return f"a {type(item).__name__}"


def _check_kind(metadata: dict[str, str], cls: type, name: str) -> None:
    kind, version = metadata.get("kind"), metadata.get("version")
    if kind != cls.__name__:
        holds = f"holds a {kind}" if kind and kind.isidentifier() else "is no file of ours"
        raise InputError(f"{name} {holds}, not a {cls.__name__}; give another file.")
    if version != _VERSION:
        raise InputError(f"{name} is of version {str(version)[:9]!r}, not {_VERSION!r}; make it again.")
