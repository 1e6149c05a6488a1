"""Weights that a user has added: converted tensors in the user's own folder, each file with its label."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from cameo3d.errors import WeightsError
from cameo3d.media.files import replacing, shown

_Sizes = TypeVar("_Sizes")


@dataclass(frozen=True)
class Label:
    """What a file of weights says about itself."""

    model: str
    """Model and size, such as "real3d-official"."""
    config: str
    """The network's sizes as JSON."""
    source: str
    """Where the tensors were published."""
    licence: str
    """Under which terms."""
    revision: str
    """Which of their versions: the official file's name and the beginning of its SHA-256."""
    checksum: str
    """SHA-256 of the converted tensors, see `checksum_of`."""


def save_weights(tensors: Mapping[str, Tensor], label: Label, path: Path) -> None:
    """Write tensors and label to one file, under a temporary name first.

    Raises:
        OutputError: If it cannot be written there.
    """
    with replacing(path) as temporary:
        save_file({name: x.contiguous() for name, x in tensors.items()}, temporary, asdict(label))


def read_label(path: Path) -> Label:
    """What a file of weights says about itself.

    Raises:
        WeightsError: If it is missing or not one that `save_weights` wrote.
    """
    return _read(path, tensors=False)[0]


def load_weights(path: Path, model: str, config: object = None) -> dict[str, Tensor]:
    """Read weights that `save_weights` wrote, and check them against their checksum.

    Args:
        path: The file.
        model: Model and size that it must be for.
        config: The dataclass of sizes that it must have been made for; None if it has none.

    Raises:
        WeightsError: If it is missing, damaged, for another model, or for other sizes.
    """
    label, tensors = _read(path, tensors=True)
    if label.model != model:
        raise WeightsError(
            f"{shown(path)} holds weights of {label.model}, not of {model}; import them again."
        )
    if _completed(json.loads(label.config), config) != json.loads(config_json(config)):
        raise WeightsError(f"{shown(path)} was made for other sizes of {model}; import the weights again.")
    if checksum_of(tensors) != label.checksum:
        raise WeightsError(f"{shown(path)} is damaged: its checksum is wrong; import the weights again.")
    return tensors


def stored_sizes(path: Path, cls: type[_Sizes]) -> _Sizes:
    """The dataclass of sizes that a file of weights was made for.

    Raises:
        WeightsError: If it is missing, damaged, or says something else.
    """
    label = read_label(path)
    try:
        return _sizes(cls, _completed(json.loads(label.config), cls()))
    except (TypeError, ValueError, AttributeError) as error:
        raise WeightsError(f"{shown(path)} does not say its sizes; import the weights again.") from error


def _sizes(cls: type, stored: Any) -> Any:
    """A frozen dataclass, with inner ones, out of plain lists and numbers."""
    if unknown := set(stored) - {field.name for field in fields(cls)}:
        raise ValueError(f"unknown sizes: {unknown}")
    given = {}
    for field in fields(cls):
        value = stored[field.name]
        inner = field.type if isinstance(field.type, type) and is_dataclass(field.type) else None
        given[field.name] = (
            _sizes(inner, value) if inner else tuple(value) if isinstance(value, list) else value
        )
    return cls(**given)


def config_json(config: object) -> str:
    """A frozen dataclass of sizes as text; None stands for a network that has one size only."""
    return "{}" if config is None else json.dumps(asdict(config), sort_keys=True)  # type: ignore[call-overload]


def _completed(stored: dict[str, Any], config: object) -> dict[str, Any]:
    """A stored configuration; what did not exist yet when it was stored has its default."""
    return _joined(json.loads(config_json(None if config is None else type(config)())), stored)


def _joined(defaults: dict[str, Any], stored: dict[str, Any]) -> dict[str, Any]:
    both = dict(defaults)
    for name, value in stored.items():
        default = defaults.get(name)
        both[name] = (
            _joined(default, value) if isinstance(default, dict) and isinstance(value, dict) else value
        )
    return both


def checksum_of(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, shapes, types and bytes of tensors, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        x = tensors[name]
        digest.update(f"{name} {x.dtype} {list(x.shape)}\n".encode())
        digest.update(x.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _read(path: Path, tensors: bool) -> tuple[Label, dict[str, Tensor]]:
    if not path.is_file():
        raise WeightsError(f"The weights {shown(path)} are missing; import them.")
    try:
        with safe_open(path, "pt") as file:
            label = Label(**(file.metadata() or {}))
            names = file.keys() if tensors else ()
            return label, {name: file.get_tensor(name) for name in names}
    except (SafetensorError, TypeError, OSError, UnicodeDecodeError) as error:
        raise WeightsError(
            f"{shown(path)} is damaged or no file of ours; import the weights again."
        ) from error
