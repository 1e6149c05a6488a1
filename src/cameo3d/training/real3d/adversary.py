"""The discriminator of the stages and how it learns."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.training.discriminator import Discriminator, dual_picture, noisy_camera
from cameo3d.training.learner import Group, Learner, Losses, Part, Precision
from cameo3d.training.losses.adversarial import fooling_loss, r1_penalty, telling_loss
from cameo3d.training.real3d.recipes import Adversary
from cameo3d.training.schedule import between, stepped


@dataclass(frozen=True)
class Shown:
    """What the discriminator is shown, real or fake."""

    image: Float[Tensor, "batch 3 size size"]
    raw: Float[Tensor, "batch 3 _ _"]
    camera: Float[Tensor, "batch 25"]

    def detached(self) -> "Shown":
        """Without a way back to the generator."""
        return Shown(self.image.detach(), self.raw.detach(), self.camera)


def build_discriminator(recipe: Adversary, size: int) -> Discriminator:
    """EG3D's dual discriminator for pictures of a size."""
    sizes = [size >> index for index in range(int(math.log2(size)) - 1)]
    return Discriminator(size, 6, [min(recipe.base // side, recipe.most) for side in sizes])


def build_learner(
    recipe: Adversary, discriminator: Discriminator, max_norm: float, precision: Precision
) -> Learner:
    """Its optimiser, slowed down since R1 comes only now and then (Karras et al., CVPR 2020)."""
    share = recipe.penalty_every / (recipe.penalty_every + 1)
    rate = stepped(recipe.rate * share, recipe.decay, recipe.decay_every, recipe.floor)
    group = Group(list(discriminator.parameters()), between(rate, recipe.begins))
    return Learner({"discriminator": group}, (0.0, 0.99**share), max_norm, precision)


def fooling(discriminator: Discriminator, fake: Shown, noise: float) -> Float[Tensor, ""]:
    """The generator's adversarial loss."""
    picture = dual_picture(fake.image, fake.raw)
    return fooling_loss(discriminator(picture, noisy_camera(fake.camera, noise)))


def teach_discriminator(
    recipe: Adversary,
    learner: Learner,
    discriminator: Discriminator,
    step: int,
    parts: Sequence[Part[Any]],
    reals: Sequence[Sequence[Shown]],
    fakes: Sequence[Sequence[Shown]],
) -> dict[str, float]:
    """One step of the discriminator, if it has begun.

    Args:
        recipe: Its choices.
        learner: Its optimiser.
        discriminator: The network.
        step: Steps done.
        parts: Those of the generator, for their seeds.
        reals: For each part, real pictures; R1 counts for each of them.
        fakes: For each part, what the generator made.
    """
    if step < recipe.begins:
        return {}
    due = (step + 1) % recipe.penalty_every == 0

    def losses(shown: tuple[Sequence[Shown], Sequence[Shown]]) -> Losses:
        found: list[Tensor] = []
        penalties: list[Tensor] = []
        for real in shown[0]:
            image, raw = (x.detach().clone().requires_grad_() for x in (real.image, real.raw))
            scores = discriminator(dual_picture(image, raw), noisy_camera(real.camera, recipe.camera_noise))
            found.append(telling_loss(scores, None))
            if due:
                penalties.append(r1_penalty(scores, [image, raw]))
        for fake in shown[1]:
            picture, camera = (
                dual_picture(fake.image, fake.raw),
                noisy_camera(fake.camera, recipe.camera_noise),
            )
            found.append(telling_loss(None, discriminator(picture, camera)))
        result = {"discriminator": torch.stack(found).sum()}
        if penalties:
            result["r1"] = torch.stack(penalties).sum()
        return result

    batches = [
        Part((real, [fake.detached() for fake in fake_views]), part.seed + 1)
        for part, real, fake_views in zip(parts, reals, fakes, strict=True)
    ]
    weights = {"discriminator": 1.0, "r1": recipe.penalty * recipe.penalty_every}
    scalars = learner.update(step, batches, losses, weights)
    return {name: value for name, value in scalars.items() if name != "gradient_norm"}
