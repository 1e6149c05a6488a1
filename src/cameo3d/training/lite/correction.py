"""What the corrections of the lite models share: how people's files are read, and how one network learns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch
from safetensors import safe_open
from torch import nn

from cameo3d.errors import InputError
from cameo3d.media.files import shown
from cameo3d.training.learner import Group, Learner, Losses, Part
from cameo3d.training.schedule import cosine

_Batch = TypeVar("_Batch")
_Content = TypeVar("_Content")


@dataclass(frozen=True)
class CorrectionRecipe:
    """The choices that both trainings have."""

    steps: int = 2000
    batch: int = 4
    rate: float = 1e-3
    warm_up: int = 50
    jitter: float = 0.15
    """Spread of the gain of each colour, the same in all pictures of a pair."""
    seed: int = 0
    weights: tuple[tuple[str, float], ...] = ()
    """Of the losses, by name."""


def read_people(
    folder: Path, held_out: bool, read: Callable[[Path], _Content], what: str
) -> dict[str, list[_Content]]:
    """The files of a folder by person, people in the order of their names.

    Args:
        folder: Files whose labels tell `identity` and `held_out`.
        held_out: Whether to take the people of the evaluation instead of all others.
        read: Reads one file.
        what: What the files hold, for the error.

    Raises:
        InputError: If the folder holds none of them.
    """
    people: dict[str, list[_Content]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            labels = file.metadata()
        if (labels["held_out"] == "True") == held_out:
            people.setdefault(labels["identity"], []).append(read(path))
    if not people:
        raise InputError(f"{shown(folder)} holds no {what}; make them first.")
    return dict(sorted(people.items()))


class CorrectionStage(Generic[_Batch]):
    """A stage for `training.loop.train` in which one network learns and is averaged.

    Args:
        name: Of the network.
        make: Makes it.
        recipe: All choices.
        device: Where to learn.
    """

    def __init__(
        self, name: str, make: Callable[[], nn.Module], recipe: CorrectionRecipe, device: torch.device | None
    ) -> None:
        torch.manual_seed(recipe.seed)
        network, average = make(), make()
        average.load_state_dict(network.state_dict())
        self.networks = nn.ModuleDict({name: network, "average": average.requires_grad_(False)})
        self.networks.to(device or torch.device("cpu"))
        rate = cosine(recipe.rate, recipe.steps, recipe.warm_up)
        self.learners: Mapping[str, Learner] = {
            name: Learner({name: Group(list(network.parameters()), rate)}, weight_decay=0.01)
        }
        self.averaged: Mapping[str, str] = {"average": name}
        self._name, self._weights = name, dict(recipe.weights)

    def step(self, step: int, parts: Sequence[Part[_Batch]]) -> dict[str, float]:
        """One step."""
        return self.learners[self._name].update(step, parts, self.losses, self._weights)

    def losses(self, batch: _Batch) -> Losses:
        """Losses of the network that learns."""
        raise NotImplementedError
