"""Where a training stands: networks, optimisers and step in one safetensors file, without pickles."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from cameo3d.errors import TrainingError
from cameo3d.media.files import replacing, shown

Optimizers = Mapping[str, torch.optim.Optimizer]


def save_checkpoint(
    path: Path,
    step: int,
    recipe: str,
    networks: nn.ModuleDict,
    optimizers: Optimizers,
    extra: Mapping[str, object] | None = None,
) -> None:
    """Write the state after `step` steps; an older file is replaced only when the new one is complete.

    Args:
        path: The file.
        step: Steps done.
        recipe: A text that names all choices; the checkpoint belongs to them only.
        networks: All that is trained or averaged.
        optimizers: By name; their state holds tensors only, as AdamW's does.
        extra: Small values for JSON, such as a loss scale.
    """
    tensors = {f"network.{name}": tensor for name, tensor in networks.state_dict().items()}
    for title, optimizer in optimizers.items():
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{title}.{index}.{name}": tensor for name, tensor in state.items()}
    # A copy, since safetensors refuses tensors that share memory.
    tensors = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    metadata = {"step": str(step), "recipe": recipe, "extra": json.dumps(extra or {})}
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata)


def load_checkpoint(
    path: Path, recipe: str, networks: nn.ModuleDict, optimizers: Optimizers
) -> tuple[int, dict[str, object]]:
    """Take a training up where it was left.

    Returns:
        Steps done and the extra values; 0 and nothing, and all as it was, if there is no file.

    Raises:
        TrainingError: If the file is damaged, or belongs to another recipe.
    """
    if not path.exists():
        return 0, {}
    metadata, tensors = _read(path)
    if metadata.get("recipe") != recipe:
        raise TrainingError(
            f"{shown(path)} belongs to a training with other choices; give another --out, or delete it."
        )
    try:
        networks.load_state_dict(_below(tensors, "network."))
        for title, optimizer in optimizers.items():
            states: dict[int, dict[str, Tensor]] = {}
            for name, tensor in _below(tensors, f"optimizer.{title}.").items():
                index, key = name.split(".")
                states.setdefault(int(index), {})[key] = tensor
            optimizer.load_state_dict({**optimizer.state_dict(), "state": states})
    except (RuntimeError, ValueError, KeyError) as error:
        raise TrainingError(f"{shown(path)} does not fit this training; delete it to begin again.") from error
    return int(metadata["step"]), json.loads(metadata.get("extra", "{}"))


def load_choices(path: Path) -> dict[str, object]:
    """What a checkpoint says of its training: stage, recipe and what it began with.

    Raises:
        TrainingError: If the file is missing or damaged.
    """
    _demand(path)
    try:
        found = json.loads(_read(path)[0].get("recipe", "{}"))
    except ValueError:
        return {}  # a training of its own, with a name instead
    return found if isinstance(found, dict) else {}


def load_network(path: Path, name: str) -> dict[str, Tensor]:
    """The tensors of one network of a checkpoint, to start another training from.

    Raises:
        TrainingError: If the file is missing or damaged, or has no such network.
    """
    _demand(path)
    _, tensors = _read(path)
    found = _below(tensors, f"network.{name}.")
    if not found:
        names = sorted({key.split(".")[1] for key in tensors if key.startswith("network.")})
        raise TrainingError(f"{shown(path)} holds no network {name!r}, only {', '.join(names)}.")
    return found


def _demand(path: Path) -> None:
    if not path.is_file():
        raise TrainingError(
            f"The checkpoint {shown(path)} does not exist; train the stage before, or give its file."
        )


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        with safe_open(path, "pt") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise TrainingError(
            f"{shown(path)} is damaged or no checkpoint; delete it to begin again."
        ) from error


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): x for name, x in tensors.items() if name.startswith(prefix)}
