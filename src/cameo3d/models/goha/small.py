"""GOHA as it trains without imported files: the shipped face model draws, whatever its network's size."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from cameo3d.geometry.basel.bfm import FaceCoefficients
from cameo3d.geometry.basel.poses import deep3d_poses
from cameo3d.geometry.face_model import FaceModel
from cameo3d.models.avatar import View
from cameo3d.models.goha.body import GohaBody, GohaPerformance, GohaPerson, Matte
from cameo3d.models.goha.framing import cut_square, label_of, lens
from cameo3d.models.goha.generator import GohaGenerator, GohaSource
from cameo3d.models.goha.shipped_faces import LaidFaces, People, ShippedDrawer
from cameo3d.values import Motion, Person, Portrait


@dataclass(frozen=True)
class GohaSmallAvatar(GohaPerson):
    """What the small GOHA keeps of one person."""


class SmallPerformance(GohaPerformance):
    """One clip of a small GOHA avatar."""

    def __init__(self, model: "GohaSmall", avatar: GohaSmallAvatar, view: View) -> None:
        super().__init__(model, avatar, view)
        self._source, self._people = model.source(avatar), model.people(avatar)
        self._kept: tuple[Tensor, Tensor] | None = None

    def _frames(
        self, motion: Motion
    ) -> Iterator[tuple[UInt8[np.ndarray, "size size 4"], Float[Tensor, "3"]]]:
        """The crop's frames, and where the head is in each."""
        moves = motion.expression, motion.rotation.float(), motion.translation.float()
        for expression, rotation, translation in zip(*moves, strict=True):
            drawn = self._drawn(expression[None], self._camera(rotation))
            yield self._model.cut_out(drawn), translation

    @torch.inference_mode()
    def _drawn(
        self, expression: Float[Tensor, "1 52"], camera: Float[Tensor, "1 4 4"]
    ) -> Float[Tensor, "1 3 height width"]:
        """A frame over black; planes are kept while the expression stays."""
        model, kept = self._model, self._kept
        if kept is None or not torch.equal(expression, kept[0]):
            kept = self._kept = expression, model.planes(self._source, self._people, expression)
        return model.generator.draw(kept[1], camera.to(model.device), self._source.intrinsics).cpu()


class GohaSmall(GohaBody):
    """A GOHA that you trained, with the shipped face model.

    Args:
        generator: With weights; it stays on its device.
        face: The shipped face model.
        matte: Cuts the person out of what the network draws over black.
    """

    performance = SmallPerformance

    def __init__(self, generator: GohaGenerator, face: FaceModel, matte: Matte) -> None:
        super().__init__(generator, matte)
        self.drawer = ShippedDrawer(face, self.device)

    @torch.inference_mode()
    def encode(self, portraits: Sequence[Portrait]) -> GohaSmallAvatar:
        """Make a person's avatar from the first portrait."""
        portrait, model = portraits[0], self.generator
        person, size = portrait.person, model.config.image_size
        photo, matte = person.photo.numpy(), portrait.matte.numpy().astype(np.float32)
        image = self._over_black(
            cut_square(photo, person.crop, size), cut_square(matte, person.crop, size).clip(0, 1)
        )
        face = laid_face(person, self.device)
        people = People(image, face)
        resting = self.drawer.resting(people, people)
        nothing = torch.zeros(1, 257, device=self.device)
        posed = replace(
            FaceCoefficients.from_vectors(nothing), angles=face.angles, translation=face.translation
        )
        canonical = model.canonical_planes(image, resting)
        source = GohaSource(image, resting, canonical, label_of(posed), lens().to(image))
        return GohaSmallAvatar(**self._kept(portrait, source))

    def resting_planes(self, avatar: GohaSmallAvatar) -> Float[Tensor, "1 3 channels plane plane"]:
        """All planes with the photo's expression."""
        return self.planes(self.source(avatar), self.people(avatar), avatar.person.expression[None])

    def people(self, avatar: GohaSmallAvatar) -> People:
        """The photo and the face model over it, on the device."""
        return People(avatar.image[None].to(self.device), laid_face(avatar.person, self.device))

    def planes(
        self, source: GohaSource, people: People, expression: Float[Tensor, "1 52"]
    ) -> Float[Tensor, "1 3 channels plane plane"]:
        """All planes of a person with ARKit's weights."""
        assert people.faces is not None, "it was laid over the photo"
        face = replace(people.faces, expression=expression.float().to(self.device))
        shown = People(people.images, face)
        picture, coefficients = self.drawer.expression(people, shown)
        base = source.canonical + self.generator.expression_planes(picture, coefficients)
        still = self.drawer.resting(people, shown)
        return self.generator.with_appearance(source, base, shown_resting=still)


def laid_face(person: Person, device: torch.device) -> LaidFaces:
    """How the shipped face model lies over a person's crop."""
    angles, translation = deep3d_poses(person.rotation[None].float(), person.translation[None].float())
    parts = person.identity[None].float(), person.expression[None].float(), angles, translation
    return LaidFaces(*(x.to(device) for x in parts))
