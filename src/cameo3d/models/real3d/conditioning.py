"""The face model that steers the network: coefficients of photo and motion, PNCC, key points, poses.

The released weights know the Basel face model, which is the user's own. The small network runs on the shipped
one. Both are used in the axes of `cameo3d.geometry.basel.bfm`.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from cameo3d.geometry.basel.bfm import FacePoints, move_to_camera
from cameo3d.geometry.basel.blendshapes import DECIMETRES, ExpressionMap
from cameo3d.geometry.basel.fitting import fit_photo
from cameo3d.geometry.basel.pncc import MAP_SIZE, PnccRenderer
from cameo3d.geometry.basel.poses import BASEL_ORIGIN, deep3d_poses
from cameo3d.geometry.basel.real3d_face import Real3DFace, picture_points
from cameo3d.geometry.crops import crop_from_pixels
from cameo3d.geometry.face_model import FaceModel
from cameo3d.values import BLENDSHAPES, Motion, Person, Portrait

JAW = (127, 234, 93, 132, 58, 172, 150, 149, 152, 378, 379, 397, 288, 361, 323, 454, 356)
BROWS_AND_NOSE = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 168, 197, 5, 4, 75, 97, 2, 326, 305)
EYES = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
MOUTH = (61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87)
_BLINKS = [BLENDSHAPES.index("eyeBlinkLeft"), BLENDSHAPES.index("eyeBlinkRight")]
KEY_POINTS = JAW + BROWS_AND_NOSE + EYES + MOUTH
"""Vertices of MediaPipe's mesh nearest to the 68 key points."""


@dataclass(frozen=True)
class FaceState:
    """A face model as it lies over a photo."""

    identity: Float[Tensor, " components"]
    expression: Float[Tensor, " coefficients"]
    euler: Float[Tensor, "3"]
    """Rotations about x, y and z in radians, as Deep3D fits them."""
    translation: Float[Tensor, "3"]
    """In Deep3D's camera axes, decimetres."""


@dataclass(frozen=True)
class FaceDrawing:
    """Draws PNCC pictures on the device of its tensors, as `SteeringFace.pncc` does on the CPU."""

    shape: Callable[[Tensor, Tensor], Tensor]
    """From identities and expressions to faces before they are posed."""
    renderer: PnccRenderer

    def __call__(
        self,
        identity: Float[Tensor, " components"],
        expression: Float[Tensor, " coefficients"],
        slots: Int64[Tensor, " room"] | None = None,
    ) -> tuple[Float[Tensor, "3 size size"], Int64[Tensor, ""]]:
        """Draw one face; see `PnccRenderer.draw`."""
        return self.renderer.draw(self.shape(identity[None], expression[None])[0], slots)


@runtime_checkable
class SteeringFace(Protocol):
    """What the network needs of a face model."""

    @property
    def basel(self) -> Real3DFace | None:
        """The Basel face model, if it is that; its coefficients can then be read off a driving video."""
        ...

    @property
    def sizes(self) -> tuple[int, int]:
        """Components of identity and coefficients of expression."""
        ...

    def fit(self, portrait: Portrait) -> FaceState:
        """Lay the model over a photo's crop."""
        ...

    def expressions(
        self, state: FaceState, resting: Float[Tensor, "52"], motion: Motion
    ) -> Float[Tensor, "frames coefficients"]:
        """The model's expression in each frame; `resting` are ARKit's weights of the photo."""
        ...

    def lids(self, resting: Float[Tensor, "52"], motion: Motion) -> Float[Tensor, "frames 2"]:
        """How far the left and the right lids are then to be shut by painting them into the PNCC picture."""
        ...

    def pncc(
        self, identity: Float[Tensor, " components"], expression: Float[Tensor, " coefficients"]
    ) -> Float[Tensor, "3 size size"]:
        """The face before it is posed, each vertex in its own colour, in [-1, 1]."""
        ...

    def drawing(self, device: torch.device) -> FaceDrawing:
        """What draws the same on a device."""
        ...

    def key_points(
        self,
        identity: Float[Tensor, " components"],
        expression: Float[Tensor, "frames coefficients"],
        euler: Float[Tensor, "frames 3"],
        translation: Float[Tensor, "frames 3"],
    ) -> Float[Tensor, "frames 68 3"]:
        """Key points in the picture: x right, y down, in [-1, 1], and z zero."""
        ...


