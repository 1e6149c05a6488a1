"""What the corrections of the lite models share: how people's files are drawn, and how one network learns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from safetensors import safe_open
from torch import Tensor, nn

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


class PeopleBatches(Generic[_Content]):
    """Draws batches of people's files; the same ones for the same number.

    Args:
        folder: Files whose labels tell `identity` and `held_out`.
        recipe: How to draw.
        held_out: Whether to take the people of the evaluation instead of all others, without augmentation.
        device: Where batches go.

    Raises:
        InputError: If the folder holds none of them.
    """

    what: str
    """What the files hold, for the error."""

    def __init__(
        self,
        folder: Path,
        recipe: CorrectionRecipe,
        held_out: bool = False,
        device: torch.device | None = None,
    ) -> None:
        self.held_out = held_out
        self.device = device or torch.device("cpu")
        self._recipe, self._people = recipe, self._by_person(folder)

    def read(self, path: Path) -> _Content:
        """One file."""
        raise NotImplementedError

    def pair(self, random: np.random.Generator) -> Sequence[Tensor]:
        """One example of a batch."""
        raise NotImplementedError

    def people(self) -> list[list[_Content]]:
        """Everyone's files, in the order of their names."""
        return list(self._people.values())

    def drawn(self, index: int) -> list[Sequence[Tensor]]:
        """The examples of a batch's number."""
        random = np.random.default_rng((self._recipe.seed, index))
        return [self.pair(random) for _ in range(self._recipe.batch)]

    def gain(self, random: np.random.Generator) -> Float[Tensor, "3"]:
        """By how much each colour of an example is multiplied."""
        gain = np.ones(3) if self.held_out else np.exp(random.normal(0, self._recipe.jitter, 3))
        return torch.tensor(gain, dtype=torch.float32)

    def _by_person(self, folder: Path) -> dict[str, list[_Content]]:
        people: dict[str, list[_Content]] = {}
        for path in sorted(folder.glob("*.safetensors")):
            with safe_open(path, "pt") as file:
                labels = file.metadata()
            if (labels["held_out"] == "True") == self.held_out:
                people.setdefault(labels["identity"], []).append(self.read(path))
        if not people:
            raise InputError(f"{shown(folder)} holds no {self.what}; make them first.")
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
        return self.losses_of(self.networks[self._name], batch)

    def losses_of(self, network: nn.Module, batch: _Batch) -> Losses:
        """Losses of one network."""
        raise NotImplementedError

    @torch.no_grad()
    def judged(self, batches: Sequence[_Batch]) -> dict[str, float]:
        """Mean losses of the averaged network."""
        found = [self.losses_of(self.networks["average"], batch) for batch in batches]
        return {name: float(torch.stack([each[name] for each in found]).mean()) for name in found[0]}
