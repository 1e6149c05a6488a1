"""Where a training stands: networks, optimizer and step in one safetensors file, without pickles."""

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from cameo3d.media.files import replacing


def save_checkpoint(
    path: Path, step: int, recipe: str, networks: nn.ModuleDict, optimizer: torch.optim.Optimizer
) -> None:
    """Write the state after `step` steps; an older file is replaced only when the new one is complete.

    Args:
        path: The file.
        step: Steps done.
        recipe: A text that names all choices; the checkpoint belongs to them only.
        networks: All that is trained or averaged.
        optimizer: One whose state holds tensors only, such as AdamW.
    """
    tensors = {f"network.{name}": tensor.contiguous() for name, tensor in networks.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": tensor.contiguous() for name, tensor in state.items()}
    with replacing(path) as temporary:
        save_file(tensors, temporary, {"step": str(step), "recipe": recipe})


def load_checkpoint(
    path: Path, recipe: str, networks: nn.ModuleDict, optimizer: torch.optim.Optimizer
) -> int:
    """Take a training up where it was left.

    Returns:
        Steps done; 0, and nothing changed, if there is no file or it belongs to another recipe.
    """
    if not path.exists():
        return 0
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if metadata["recipe"] != recipe:
        return 0
    networks.load_state_dict(
        {
            name.removeprefix("network."): tensor
            for name, tensor in tensors.items()
            if name.startswith("network.")
        }
    )
    states: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".")
            states.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": states})
    return int(metadata["step"])