class BaselSteering:
    """The user's Basel face model, fitted as the official inference does."""

    def __init__(self, face: Real3DFace, ours: FaceModel, size: int = MAP_SIZE) -> None:
        self._face, self._mapper = face, PnccRenderer(face.map_colors, face.map_triangles, size)
        self._map = ExpressionMap(face, ours)

    @property
    def basel(self) -> Real3DFace:
        """The user's."""
        return self._face

    @property
    def sizes(self) -> tuple[int, int]:
        """Components of identity and coefficients of expression of the Basel model."""
        return 80, 64

    def fit(self, portrait: Portrait) -> FaceState:
        """Fit the photo's landmarks."""
        landmarks = portrait.landmarks.numpy().astype(np.float64)
        landmarks[:, :2] = crop_from_pixels(landmarks[:, :2], portrait.person.crop) * MAP_SIZE
        fit = fit_photo(self._face, landmarks, MAP_SIZE)
        return FaceState(fit.identity, fit.expression[0], fit.angles[0], fit.translation[0])

    def expressions(
        self, state: FaceState, resting: Float[Tensor, "52"], motion: Motion
    ) -> Float[Tensor, "frames 64"]:
        """The motion's own coefficients, or the photo's, changed by what the weights' change does."""
        change = _change(resting, motion)
        if change is None:
            assert motion.basel is not None, "only then nothing changes"
            return motion.basel
        opened = change.clone()
        opened[:, _BLINKS] = change[:, _BLINKS].clamp(max=0)  # what shuts is painted
        start = state.expression if motion.basel is None else motion.basel
        return start + self._map.to_basel(opened)

    def lids(self, resting: Float[Tensor, "52"], motion: Motion) -> Float[Tensor, "frames 2"]:
        """What the lids shut: painted, as the official inference blinks, since its network learned it so."""
        change = _change(resting, motion)
        return torch.zeros(len(motion), 2) if change is None else change[:, _BLINKS].clamp(0, 1)

    def pncc(
        self, identity: Float[Tensor, "80"], expression: Float[Tensor, "64"]
    ) -> Float[Tensor, "3 size size"]:
        """A PNCC picture as the official renderer draws it."""
        return self._mapper(self._face.basel.shape(identity[None], expression[None])[0])

    def drawing(self, device: torch.device) -> FaceDrawing:
        """See `SteeringFace`."""
        basel = self._face.basel
        points = (x.to(device) for x in (basel.mean, basel.identity_basis, basel.expression_basis))
        return FaceDrawing(FacePoints(*points).shape, self._mapper.to(device))

    def key_points(
        self,
        identity: Float[Tensor, "80"],
        expression: Float[Tensor, "frames 64"],
        euler: Float[Tensor, "frames 3"],
        translation: Float[Tensor, "frames 3"],
    ) -> Float[Tensor, "frames 68 3"]:
        """The key points that the released weights know."""
        identities = identity.expand(len(expression), -1)
        return self._face.torso_points(identities, expression, euler, translation)


