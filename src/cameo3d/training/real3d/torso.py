"""Stage C of Real3D-Portrait: the super-resolution learns torso and background; all else stays as it is."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from cameo3d.blocks.images import resize_smoothly
from cameo3d.data.portraits.pairs import PairBatch, View
from cameo3d.models.real3d.generator import Frame, Real3DGenerator, split_camera
from cameo3d.training.learner import Group, Learner, Losses, Part
from cameo3d.training.losses.density import entropy, occlusion_l1
from cameo3d.training.losses.pixels import dilated
from cameo3d.training.norms import add_spectral_norms
from cameo3d.training.real3d.adversary import (
    Shown,
    build_discriminator,
    build_learner,
    fooling,
    teach_discriminator,
)
from cameo3d.training.real3d.recipes import TorsoRecipe
from cameo3d.training.real3d.sheets import rows_of_pictures
from cameo3d.training.real3d.terms import grown_side, named, picture_losses, raw_colors, ray_noise
from cameo3d.training.schedule import stepped


class TorsoStage:
    """The stage.

    Args:
        recipe: All choices.
        perceptual: The perceptual loss; None leaves its terms out.
        device: Where to train.
        start: Networks to begin with, of stage B: "generator" and, if there is one, "discriminator".
    """

    averaged = {"average": "generator"}  # noqa: RUF012 - never changed

    def __init__(
        self,
        recipe: TorsoRecipe,
        perceptual: nn.Module | None,
        device: torch.device,
        start: Mapping[str, Mapping[str, Tensor]] | None = None,
    ) -> None:
        self.recipe, self._perceptual = recipe, perceptual
        generator, average = (Real3DGenerator(recipe.network) for _ in range(2))
        judge = build_discriminator(recipe.adversary, recipe.network.image_size)
        for name, network in (("generator", generator), ("discriminator", judge)):
            if start and name in start:
                network.load_state_dict(_fitting(start[name], network, recipe.network.fusion.concatenate))
        for network in (generator, average):
            add_spectral_norms(network.layers.torso)
        average.load_state_dict(generator.state_dict())
        self.networks = nn.ModuleDict(
            {
                "generator": generator.to(device),
                "average": average.to(device).eval().requires_grad_(False),
                "discriminator": judge.to(device),
            }
        )
        generator.requires_grad_(False)
        self.generator, self.discriminator = generator, judge
        rate = stepped(recipe.rate, recipe.decay, recipe.decay_every, recipe.floor, recipe.warm_up)
        group = Group(list(generator.super_resolution.parameters()), rate)
        self.learners = {
            "generator": Learner({"super_resolution": group}, (0.0, 0.99), recipe.max_norm, recipe.precision),
            "discriminator": build_learner(recipe.adversary, judge, recipe.max_norm, recipe.precision),
        }
        self._fakes: list[Shown] = []

    def step(self, step: int, parts: Sequence[Part[PairBatch]]) -> dict[str, float]:
        """The generator's step, then the discriminator's."""
        recipe = self.recipe
        self.generator.train(recipe.frozen_parts_train)
        self.generator.super_resolution.train()
        self.discriminator.requires_grad_(False)
        self._fakes = []
        scalars = self.learners["generator"].update(
            step, parts, lambda batch: self.losses(step, batch), self.weights()
        )
        side = recipe.network.render_size
        reals = [
            [Shown(view.picture, resize_smoothly(view.head, side, side), view.camera)]
            for view in (part.batch.target for part in parts)
        ]
        return scalars | teach_discriminator(
            recipe.adversary,
            self.learners["discriminator"],
            self.discriminator,
            step,
            parts,
            reals,
            [[fake] for fake in self._fakes],
        )

    def losses(self, step: int, batch: PairBatch) -> Losses:
        """All terms that are due at a step."""
        target = self._draw(self.generator, batch, batch.target, random=True)
        self._fakes.append(Shown(target.image, raw_colors(target), batch.target.camera).detached())
        losses = named("target", self._view_losses(step, target, batch.target))
        if step % self.recipe.source_every == 0:
            source = self._draw(self.generator, batch, batch.source, random=True)
            losses |= named("source", self._view_losses(step, source, batch.source))
        return losses

    def weights(self) -> dict[str, float]:
        """Of all terms, the same for source and target."""
        recipe = self.recipe
        of_view = {
            "l1": recipe.pixels,
            "perceptual": recipe.perceptual,
            "lip_l1": recipe.lips,
            "lip_perceptual": recipe.lips_perceptual,
            "entropy": recipe.entropy,
            "occlusion": recipe.occlusion,
            "adversarial": recipe.adversarial,
        }
        return {f"{view}_{name}": x for view in ("source", "target") for name, x in of_view.items()}

    @torch.no_grad()
    def sheet(self, batch: PairBatch) -> UInt8[np.ndarray, "height width 3"]:
        """Source, its torso, background, the torso's alpha, the result, the truth."""
        average = self.networks["average"]
        assert isinstance(average, Real3DGenerator)
        frame = self._draw(average, batch, batch.target, random=False)
        assert frame.torso is not None
        alpha = (2 * frame.torso.alpha - 1).expand(-1, 3, -1, -1)
        source = batch.source
        return rows_of_pictures(
            [source.picture, source.torso, batch.background, alpha, frame.image, batch.target.picture]
        )

    def _draw(self, generator: Real3DGenerator, batch: PairBatch, view: View, random: bool) -> Frame:
        source = batch.source
        with torch.no_grad():  # only the super-resolution learns
            planes = generator.canonical_planes(source.head)
            planes = planes + generator.motion_planes(batch.neutral, source.pncc, view.pncc)
        scene = generator.prepare_scene(source.torso, source.classes, self.background(batch))
        config = self.recipe.network
        noise = ray_noise(config, len(planes), planes.device) if random else None
        return generator(planes.float(), scene, *split_camera(view.camera), source.points, view.points, noise)

    def background(self, batch: PairBatch) -> Float[Tensor, "batch 3 size size"]:
        """What the network is told to be behind the person."""
        if self.recipe.inpainted_background:
            return batch.background
        behind = batch.source.classes[:, :1]
        return batch.source.picture * behind - (1 - behind)

    def _view_losses(self, step: int, frame: Frame, view: View) -> Losses:
        recipe, mask = self.recipe, view.torso_mask
        losses = picture_losses(frame, view.picture, mask, view.points, recipe.outside, self._perceptual)
        assert frame.torso is not None
        losses["entropy"] = entropy(frame.torso.alpha)
        if recipe.occlusion:
            coarse = frame.torso.motion.alpha
            wide = dilated(mask, grown_side(mask.shape[-1]))
            losses["occlusion"] = occlusion_l1(
                coarse, nn.functional.interpolate(wide, coarse.shape[2:], mode="nearest")
            )
        if step >= recipe.adversarial_from:
            fake = Shown(frame.image, raw_colors(frame), view.camera)
            losses["adversarial"] = fooling(self.discriminator, fake, recipe.adversary.camera_noise)
        return losses


def _fitting(state: Mapping[str, Tensor], network: nn.Module, concatenates: bool) -> Mapping[str, Tensor]:
    """A start; networks that concatenate join the layers in their own way, which begins at random."""
    if not concatenates:
        return state
    own = network.state_dict()
    return own | {name: x for name, x in state.items() if name in own and own[name].shape == x.shape}
