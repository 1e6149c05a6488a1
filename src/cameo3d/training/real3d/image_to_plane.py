"""Stage A of Real3D-Portrait: the picture of a made-up person to the planes that EG3D drew it from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from cameo3d.blocks.images import resize_smoothly
from cameo3d.models.real3d.eg3d.cameras import drawn_cameras
from cameo3d.models.real3d.eg3d.generator import Eg3dGenerator
from cameo3d.models.real3d.generator import Real3DGenerator, split_camera
from cameo3d.training.learner import Group, Learner, Losses, Part
from cameo3d.training.losses.density import density_tv
from cameo3d.training.losses.pixels import l1
from cameo3d.training.real3d.adversary import (
    Shown,
    build_discriminator,
    build_learner,
    fooling,
    teach_discriminator,
)
from cameo3d.training.real3d.recipes import ImageToPlaneRecipe
from cameo3d.training.real3d.recomputing import recompute
from cameo3d.training.real3d.sheets import rows_of_pictures
from cameo3d.training.real3d.terms import named, raw_colors, ray_noise
from cameo3d.training.schedule import between, stepped


@dataclass(frozen=True)
class Draw:
    """Who is to be drawn, and from where."""

    latent: Float[Tensor, "batch latents"]
    conditioning: Float[Tensor, "batch 25"]
    """Camera on which the person is conditioned."""
    reference: Float[Tensor, "batch 25"]
    """Camera of the picture that the network sees."""
    second: Float[Tensor, "batch 25"]
    """Camera of another picture of the same person."""


@dataclass(frozen=True)
class Lesson:
    """The teacher's pictures."""

    reference: Shown
    second: Shown


class TeacherBatches:
    """Draws people and cameras.

    Args:
        recipe: How many, and how often from the video set.
        video_cameras: Cameras of real clips; without any, all are drawn around the head.
        seed: Of all draws.
        device: Where batches go.
    """

    def __init__(
        self,
        recipe: ImageToPlaneRecipe,
        video_cameras: Float[Tensor, "frames 25"] | None,
        seed: int,
        device: torch.device,
    ) -> None:
        self._recipe, self._cameras, self._seed, self._device = recipe, video_cameras, seed, device

    def draw(self, index: int) -> Draw:
        """The people of one batch."""
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + index)
        batch = self._recipe.batch
        latent = torch.randn((batch, self._recipe.teacher.latent), generator=generator)
        conditioning = drawn_cameras(generator, batch, pitch=10.0, yaw=16.0, near=2.7, far=3.2)
        drawn = (latent, conditioning, self._view(generator), self._view(generator))
        return Draw(*(x.to(self._device) for x in drawn))

    def _view(self, generator: torch.Generator) -> Float[Tensor, "batch 25"]:
        batch = self._recipe.batch
        around = drawn_cameras(generator, batch, pitch=26.0, yaw=38.0, near=2.7, far=4.0)
        if self._cameras is None:
            return around
        chosen = self._cameras[torch.randint(len(self._cameras), (batch,), generator=generator)]
        filmed = torch.rand((batch, 1), generator=generator) < self._recipe.video_cameras
        return torch.where(filmed, chosen, around)


