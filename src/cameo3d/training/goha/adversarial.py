"""Stage 1b of GOHA: expression and appearance go on against a discriminator; canonical planes stand still."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cameo3d.blocks.images import resize
from cameo3d.data.portraits.goha_pairs import GohaPairs
from cameo3d.models.goha.generator import GohaGenerator
from cameo3d.training.goha.faces import FaceDrawer
from cameo3d.training.goha.losses import blurred, vgg_l1
from cameo3d.training.goha.modes import adversarial_mode, smooths_in_adversarial
from cameo3d.training.goha.recipe import ADVERSARIAL, GohaRecipe
from cameo3d.training.goha.stage import GohaStage, freeze
from cameo3d.training.learner import Group, Learner, Part
from cameo3d.training.losses.adversarial import fooling_loss, r1_penalty, telling_loss
from cameo3d.training.losses.perceptual import FeatureNetwork
from cameo3d.training.losses.pixels import l1
from cameo3d.training.schedule import constant


class AgainstDiscriminator(GohaStage):
    """A stage with a discriminator; what is shown to it, its children say."""

    def __init__(
        self,
        generator: GohaGenerator,
        discriminator: nn.Module,
        drawer: FaceDrawer,
        features: FeatureNetwork,
        recipe: GohaRecipe,
        learning: Sequence[nn.Module],
    ) -> None:
        super().__init__(generator, drawer, recipe, learning, always_transfers=True)
        self.features, self.discriminator = features, discriminator
        self.networks["discriminator"] = discriminator
        group = Group(list(discriminator.parameters()), constant(recipe.discriminator_rate))
        self.learners["discriminator"] = Learner(
            {"discriminator": group}, recipe.betas, recipe.max_norm, recipe.precision
        )

    def step(self, step: int, parts: Sequence[Part[Any]]) -> dict[str, float]:
        """One iteration of the generator, and every few one of the discriminator."""
        iteration, recipe = self.iteration(step), self.recipe
        parts = list(parts)
        self.prepare()
        freeze(self.discriminator)
        weights = {
            "l1": 1.0,
            "perceptual": 1.0,
            "smoothness": recipe.smoothness_weight,
            "fooling": recipe.adversarial_weight,
        }
        logged = self.learners["generator"].update(
            step, parts, lambda pairs: self.losses(iteration, pairs), weights
        )
        if iteration % recipe.discriminator_every == 0:
            penalty = recipe.r1_gamma * recipe.r1_every
            told = self.learners["discriminator"].update(
                step,
                parts,
                lambda pairs: self.discriminator_losses(iteration, pairs),
                {"telling": 1.0, "r1": penalty},
            )
            logged |= {f"discriminator_{name}": value for name, value in told.items()}
        return logged

    def losses(self, iteration: int, pairs: GohaPairs) -> dict[str, Float[Tensor, ""]]:
        """The generator's losses of one batch."""
        raise NotImplementedError

    def shown(
        self, iteration: int, pairs: GohaPairs
    ) -> tuple[Float[Tensor, "batch channels size size"], Float[Tensor, "batch channels size size"]]:
        """A real and a made picture for the discriminator's own step."""
        raise NotImplementedError

    def discriminator_losses(self, iteration: int, pairs: GohaPairs) -> dict[str, Float[Tensor, ""]]:
        """The discriminator's losses of one batch."""
        with torch.no_grad():
            real, made = self.shown(iteration, pairs)
        penalised = iteration % self.recipe.r1_every == 0
        scores = self.discriminator(real.requires_grad_(penalised))
        losses = {"telling": telling_loss(scores, self.discriminator(made))}
        if penalised:
            losses["r1"] = r1_penalty(scores, [real])
        return losses


class AdversarialStage(AgainstDiscriminator):
    """Expression, appearance and the decoder learn, and a discriminator of enlarged renderings.

    Args:
        generator: Of stage 1.
        discriminator: Of three channels at the pictures' size.
        drawer: Of face model pictures.
        features: VGG-19 up to the last convolution of each block, or its stand-in.
        recipe: Of the stage.
    """

    def __init__(
        self,
        generator: GohaGenerator,
        discriminator: nn.Module,
        drawer: FaceDrawer,
        features: FeatureNetwork,
        recipe: GohaRecipe = ADVERSARIAL,
    ) -> None:
        parts = generator.expression, generator.appearance, generator.renderer
        learning = [part for part in parts if part is not None]
        super().__init__(generator, discriminator, drawer, features, recipe, learning)

    def losses(self, iteration: int, pairs: GohaPairs) -> dict[str, Float[Tensor, ""]]:
        """The generator's losses of one batch."""
        mode = adversarial_mode(iteration)
        view = self.views(iteration, mode, pairs)
        small, size = view.colors.shape[-1], view.truth.shape[-1]
        if mode == "coarse":
            truth = resize(view.truth, small, small)
            losses = {"l1": l1(view.colors, truth), "perceptual": vgg_l1(self.features, view.colors, truth)}
        else:
            picture, truth = resize(view.colors, size, size), blurred(view.truth, small)
            losses = {
                "l1": l1(picture, truth),
                "perceptual": vgg_l1(self.features, picture, truth),
                "fooling": fooling_loss(self.discriminator(picture)),
            }
        if smooths_in_adversarial(mode, iteration):
            losses["smoothness"] = self.smoothness(view.planes)
        return losses

    def shown(
        self, iteration: int, pairs: GohaPairs
    ) -> tuple[Float[Tensor, "batch channels size size"], Float[Tensor, "batch channels size size"]]:
        """The target's view, and the target as small as that."""
        view = self.views(iteration, "target", pairs)
        small, size = view.colors.shape[-1], view.truth.shape[-1]
        return blurred(view.truth, small), resize(view.colors, size, size)
