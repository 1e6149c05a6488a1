"""Stage B of Real3D-Portrait: the motion adapter learns from pairs of frames."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from cameo3d.blocks.images import resize_smoothly
from cameo3d.data.portraits.pairs import PairBatch, View
from cameo3d.models.real3d.generator import Frame, Real3DGenerator, split_camera
from cameo3d.training.learner import Group, Learner, Losses, Part
from cameo3d.training.losses.density import density_tv
from cameo3d.training.losses.motion import AdaptiveWeight, blink_laplacian, plane_change
from cameo3d.training.real3d.adversary import (
    Shown,
    build_discriminator,
    build_learner,
    fooling,
    teach_discriminator,
)
from cameo3d.training.real3d.recipes import MotionRecipe
from cameo3d.training.real3d.recomputing import recompute
from cameo3d.training.real3d.sheets import rows_of_pictures
from cameo3d.training.real3d.terms import head_losses, named, raw_colors, ray_noise
from cameo3d.training.schedule import Schedule, between, stepped


class MotionStage:
    """The stage.

    Args:
        recipe: All choices.
        perceptual: The perceptual loss; None leaves its terms out.
        device: Where to train.
        start: Networks to begin with, of stage A: "generator" and, if there is one, "discriminator".
    """

    averaged = {"average": "generator"}  # noqa: RUF012 - never changed

    def __init__(
        self,
        recipe: MotionRecipe,
        perceptual: nn.Module | None,
        device: torch.device,
        start: Mapping[str, Mapping[str, Tensor]] | None = None,
    ) -> None:
        self.recipe, self._perceptual = recipe, perceptual
        generator, average = (Real3DGenerator(recipe.network) for _ in range(2))
        judge = build_discriminator(recipe.adversary, recipe.network.image_size)
        for name, network in (("generator", generator), ("discriminator", judge)):
            if start and name in start:
                network.load_state_dict(start[name])
        average.load_state_dict(generator.state_dict())
        if recipe.recompute:
            recompute(generator, judge)
        self.networks = nn.ModuleDict(
            {
                "generator": generator.to(device),
                "average": average.to(device).eval().requires_grad_(False),
                "discriminator": judge.to(device),
                "blink_weight": AdaptiveWeight(recipe.blink_aim, most=2.0).to(device),
                "pncc_weight": AdaptiveWeight(recipe.pncc_aim, most=0.2).to(device),
            }
        )
        self.generator, self.discriminator = generator, judge
        self.learners = {
            "generator": self._learner(),
            "discriminator": build_learner(recipe.adversary, judge, recipe.max_norm, recipe.precision),
        }
        self._fakes: list[Shown] = []

    def step(self, step: int, parts: Sequence[Part[PairBatch]]) -> dict[str, float]:
        """All terms of the generator in one step, then the discriminator's."""
        recipe, learner = self.recipe, self.learners["generator"]
        self._set_modes(step)
        self.discriminator.requires_grad_(False)
        self._fakes = []
        scalars = learner.update(step, parts, lambda batch: self.losses(step, batch), self.weights(step))
        reals = [[self._shown(view) for view in (part.batch.source, part.batch.target)] for part in parts]
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
        recipe, generator, source = self.recipe, self.generator, batch.source
        adversarial = step >= recipe.adversarial_from
        canonical = generator.canonical_planes(source.head)
        moved = self._moved(canonical, batch, batch.target.pncc)

        frame = self._draw(moved, batch.target)
        self._fakes.append(Shown(frame.image, raw_colors(frame), batch.target.camera).detached())
        slip = recipe.official_mask_slip
        losses = named("target", self._view_losses(frame, batch.target, adversarial, slip))
        if step % recipe.source_every == 0:
            still = self._draw(self._moved(canonical, batch, source.pncc), source)
            losses |= named("source", self._view_losses(still, source, adversarial))
        if (step + 1) % recipe.regularise_every == 0:
            losses["density"] = density_tv(
                generator.renderer.look_up, moved, recipe.network.box_side, recipe.density_step
            )
            if recipe.motion_adapter:
                losses |= self._evenness(batch)
        return losses

    def weights(self, step: int) -> dict[str, float]:
        """Of all terms; in the adversarial phase the target's full size is left to the discriminator."""
        recipe = self.recipe
        of_view = {
            "l1": recipe.pixels,
            "raw_l1": recipe.pixels,
            "perceptual": recipe.perceptual,
            "raw_perceptual": recipe.perceptual,
            "lip_l1": recipe.lips,
            "lip_perceptual": recipe.lips_perceptual,
            "opacity": recipe.opacity,
            "entropy": recipe.entropy,
            "adversarial": recipe.adversarial,
        }
        weights = {f"{view}_{name}": x for view in ("source", "target") for name, x in of_view.items()}
        if step >= recipe.adversarial_from:
            weights |= {"target_l1": 0.0, "target_perceptual": 0.0}
        every = float(recipe.regularise_every)
        return weights | {"density": recipe.density * every, "blink": every, "pncc": every}

    @torch.no_grad()
    def sheet(self, batch: PairBatch) -> UInt8[np.ndarray, "height width 3"]:
        """Source, its map and the target's, what the rays see, the result, the truth."""
        average = self.networks["average"]
        assert isinstance(average, Real3DGenerator)
        planes = average.canonical_planes(batch.source.head)
        if self.recipe.motion_adapter:
            planes = planes + average.motion_planes(batch.neutral, batch.source.pncc, batch.target.pncc)
        frame = average.head_frame(planes, *split_camera(batch.target.camera))
        source, target = batch.source, batch.target
        return rows_of_pictures(
            [source.head, source.pncc, target.pncc, raw_colors(frame), frame.image, target.head]
        )

    def _moved(self, canonical: Tensor, batch: PairBatch, pncc: Tensor) -> Tensor:
        if not self.recipe.motion_adapter:
            return canonical
        return canonical + self.generator.motion_planes(batch.neutral, batch.source.pncc, pncc)

    def _draw(self, planes: Tensor, view: View) -> Frame:
        noise = ray_noise(self.recipe.network, len(planes), planes.device)
        return self.generator.head_frame(planes.float(), *split_camera(view.camera), noise)

    def _view_losses(self, frame: Frame, view: View, adversarial: bool, slip: bool = False) -> Losses:
        losses = head_losses(frame, view, self.recipe.outside, self._perceptual, slip)
        if adversarial:
            fake = Shown(frame.image, raw_colors(frame), view.camera)
            losses["adversarial"] = fooling(self.discriminator, fake, self.recipe.adversary.camera_noise)
        return losses

    def _evenness(self, batch: PairBatch) -> Losses:
        """Motion planes change evenly while eyes close, and little where the map changes little."""

        def planes(pncc: Tensor) -> Tensor:
            return self.generator.motion_planes(batch.neutral, batch.source.pncc, pncc)

        changes = {}
        if self.recipe.blink_aim > 0:
            changes["blink"] = blink_laplacian(*(planes(pncc) for pncc in batch.blinks.unbind(dim=1)))
        if self.recipe.pncc_aim > 0:
            changes["pncc"] = plane_change(planes(batch.base), planes(batch.perturbed))
        losses = {}
        for name, change in changes.items():
            weight = self.networks[f"{name}_weight"]
            assert isinstance(weight, AdaptiveWeight)
            weight.follow(float(change.detach()))
            losses |= {f"{name}_change": change.detach(), name: change * weight.value}
        return losses

    def _shown(self, view: View) -> Shown:
        side = self.recipe.network.render_size
        return Shown(view.head, resize_smoothly(view.head, side, side), view.camera)

    def _set_modes(self, step: int) -> None:
        """Dropout and batch statistics only in parts that learn, unless the official way is asked for."""
        learner = self.learners["generator"]
        parts = {
            "canonical": self.generator.image_to_plane,
            "adapter": self.generator.motion_adapter,
            "decoder": self.generator.renderer,
            "super_resolution": self.generator.super_resolution,
        }
        for name, part in parts.items():
            part.train(self.recipe.frozen_parts_train or learner.groups[name].rate(step) > 0)

    def _learner(self) -> Learner:
        recipe, generator = self.recipe, self.generator
        rates = motion_rates(recipe)
        resolution = generator.super_resolution
        parts = {
            "canonical": generator.image_to_plane.parameters(),
            "adapter": generator.motion_adapter.parameters(),
            "decoder": generator.renderer.parameters(),
            "super_resolution": [*resolution.head_block.parameters(), *resolution.last_block.parameters()],
        }
        groups = {name: Group(list(part), rates[name]) for name, part in parts.items()}
        return Learner(groups, (0.0, 0.99), recipe.max_norm, recipe.precision)


def motion_rates(recipe: MotionRecipe) -> dict[str, Schedule]:
    """The rate of each group of stage B."""
    usual = stepped(recipe.rate, recipe.decay, recipe.decay_every, recipe.floor, recipe.warm_up)
    warm = stepped(recipe.rate, recipe.decay, recipe.decay_every, 0.0, recipe.warm_up)
    full, last = recipe.adversarial_from + 20_000, recipe.adversarial_from

    def canonical(step: int) -> float:
        rising = warm(step) * min(1.0, step / full) if step > recipe.others_from else 0.0
        return max(recipe.floor, rising)

    until = last if recipe.canonical_until is None else min(last, recipe.canonical_until)
    return {
        "canonical": between(canonical, 0, until),
        "adapter": between(usual, 1, last),
        "decoder": between(usual, recipe.others_from + 1, last),
        "super_resolution": between(usual, recipe.super_resolution_from + 1),
    }
