"""Stage 2 of GOHA: super-resolution learns on renderings that no longer change."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cameo3d.blocks.images import resize
from cameo3d.data.portraits.goha_pairs import GohaPairs
from cameo3d.models.goha.generator import GohaGenerator
from cameo3d.training.goha.adversarial import AgainstDiscriminator
from cameo3d.training.goha.faces import FaceDrawer
from cameo3d.training.goha.losses import blurred, vgg_l1
from cameo3d.training.goha.modes import super_resolution_mode
from cameo3d.training.goha.recipe import SUPER_RESOLUTION, GohaRecipe
from cameo3d.training.losses.adversarial import fooling_loss
from cameo3d.training.losses.perceptual import FeatureNetwork
from cameo3d.training.losses.pixels import l1


class SuperResolutionStage(AgainstDiscriminator):
    """Super-resolution learns, and a discriminator of finished and enlarged pictures together.

    With `train_end_to_end`, an ablation of the paper, everything but the face parser learns.

    Args:
        generator: Of stage 1b.
        discriminator: Of six channels at the pictures' size.
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
        recipe: GohaRecipe = SUPER_RESOLUTION,
    ) -> None:
        self._whole = generator.config.train_end_to_end
        learning: list[nn.Module] = [generator.super_resolution]
        if self._whole:
            parts = generator.canonical, generator.expression, generator.appearance, generator.renderer
            learning += [part for part in parts if part is not None]
        super().__init__(generator, discriminator, drawer, features, recipe, learning)

    def losses(self, iteration: int, pairs: GohaPairs) -> dict[str, Float[Tensor, ""]]:
        """The generator's losses of one batch."""
        finished, enlarged, sharp, blunt = self._pictures(iteration, pairs)
        made, truth = torch.cat((finished, enlarged)), torch.cat((sharp, blunt))
        return {
            "l1": l1(made, truth),
            "perceptual": vgg_l1(self.features, made, truth),
            "fooling": fooling_loss(self.discriminator(torch.cat((finished, enlarged), dim=1))),
        }

    def shown(
        self, iteration: int, pairs: GohaPairs
    ) -> tuple[Float[Tensor, "batch channels size size"], Float[Tensor, "batch channels size size"]]:
        """The finished frame over its enlarged rendering, and the truth over itself as small as that."""
        finished, enlarged, sharp, blunt = self._pictures(iteration, pairs)
        return torch.cat((sharp, blunt), dim=1), torch.cat((finished, enlarged), dim=1)

    def _pictures(self, iteration: int, pairs: GohaPairs) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        with torch.set_grad_enabled(torch.is_grad_enabled() and self._whole):
            view = self.views(iteration, super_resolution_mode(iteration), pairs)
        size = view.truth.shape[-1]
        seed = int(torch.randint(2**62, ()))
        fresh = torch.Generator(view.colors.device).manual_seed(seed)
        finished = self.generator.super_resolution(view.colors, fresh)
        enlarged = resize(view.colors, size, size)
        return finished, enlarged, view.truth, blurred(view.truth, view.colors.shape[-1])