class ShippedSteering:
    """The face model that the package ships, moved and turned to where the Basel model would be."""

    basel: Real3DFace | None = None

    def __init__(self, model: FaceModel, size: int = MAP_SIZE) -> None:
        self._model = model
        mean = _as_basel(model.mean)
        low, high = mean.amin(dim=0), mean.amax(dim=0)
        # `PnccRenderer` takes the first triangle for background: one without area.
        triangles = torch.cat((torch.zeros_like(model.triangles[:1]), model.triangles))
        self._mapper = PnccRenderer((mean - low) / (high - low), triangles, size)

    @property
    def sizes(self) -> tuple[int, int]:
        """Components of identity of the shipped face model, and ARKit's shapes."""
        return len(self._model.identity_basis), 52

    def fit(self, portrait: Portrait) -> FaceState:
        """The portrait's own fit."""
        person = portrait.person
        euler, translation = deep3d_poses(person.rotation[None], person.translation[None])
        return FaceState(person.identity, person.expression, euler[0], translation[0])

    def expressions(
        self, state: FaceState, resting: Float[Tensor, "52"], motion: Motion
    ) -> Float[Tensor, "frames 52"]:
        """ARKit's weights."""
        return motion.expression

    def lids(self, resting: Float[Tensor, "52"], motion: Motion) -> Float[Tensor, "frames 2"]:
        """Nothing: the mesh's own lids move."""
        return torch.zeros(len(motion), 2)

    def pncc(
        self, identity: Float[Tensor, " components"], expression: Float[Tensor, "52"]
    ) -> Float[Tensor, "3 size size"]:
        """A PNCC picture of 468 vertices."""
        return self._mapper(self._shape(identity, expression))

    def drawing(self, device: torch.device) -> FaceDrawing:
        """See `SteeringFace`."""
        moved = {field.name: getattr(self._model, field.name) for field in fields(self._model)}
        model = FaceModel(**{name: x.to(device) for name, x in moved.items()})
        return FaceDrawing(lambda *given: _as_basel(model.vertices(*given)), self._mapper.to(device))

    def key_points(
        self,
        identity: Float[Tensor, " components"],
        expression: Float[Tensor, "frames 52"],
        euler: Float[Tensor, "frames 3"],
        translation: Float[Tensor, "frames 3"],
    ) -> Float[Tensor, "frames 68 3"]:
        """Vertices of the mesh nearest to the 68."""
        points = self._shape(identity, expression)[:, list(KEY_POINTS)]
        seen = 2 * picture_points(move_to_camera(points, euler, translation)) - 1
        return torch.nn.functional.pad(seen.clamp(-1, 1), (0, 1))

    def _shape(
        self, identity: Float[Tensor, " components"], expression: Float[Tensor, "*frames 52"]
    ) -> Float[Tensor, "*frames 468 3"]:
        identities = identity.expand(*expression.shape[:-1], -1)
        return _as_basel(self._model.vertices(identities, expression))


def moved_poses(
    state: FaceState, photo: Person, motion: Motion
) -> tuple[Float[Tensor, "frames 3"], Float[Tensor, "frames 3"]]:
    """Deep3D's angles and translations of a motion: the photo's, moved as the head moves from its own pose.

    Angles are added one by one and the distance stays that of the photo, as in the official inference, which
    calls it mapping to the initial pose.
    """
    euler, translation = deep3d_poses(motion.rotation, motion.translation)
    first_euler, first_translation = deep3d_poses(photo.rotation[None], photo.translation[None])
    moved = state.translation + (translation - first_translation)
    moved[:, 2] = state.translation[2]
    return state.euler + (euler - first_euler), moved


def _change(resting: Float[Tensor, "52"], motion: Motion) -> Float[Tensor, "frames 52"] | None:
    """How ARKit's weights differ from those that the motion's or the photo's coefficients stand for."""
    if motion.basel is None:
        return motion.expression - resting
    return None if motion.basel_weights is None else motion.expression - motion.basel_weights


def _as_basel(points: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
    """From our head's axes and metres to those of the Basel model."""
    axes = zip(points.unbind(dim=-1), BASEL_ORIGIN, DECIMETRES, strict=True)
    return torch.stack([(x - origin) * scale for x, origin, scale in axes], dim=-1)
