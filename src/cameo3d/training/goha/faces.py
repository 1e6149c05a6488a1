"""Drawings of a face model for training: the expression to be made, and the neutral face to be matched."""

from dataclasses import replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.geometry.basel.bfm import BaselFace, FaceCoefficients, draw_face, pose_face
from cameo3d.models.goha.generator import frontal_face, frontal_picture
from cameo3d.models.goha.shipped_faces import FaceKind, People
from cameo3d.perception.deep3d import FaceRegressor


@runtime_checkable
class FaceDrawer(Protocol):
    """Draws the face model's faces of people; no gradient flows."""

    @property
    def kind(self) -> FaceKind:
        """Whose face model it is."""
        ...

    def expression(
        self, person: People, expression: People
    ) -> tuple[Float[Tensor, "batch 3 _ _"], FaceCoefficients]:
        """One person with another's expression in the fixed pose, in [0, 1]; and its coefficients."""
        ...

    def neutral(self, person: People) -> tuple[Float[Tensor, "batch 3 _ _"], Float[Tensor, "batch 1 _ _"]]:
        """A person without expression in the image's own pose and light, in [0, 1]; and where the face is."""
        ...

    def resting(self, person: People, expression: People) -> Float[Tensor, "batch 1 size size"] | None:
        """1 where a person with another's expression keeps still in the image's own pose.

        None leaves it to the generator's face parser.
        """
        ...


class BaselDrawer:
    """The Basel face model, by coefficients that Deep3D reads off the images, as in the release.

    Args:
        regressor: With weights.
        face: On the same device.
        exemplar: A near-frontal portrait in [-1, 1]; its pose is the one in which expressions are drawn.
    """

    kind: FaceKind = "basel"

    def __init__(
        self, regressor: FaceRegressor, face: BaselFace, exemplar: Float[Tensor, "1 3 height width"]
    ) -> None:
        self._regressor = regressor.eval().requires_grad_(False)
        self._face = face
        with torch.no_grad():
            self._pose = self._regressor(exemplar)

    @torch.no_grad()
    def expression(
        self, person: People, expression: People
    ) -> tuple[Float[Tensor, "batch 3 _ _"], FaceCoefficients]:
        """One person with another's expression in the exemplar's pose, in [0, 1]; and its coefficients."""
        read = self._regressor(person.images)
        same = expression.images is person.images
        other = read if same else self._regressor(expression.images)
        posed = frontal_face(read, other, self._pose)
        return frontal_picture(self._face, posed), posed

    @torch.no_grad()
    def neutral(self, person: People) -> tuple[Float[Tensor, "batch 3 _ _"], Float[Tensor, "batch 1 _ _"]]:
        """A person without expression in the image's own pose and light, in [0, 1]; and where the face is."""
        read = self._regressor(person.images)
        calm = replace(read, expression=torch.zeros_like(read.expression))
        drawn = draw_face(self._face, pose_face(self._face, calm))
        return drawn.image, drawn.mask[:, None].to(drawn.image.dtype)

    def resting(self, person: People, expression: People) -> None:
        """As in the release, the face parser looks."""
