"""What the three stages of GOHA's training have in common."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from cameo3d.blocks.images import resize
from cameo3d.data.portraits.goha_pairs import GohaPairs
from cameo3d.models.goha.expression import LinearExpression
from cameo3d.models.goha.generator import GohaGenerator
from cameo3d.training.goha.faces import FaceDrawer
from cameo3d.training.goha.recipe import GohaRecipe
from cameo3d.training.goha.views import Viewer
from cameo3d.training.learner import Group, Learner
from cameo3d.training.losses.density import density_tv
from cameo3d.training.schedule import constant

PLANE_CUBE = 2.0
"""Side of the cube in which densities are compared, in world units: twice that of the planes."""
DENSITY_STEP = 4e-3
"""How far compared densities are apart, in world units."""


class GohaStage:
    """The generator, its views, and the optimiser of what learns.

    Args:
        generator: All networks.
        drawer: Of face model pictures.
        recipe: Of the stage.
        learning: The parts of the generator that learn; all others are frozen.
        always_transfers: Whether synthetic pairs and photos get their target's expression, too.
    """

    def __init__(
        self,
        generator: GohaGenerator,
        drawer: FaceDrawer,
        recipe: GohaRecipe,
        learning: Sequence[nn.Module],
        always_transfers: bool = False,
    ) -> None:
        self.generator, self.drawer, self.recipe = generator, drawer, recipe
        self._learning = list(learning)
        generator.renderer.recompute = recipe.recompute
        generator.requires_grad_(False)
        self.networks = nn.ModuleDict({"generator": generator})
        self.averaged: Mapping[str, str] = {}
        if recipe.average:
            self.networks["average"] = copy.deepcopy(generator).eval()
            self.averaged = {"average": "generator"}
        self.learners: dict[str, Learner] = {
            "generator": Learner(_groups(learning, recipe), recipe.betas, recipe.max_norm, recipe.precision)
        }
        self.views = Viewer(
            generator,
            drawer,
            recipe.expression_from,
            recipe.appearance_from,
            always_transfers,
            canonical_learns=generator.canonical in self._learning,
        )

    def iteration(self, step: int) -> int:
        """The number of an iteration over all stages."""
        return self.recipe.first + step

    def prepare(self) -> None:
        """Switch parts to training or evaluation mode: what does not learn keeps still."""
        self.generator.train(self.recipe.frozen_in_training_mode)
        for part in self._learning:
            part.train()
        self.generator.parser.eval()

    def smoothness(self, planes: Float[Tensor, "batch 3 channels height width"]) -> Float[Tensor, ""]:
        """How much the density changes over a small step."""
        return density_tv(self.generator.renderer.look_up, planes, PLANE_CUBE, DENSITY_STEP)

    @torch.no_grad()
    def sheet(self, batch: Any) -> UInt8[np.ndarray, "height width 3"]:
        """A row for each pair: source, target, canonical, coarse, both full views, and the finished frame."""
        assert isinstance(batch, GohaPairs)
        self.generator.eval()
        pairs = batch.first(4)
        late = max(self.recipe.expression_from, self.recipe.appearance_from)
        views = [self.views(late, mode, pairs).colors for mode in ("canonical", "coarse", "source", "target")]
        frame = self.generator.super_resolution(views[-1])
        size = self.generator.config.render_size
        columns = [resize(x, size, size) for x in (pairs.source, pairs.target, *views, frame)]
        rows = torch.cat(columns, dim=-1).clamp(-1, 1)
        picture = torch.cat(list(rows), dim=1).permute(1, 2, 0)
        return ((picture + 1) * 127.5).round().to(torch.uint8).cpu().numpy()


def freeze(network: nn.Module) -> None:
    """Keep a network's parameters out of the gradients of the step that follows."""
    network.requires_grad_(False)


def _groups(learning: Sequence[nn.Module], recipe: GohaRecipe) -> dict[str, Group]:
    """The parts that learn; linear bases, an ablation's, have their own rate."""
    bases = [part for part in learning if isinstance(part, LinearExpression)]
    others = [part for part in learning if part not in bases]
    groups = {"generator": Group(_parameters(others), constant(recipe.rate))}
    if bases:
        groups["bases"] = Group(_parameters(bases), constant(recipe.linear_basis_rate))
    return groups


def _parameters(modules: Iterable[nn.Module]) -> list[nn.Parameter]:
    return [parameter for module in modules for parameter in module.parameters()]
