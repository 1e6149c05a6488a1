"""Stage 1 of GOHA: canonical, expression and appearance planes learn to show people, one view at a time."""

from collections.abc import Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor

from cameo3d.blocks.images import resize
from cameo3d.data.portraits.goha_pairs import GohaPairs
from cameo3d.models.goha.generator import GohaGenerator
from cameo3d.training.goha.faces import FaceDrawer
from cameo3d.training.goha.losses import Distance, neutral_losses, neutral_pairs
from cameo3d.training.goha.modes import Mode, reconstruction_mode, smooths_in_reconstruction
from cameo3d.training.goha.recipe import RECONSTRUCTION, GohaRecipe
from cameo3d.training.goha.stage import GohaStage
from cameo3d.training.goha.views import View
from cameo3d.training.learner import Part
from cameo3d.training.losses.pixels import l1


class ReconstructionStage(GohaStage):
    """Everything but super-resolution and the face parser learns.

    Args:
        generator: With its starts.
        drawer: Of face model pictures.
        distance: LPIPS; the release's is on AlexNet.
        recipe: Of the stage.
    """

    def __init__(
        self,
        generator: GohaGenerator,
        drawer: FaceDrawer,
        distance: Distance,
        recipe: GohaRecipe = RECONSTRUCTION,
    ) -> None:
        parts = generator.canonical, generator.expression, generator.appearance, generator.renderer
        learning = [part for part in parts if part is not None]
        super().__init__(generator, drawer, recipe, learning)
        self._distance = distance

    def step(self, step: int, parts: Sequence[Part[Any]]) -> dict[str, float]:
        """One iteration."""
        iteration = self.iteration(step)
        self.prepare()
        weights = {"l1": 1.0, "perceptual": 1.0, "smoothness": self.recipe.smoothness_weight}
        return self.learners["generator"].update(
            step, parts, lambda pairs: self.losses(iteration, pairs), weights
        )

    def mode(self, iteration: int) -> Mode:
        """What an iteration looks at; without the neutral constraint no view is kept for canonical planes."""
        mode = reconstruction_mode(iteration, self.recipe.expression_from)
        free = not self.generator.config.neutral_constraint
        return "coarse" if free and mode == "canonical" and iteration > self.recipe.expression_from else mode

    def losses(self, iteration: int, pairs: GohaPairs) -> dict[str, Float[Tensor, ""]]:
        """All losses of one batch."""
        mode = self.mode(iteration)
        view = self.views(iteration, mode, pairs)
        if mode == "canonical" and self.generator.config.neutral_constraint:
            losses = self._neutral(view, pairs)
        else:
            truth = resize(view.truth, *view.colors.shape[-2:])
            losses = {"l1": l1(view.colors, truth), "perceptual": self._distance(view.colors, truth).mean()}
        if smooths_in_reconstruction(mode, iteration):
            losses["smoothness"] = self.smoothness(view.planes)
        return losses

    def _neutral(self, view: View, pairs: GohaPairs) -> dict[str, Float[Tensor, ""]]:
        drawing, coverage = self.drawer.neutral(pairs.targets())
        resting = self.views.resting(pairs.targets())
        made, wanted = neutral_pairs(view.colors, drawing, coverage, view.truth, resting)
        return neutral_losses(made, wanted, self._distance, self.recipe.neutral_weight)
