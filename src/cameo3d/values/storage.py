"""Plain values as files: a dataclass of tensors and scalars in one safetensors file, read back strictly."""

import dataclasses
import json
import math
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin

import torch
from jaxtyping import AbstractArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from cameo3d.errors import InputError
from cameo3d.media.files import check_input, replacing, shown

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
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata)


def stored_kind(path: Path) -> str | None:
    """Name of the class that a file of `save_value` holds; None if it cannot be told."""
    try:
        with safe_open(path, "pt") as file:
            return (file.metadata() or {}).get("kind")
    except (SafetensorError, OSError, UnicodeDecodeError):
        return None


def load_value(cls: type[_Value], path: Path) -> _Value:
    """Read a value that `save_value` wrote.

    Args:
        cls: The dataclass that is expected.
        path: The file.

    Raises:
        InputError: If the file is damaged, of another kind or version, or if fields are missing, unknown, or
            of another type or shape; the message names all of them.
    """
    what = "avatar" if cls.__name__.endswith("Avatar") else cls.__name__.lower()
    check_input(path, what)
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            stored: dict[str, Any] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        _check_kind(metadata, cls, what, path)
        stored.update(json.loads(metadata["values"]))
    except (SafetensorError, json.JSONDecodeError, KeyError, UnicodeDecodeError, RuntimeError) as error:
        raise InputError(f"The {what} {shown(path)} is damaged or no file of ours; make it again.") from error

    found = set(stored)
    problems = []
    value = _build(cls, "", stored, problems)
    expected = {name for name, _ in _expected(cls, "", stored)}
    problems += [f"{name} is unknown" for name in sorted(found - expected)]
    if problems:
        raise InputError(f"The {what} {shown(path)} does not fit: {', '.join(problems)}; make it again.")
    return value


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
        if inner is None or (name in stored and stored[name] is None):
            yield name, field.type
        else:
            yield from _expected(inner, f"{name}.", stored)


def _build(cls: type, prefix: str, stored: dict[str, Any], problems: list[str]) -> Any:
    parts = {}
    for field in dataclasses.fields(cls):
        name = prefix + field.name
        inner = _dataclass_of(field.type)
        if inner is not None and not (name in stored and stored[name] is None):
            parts[field.name] = _build(inner, f"{name}.", stored, problems)
        elif name not in stored:
            problems.append(f"{name} is missing")
        else:
            item = stored[name]
            if field.type is float and type(item) is int:
                item = float(item)
            problem = _mismatch(item, field.type)
            if problem:
                problems.append(f"{name} {problem}")
            parts[field.name] = item
    return None if problems else cls(**parts)


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
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _mismatch(item: Any, annotation: Any) -> str | None:
    """What is wrong with a stored field, or None."""
    kinds = _alternatives(annotation)
    if item is None:
        return None if type(None) in kinds else "is empty"
    for kind in kinds:
        if kind in _SCALARS and type(item) is kind:
            return None if not isinstance(item, float) or math.isfinite(item) else "is not a finite number"
        if kind is Tensor and isinstance(item, Tensor):
            return None
        if not (isinstance(item, Tensor) and isinstance(kind, type) and issubclass(kind, AbstractArray)):
            continue
        if isinstance(item, kind):
            finite = not item.is_floating_point() or bool(torch.isfinite(item).all())
            return None if finite else "holds numbers that are not finite"
    return f"is {_described(item)}"


def _described(item: Any) -> str:
    if isinstance(item, Tensor):
        shape = "x".join(str(n) for n in item.shape) or "scalar"
        return f"{str(item.dtype).removeprefix('torch.')} {shape}"
    return f"a {type(item).__name__}"


def _check_kind(metadata: dict[str, str], cls: type, what: str, path: Path) -> None:
    kind, version = metadata.get("kind"), metadata.get("version")
    if kind != cls.__name__:
        holds = f"holds a {kind}" if kind and kind.isidentifier() else "is no file of ours"
        raise InputError(f"The {what} {shown(path)} {holds}, not a {cls.__name__}; give another file.")
    if version != _VERSION:
        raise InputError(
            f"The {what} {shown(path)} is of version {str(version)[:9]!r}, not {_VERSION!r}; make it again."
        )
