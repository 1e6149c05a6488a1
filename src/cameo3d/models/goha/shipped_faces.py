"""Drawings that need no imported file: the shipped face model in the photo's own colours."""

from dataclasses import dataclass, fields, replace
from typing import Literal

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

from cameo3d.errors import InputError
from cameo3d.geometry.basel.bfm import COEFFICIENT_WIDTHS, PICTURE_SIZE, FaceCoefficients, move_to_camera
from cameo3d.geometry.basel.blendshapes import DECIMETRES
from cameo3d.geometry.basel.poses import BASEL_ORIGIN
from cameo3d.geometry.basel.real3d_face import picture_points
from cameo3d.geometry.batch_rasterizer import rasterize_batch
from cameo3d.geometry.face_model import FaceModel
from cameo3d.geometry.face_topology import (
    LEFT_LID_LOWER,
    LEFT_LID_UPPER,
    LEFT_LOWER_FOLD,
    LEFT_UPPER_FOLD,
    OUTER_LIP_LOWER,
    OUTER_LIP_UPPER,
    RIGHT_LID_LOWER,
    RIGHT_LID_UPPER,
    RIGHT_LOWER_FOLD,
    RIGHT_UPPER_FOLD,
    strip,
)

_RIGHT_BROW = (70, 63, 105, 66, 107), (46, 53, 52, 65, 55)
_LEFT_BROW = (300, 293, 334, 296, 336), (276, 283, 282, 295, 285)
_EYES = (*strip(RIGHT_LID_UPPER, RIGHT_LID_LOWER), *strip(LEFT_LID_UPPER, LEFT_LID_LOWER))
_AROUND_EYES = (*strip(RIGHT_UPPER_FOLD, RIGHT_LOWER_FOLD), *strip(LEFT_UPPER_FOLD, LEFT_LOWER_FOLD))
"""The eyes with the skin around them, which has an area when lids are shut, too."""
_OTHERS = (*strip(*_RIGHT_BROW), *strip(*_LEFT_BROW), *strip(OUTER_LIP_UPPER, OUTER_LIP_LOWER))
_FARTHER = 3 / 512
"""How much farther from the eyes faces move, in sides of the picture; about as with the published parser."""


FaceKind = Literal["basel", "shipped"]
"""Whose face model is drawn."""


@dataclass(frozen=True)
class LaidFaces:
    """How the shipped face model lies over pictures, in Deep3D's camera."""

    identity: Float[Tensor, "batch components"]
    expression: Float[Tensor, "batch 52"]
    angles: Float[Tensor, "batch 3"]
    """Radians about x, y and z."""
    translation: Float[Tensor, "batch 3"]
    """Decimetres."""

    def first(self, count: int) -> "LaidFaces":
        """Only some of them."""
        return LaidFaces(*(getattr(self, field.name)[:count] for field in fields(self)))


@dataclass(frozen=True)
class People:
    """One side of a batch."""

    images: Float[Tensor, "batch 3 size size"]
    """Over black, in [-1, 1]."""
    faces: LaidFaces | None = None
    """Where the data tells it."""


