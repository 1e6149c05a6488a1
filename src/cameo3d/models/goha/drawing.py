"""Frames of GOHA where its networks are: drawn face, planes, view, and the person cut out of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from cameo3d.blocks.steady import Recorder, Steady
from cameo3d.blocks.transfers import uploaded
from cameo3d.geometry.basel.bfm import BaselFace, FaceCoefficients, draw_face, pose_face
from cameo3d.geometry.batch_rasterizer import slots_for
from cameo3d.geometry.compiled import may_loop
from cameo3d.models.goha.generator import GohaGenerator, GohaSource

DeviceMatte = Callable[[Float[Tensor, "1 3 side side"]], Float[Tensor, "side side"]]
"""How much of each pixel of a picture in whole numbers of 0 to 255 belongs to the person, in [0, 1]."""

LEAST_ALPHA = 0.1
"""Colours at the matte's edge are freed of the black behind them; below this there is too little left."""


class FrameDrawing:
    """Draws frames; on a GPU as two graphs, which serve all people and clips.

    Args:
        generator: With weights, on its device.
        face: The Basel face model, on the same device.
        matte: Cuts the person out of what the network draws over black, there; None leaves that to others.
        recorder: See `Steady`.
    """

    def __init__(
        self,
        generator: GohaGenerator,
        face: BaselFace,
        matte: DeviceMatte | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self.generator, self.face, self.matte = generator, face, matte
        self.device = generator.exemplar.device
        self.steady_planes, self.steady_view = Steady(self._planes, recorder), Steady(self._view, recorder)

    @torch.inference_mode()
    def planes(
        self,
        source: GohaSource,
        person: Float[Tensor, "1 257"],
        expression: Float[Tensor, "1 64"],
        slots: Int64[Tensor, " room"] | None = None,
    ) -> tuple[Float[Tensor, "1 3 channels plane plane"], Int64[Tensor, ""]]:
        """All planes of an expression, and for how many fragments the drawn face needed room.

        Args:
            source: What is known of the photo, on the device.
            person: Its coefficients, in the pose in which expressions are drawn, on the device.
            expression: On the CPU or the device.
            slots: Room for a fixed number of fragments, on a GPU.
        """
        known = source.image, source.resting, source.canonical, source.eg3d_from_camera, source.intrinsics
        given = uploaded(expression, self.device)
        if slots is None:
            return self._made(GohaSource(*known), person, given, None)
        planes, fragments = self.steady_planes((*known, person, slots), (given,))
        return planes, fragments

    def view(
        self,
        planes: Float[Tensor, "1 3 channels plane plane"],
        intrinsics: Float[Tensor, "1 3 3"],
        camera: Float[Tensor, "1 4 4"],
    ) -> tuple[Tensor, ...]:
        """What a camera sees of planes: over black, not clamped; with a matte also colours with alpha."""
        return self.steady_view((planes, intrinsics), (uploaded(camera, self.device),))

    def branches(
        self,
        source: GohaSource,
        person: FaceCoefficients,
        slots: Int64[Tensor, " room"] | None = None,
    ) -> tuple["Branches", Int64[Tensor, ""]]:
        """The drawn face and the planes of a person with an expression; and fragments as in `planes`."""
        face = draw_face(self.face, pose_face(self.face, person), slots=slots)
        base = source.canonical + self.generator.expression_planes(face.image, person)
        return Branches(face.image, base, self.generator.with_appearance(source, base)), face.fragments

    def _planes(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        *known, person, slots, expression = tensors
        return self._made(GohaSource(*known), person, expression, slots)

    def _made(
        self, source: GohaSource, person: Tensor, expression: Tensor, slots: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        posed = replace(FaceCoefficients.from_vectors(person), expression=expression)
        made, fragments = self.branches(source, posed, slots)
        return made.planes, fragments

    def _view(self, planes: Tensor, intrinsics: Tensor, camera: Tensor) -> tuple[Tensor, ...]:
        image = self.generator.draw(planes, camera, intrinsics)
        return (image,) if self.matte is None else (image, cut_out(image, self.matte))


class Branches(NamedTuple):
    """What a frame's planes are made of."""

    face: Float[Tensor, "1 3 224 224"]
    """The drawn face, about [0, 1]."""
    base: Float[Tensor, "1 3 channels plane plane"]
    """Canonical and expression planes."""
    planes: Float[Tensor, "1 3 channels plane plane"]
    """These with the photo's details."""


class GohaPainter:
    """Draws the frames of one clip, and keeps what does not change from one to the next.

    Args:
        drawing: Draws on the device.
        source: What is known of the photo.
        person: Its coefficients, in the pose in which expressions are drawn.
    """

    def __init__(self, drawing: FrameDrawing, source: GohaSource, person: Float[Tensor, "1 257"]) -> None:
        self.drawing, self.source = drawing, source
        self._person, self._slots = person, None
        self._expression: Tensor | None = None
        self._made: tuple[Tensor, Tensor] | None = None

    def __call__(
        self, expression: Float[Tensor, "1 64"], eg3d_from_camera: Float[Tensor, "1 4 4"]
    ) -> tuple[tuple[Tensor, ...], Int64[Tensor, ""]]:
        """One frame as `FrameDrawing.view` gives it, and for how many fragments its face needed room.

        Args:
            expression: On the CPU, so that nobody waits to know whether it is another one.
            eg3d_from_camera: On the CPU.
        """
        kept = self._expression
        if self._made is None or kept is None or not torch.equal(expression, kept):
            self._made = self.drawing.planes(self.source, self._person, expression, self._slots)
            self._expression = expression
            if self._slots is None and not may_loop(self._made[0]):
                self.make_room(self._made[1])
        planes, fragments = self._made
        return self.drawing.view(planes, self.source.intrinsics, eg3d_from_camera), fragments

    def lacks_room(self, fragments: int) -> bool:
        """Whether a face with so many fragments was drawn with triangles missing."""
        return self._slots is not None and fragments > len(self._slots)

    def make_room(self, fragments: Int64[Tensor, ""]) -> None:
        """From now on have room for faces like one that needed this many fragments."""
        slots = slots_for(int(fragments), self.drawing.device)
        if self._slots is not None:
            self._made = None
        self._slots = slots

    def branches(self, expression: Float[Tensor, "1 64"]) -> Branches:
        """The drawn face, and planes on the way."""
        known = FaceCoefficients.from_vectors(self._person)
        posed = replace(known, expression=uploaded(expression, self.drawing.device))
        return self.drawing.branches(self.source, posed)[0]


def cut_out(image: Float[Tensor, "1 3 height width"], matte: DeviceMatte) -> UInt8[Tensor, "height width 4"]:
    """The person of a frame over black, in straight colours with alpha."""
    drawn = (image.float().clamp(-1, 1) + 1) * 127.5
    alpha = matte(drawn.round())[None]
    own = (drawn[0] / alpha.clamp(min=LEAST_ALPHA)).clamp(0, 255)
    return torch.cat((own, alpha * 255)).round().to(torch.uint8).permute(1, 2, 0).contiguous()