class ImageToPlaneStage:
    """The stage.

    Args:
        recipe: All choices.
        teacher: EG3D with weights; it stays as it is. Decoder and super-resolution begin as its.
        perceptual: The perceptual loss on pictures in [0, 1]; None leaves its terms out.
        device: Where to train.
    """

    averaged = {"average": "generator"}  # noqa: RUF012 - never changed

    def __init__(
        self,
        recipe: ImageToPlaneRecipe,
        teacher: Eg3dGenerator,
        perceptual: nn.Module | None,
        device: torch.device,
    ) -> None:
        self.recipe, self._perceptual = recipe, perceptual
        self.teacher = teacher.to(device).eval().requires_grad_(False)
        generator, average = (Real3DGenerator(recipe.network) for _ in range(2))
        _begin_as(generator, teacher)
        generator.renderer.shrinks_planes = recipe.shrinks_planes
        average.load_state_dict(generator.state_dict())
        judge = build_discriminator(recipe.adversary, recipe.network.image_size)
        if recipe.recompute:
            recompute(generator, judge)
        self.networks = nn.ModuleDict(
            {
                "generator": generator.to(device),
                "average": average.to(device).eval().requires_grad_(False),
                "discriminator": judge.to(device),
            }
        )
        self.generator, self.discriminator = generator, judge
        self.learners = {"generator": self._learner(), "discriminator": self._judge_learner()}
        self._fakes: list[Shown] = []

    def step(self, step: int, parts: Sequence[Part[Draw]]) -> dict[str, float]:
        """The reference view, the second view, the discriminator."""
        recipe, learner = self.recipe, self.learners["generator"]
        self.generator.train()
        lessons = [self._lesson(part) for part in parts]
        self._fakes = []
        adversarial = [weight if step >= recipe.adversarial_from else 0.0 for weight in recipe.adversarial]
        weights = self._weights(adversarial)
        self.discriminator.requires_grad_(False)

        scalars: dict[str, float] = {}
        if reference_due(step, recipe.adversarial_from):
            scalars |= learner.update(
                step, lessons, lambda lesson: self._reference_losses(lesson, adversarial[0]), weights
            )
        scalars |= learner.update(
            step, lessons, lambda lesson: self._second_losses(lesson, step, adversarial[1]), weights
        )
        reals = [[part.batch.reference, part.batch.second] for part in lessons]
        # Every update went through all parts in order, so each part's views lie that far apart.
        fakes = [self._fakes[number :: len(parts)] for number in range(len(parts))]
        return scalars | teach_discriminator(
            recipe.adversary, self.learners["discriminator"], self.discriminator, step, lessons, reals, fakes
        )

    @torch.no_grad()
    def sheet(self, batch: Draw) -> UInt8[np.ndarray, "height width 3"]:
        """The teacher's reference, the network's, the teacher's second view, the network's."""
        lesson = self._teach(batch)
        average = self.networks["average"]
        assert isinstance(average, Real3DGenerator)
        planes = average.canonical_planes(lesson.reference.image)
        drawn = [average.head_frame(planes, *split_camera(c)).image for c in (batch.reference, batch.second)]
        return rows_of_pictures([lesson.reference.image, drawn[0], lesson.second.image, drawn[1]])

    def _lesson(self, part: Part[Draw]) -> Part[Lesson]:
        torch.manual_seed(part.seed)
        return Part(self._teach(part.batch), part.seed)

    @torch.no_grad()
    def _teach(self, draw: Draw) -> Lesson:
        planes = self.teacher.draw_planes(draw.latent, draw.conditioning, self.recipe.truncation)
        side = self.recipe.network.render_size
        shown = []
        for camera in (draw.reference, draw.second):
            noise = ray_noise(self.teacher.config.rendering, len(camera), camera.device)
            image = self.teacher(planes, *split_camera(camera), noise)[0].clamp(-1, 1)
            # The raw truth is the final picture, shrunk, and not what the teacher's rays see.
            shown.append(Shown(image, resize_smoothly(image, side, side), camera))
        return Lesson(*shown)

    def _reference_losses(self, lesson: Lesson, adversarial: float) -> Losses:
        planes = self.generator.canonical_planes(lesson.reference.image)
        return self._view_losses("reference", planes, lesson.reference, adversarial)

    def _second_losses(self, lesson: Lesson, step: int, adversarial: float) -> Losses:
        planes = self.generator.canonical_planes(lesson.reference.image)
        losses = self._view_losses("second", planes, lesson.second, adversarial)
        if (step + 1) % 4 == 0:
            renderer = self.generator.renderer
            made = self.generator.canonical_planes(lesson.second.image)
            losses["density"] = density_tv(
                renderer.look_up, made, self.recipe.network.box_side, self.recipe.density_step
            )
        return losses

    def _view_losses(self, name: str, planes: Tensor, truth: Shown, adversarial: float) -> Losses:
        noise = ray_noise(self.recipe.network, len(planes), planes.device)
        frame = self.generator.head_frame(planes, *split_camera(truth.camera), noise)
        fake = Shown(frame.image, raw_colors(frame), truth.camera)
        self._fakes.append(fake.detached())
        losses = {"l1": l1(frame.image, truth.image), "raw_l1": l1(fake.raw, truth.raw)}
        if self._perceptual is not None:
            losses["perceptual"] = self._perceptual(_unit(frame.image), _unit(truth.image))
            losses["raw_perceptual"] = self._perceptual(_unit(fake.raw), _unit(truth.raw))
        if adversarial:
            losses["adversarial"] = fooling(self.discriminator, fake, self.recipe.adversary.camera_noise)
        return named(name, losses)

    def _weights(self, adversarial: Sequence[float]) -> dict[str, float]:
        recipe = self.recipe
        return {
            **{
                f"{view}_{name}": recipe.pixels
                for view in ("reference", "second")
                for name in ("l1", "raw_l1")
            },
            **{
                f"{view}_{name}": recipe.perceptual
                for view in ("reference", "second")
                for name in ("perceptual", "raw_perceptual")
            },
            "reference_adversarial": adversarial[0],
            "second_adversarial": adversarial[1],
            "density": recipe.density,
        }

    def _learner(self) -> Learner:
        recipe, generator = self.recipe, self.generator
        rate = stepped(recipe.rate, recipe.decay, recipe.decay_every, recipe.floor, recipe.warm_up)
        resolution = generator.super_resolution
        groups = {
            "planes": Group(list(generator.image_to_plane.parameters()), rate),
            "decoder": Group(
                list(generator.renderer.parameters()),
                between(rate, min(recipe.decoder_from, recipe.adversarial_from)),
            ),
            "super_resolution": Group(
                [*resolution.head_block.parameters(), *resolution.last_block.parameters()],
                between(rate, recipe.adversarial_from),
            ),
        }
        return Learner(groups, (0.0, 0.99), recipe.max_norm, recipe.precision)

    def _judge_learner(self) -> Learner:
        recipe = self.recipe
        return build_learner(recipe.adversary, self.discriminator, recipe.max_norm, recipe.precision)


def reference_due(step: int, adversarial_from: int) -> bool:
    """Whether the reference view is drawn: every 5th step at first, every 2nd for 5000 steps, then always."""
    if step < adversarial_from:
        return step % 5 == 0
    return step >= adversarial_from + 5000 or step % 2 == 0


def _begin_as(generator: Real3DGenerator, teacher: Eg3dGenerator) -> None:
    """Take over the teacher's decoder and super-resolution where they have the same sizes."""
    for ours, theirs in (
        (generator.renderer.decoder, teacher.renderer.decoder),
        (generator.super_resolution.head_block, teacher.head_block),
        (generator.super_resolution.last_block, teacher.last_block),
    ):
        own, taught = ours.state_dict(), theirs.state_dict()
        if all(own[name].shape == x.shape for name, x in taught.items()):
            ours.load_state_dict(taught)


def _unit(image: Tensor) -> Tensor:
    """From [-1, 1] to [0, 1]."""
    return (image + 1) / 2