class ShippedDrawer:
    """The shipped face model as the data lays it over pictures, in the pictures' own colours.

    Eyes are part of the face and carry the picture's; mouths are not, as in the Basel model.

    Args:
        model: The shipped face model.
        device: Where to draw.
    """

    kind: FaceKind = "shipped"

    def __init__(self, model: FaceModel, device: torch.device) -> None:
        tensors = (model.mean, model.identity_basis, model.expression_basis, model.triangles, model.mirror)
        self._model = FaceModel(*(x.to(device) for x in tensors))
        eyes, around, others = (torch.tensor(x, device=device) for x in (_EYES, _AROUND_EYES, _OTHERS))
        self._triangles = torch.cat((self._model.triangles, eyes))
        self._eyes, self._others = around, others

    @torch.no_grad()
    def expression(
        self, person: People, expression: People
    ) -> tuple[Float[Tensor, "batch 3 _ _"], FaceCoefficients]:
        """One person with another's expression, seen straight from the front; and its coefficients."""
        face, other = _faces(person), _faces(expression)
        straight = torch.zeros_like(face.angles)
        shown = LaidFaces(face.identity, other.expression, straight, straight)
        picture, _ = self._carried(person.images, face, shown)
        return picture, _coefficients(shown)

    @torch.no_grad()
    def neutral(self, person: People) -> tuple[Float[Tensor, "batch 3 _ _"], Float[Tensor, "batch 1 _ _"]]:
        """A person without expression in the image's own pose and light, in [0, 1]; and where the face is."""
        face = _faces(person)
        calm = replace(face, expression=torch.zeros_like(face.expression))
        return self._carried(person.images, face, calm)

    @torch.no_grad()
    def resting(self, person: People, expression: People) -> Float[Tensor, "batch 1 size size"]:
        """0 on brows, eyes and a little around them, and lips with the mouth; 1 elsewhere."""
        size = person.images.shape[-1]
        points = self._points(replace(_faces(person), expression=_faces(expression).expression))
        eyes, others = (_covered(points, triangles, size) for triangles in (self._eyes, self._others))
        around = round(_FARTHER * size)
        eyes = functional.max_pool2d(eyes, 2 * around + 1, stride=1, padding=around)
        return 1 - torch.maximum(eyes, others)

    def _carried(
        self, images: Float[Tensor, "batch 3 size size"], seen: LaidFaces, shown: LaidFaces
    ) -> tuple[Float[Tensor, "batch 3 _ _"], Float[Tensor, "batch 1 _ _"]]:
        """The picture's pixels, carried by the face from where it is seen to where it is shown."""
        before, after = self._points(seen), self._points(shown)
        places = torch.cat((2 * before[..., :2] - 1, torch.ones_like(before[..., :1])), dim=-1)
        size = PICTURE_SIZE
        drawn = rasterize_batch(
            after[..., :2] * size, after[..., 2], self._triangles, places, size, size
        ).attributes
        cover = (drawn[..., 2] > 0.5).to(images.dtype)[:, None]
        looked = functional.grid_sample(
            (images + 1) / 2, drawn[..., :2], padding_mode="border", align_corners=False
        )
        return looked * cover, cover

    def _points(self, face: LaidFaces) -> Float[Tensor, "batch 468 3"]:
        """Where vertices are in the picture, in [0, 1], and their distance."""
        shape = self._model.vertices(face.identity, face.expression)
        shape = (shape - shape.new_tensor(BASEL_ORIGIN)) * shape.new_tensor(DECIMETRES)
        points = move_to_camera(shape, face.angles, face.translation)
        return torch.cat((picture_points(points), points[..., 2:]), dim=-1)


def _faces(people: People) -> LaidFaces:
    if people.faces is None:
        raise InputError("The data does not tell where faces are; make shards with `cameo3d data prepare`.")
    return people.faces


def _covered(
    points: Float[Tensor, "batch 468 3"], triangles: Int64[Tensor, "triangles 3"], size: int
) -> Float[Tensor, "batch 1 {size} {size}"]:
    """1 where triangles are."""
    ones = torch.ones_like(points[..., :1])
    drawn = rasterize_batch(points[..., :2] * size, points[..., 2], triangles, ones, size, size).attributes
    return (drawn > 0.5).to(points.dtype).permute(0, 3, 1, 2)


def _coefficients(face: LaidFaces) -> FaceCoefficients:
    """In the layout of Deep3D's, which the ablations read: identity and expression, zeros behind them."""
    vectors = face.identity.new_zeros((len(face.identity), sum(COEFFICIENT_WIDTHS)))
    most = COEFFICIENT_WIDTHS[0]
    vectors[:, : min(most, face.identity.shape[1])] = face.identity[:, :most]
    vectors[:, most : most + face.expression.shape[1]] = face.expression
    return FaceCoefficients.from_vectors(vectors)
