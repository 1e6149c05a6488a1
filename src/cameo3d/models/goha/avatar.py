"""The GOHA avatar behind the contract of all models: a photo's planes once, then frame after frame."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from cameo3d.blocks.pictures import Picture, depth_picture, picture_of
from cameo3d.blocks.processors import half_precision
from cameo3d.blocks.transfers import downloaded
from cameo3d.geometry.basel.bfm import PICTURE_SIZE, BaselFace, FaceCoefficients
from cameo3d.geometry.basel.expression import basel_from_arkit
from cameo3d.models.avatar import View
from cameo3d.models.goha.body import GohaBody, GohaPerformance, GohaPerson, Matte
from cameo3d.models.goha.drawing import DeviceMatte, FrameDrawing, GohaPainter
from cameo3d.models.goha.framing import (
    cut_square,
    head_rotation,
    label_of,
    lens,
    moving_view,
    regressor_crop,
)
from cameo3d.models.goha.generator import GohaGenerator, frontal_face
from cameo3d.perception.deep3d import FaceRegressor
from cameo3d.values import Motion, Portrait


@dataclass(frozen=True)
class GohaAvatar(GohaPerson):
    """What the published GOHA keeps of one person."""

    face: Float[Tensor, "257"]
    """Coefficients of the Basel face model, in the pose in which expressions are drawn."""


class _Conditions(NamedTuple):
    """What a frame is drawn from."""

    expression: Float[Tensor, "1 64"]
    camera: Float[Tensor, "1 4 4"]
    translation: Float[Tensor, "3"]


class PublishedPerformance(GohaPerformance):
    """One clip of the published GOHA, which shows its stages."""

    def __init__(self, model: "Goha", avatar: GohaAvatar, view: View) -> None:
        super().__init__(model, avatar, view)
        person = avatar.face[None].to(model.device)
        self._painter = GohaPainter(model.drawing, model.source(avatar), person)
        self._count, self._last = 0, _Conditions(torch.empty(0), torch.empty(0), torch.empty(0))

    @torch.inference_mode()
    def stages(self) -> dict[str, Picture]:
        """Of the last frame: the drawn face; canonical planes alone, with expression, all; depth; elsewhere.

        The last one is the result as the release's demo shows it, from a camera that moves around.
        """
        painter, generator = self._painter, self._model.generator
        face, base, planes = painter.branches(self._last.expression)
        source, size = painter.source, generator.config.render_size
        optics, camera = source.intrinsics, self._last.camera.to(base)
        seen = [generator.renderer(x, camera, optics, size) for x in (source.canonical, base, planes)]
        around = moving_view(self._count - 1)[None].to(camera)
        return {
            "face": picture_of(face * 2 - 1),
            "canonical": picture_of(seen[0].colors),
            "expression": picture_of(seen[1].colors),
            "all": picture_of(seen[2].colors),
            "depth": depth_picture(seen[2].depth),
            "moving": picture_of(generator.draw(planes, around, optics)),
        }

    def _frames(
        self, motion: Motion
    ) -> Iterator[tuple[UInt8[np.ndarray, "size size 4"], Float[Tensor, "3"]]]:
        """The crop's frames, and where the head is in each."""
        for now, (frame, fragments) in downloaded(map(self._begun, self._conditions(motion))):
            if self._painter.lacks_room(int(fragments)):  # drawn again, with more
                self._painter.make_room(torch.from_numpy(fragments))
                frame = self._begun(now)[1][0].cpu().numpy()
            self._count, self._last = self._count + 1, now
            if frame.dtype != np.uint8:
                frame = self._model.cut_out(torch.from_numpy(frame))
            yield frame, now.translation

    def _conditions(self, motion: Motion) -> Iterator["_Conditions"]:
        expressions = self._model.expressions(self._avatar, motion)
        moves = motion.rotation.float(), motion.translation.float()
        for expression, rotation, translation in zip(expressions, *moves, strict=True):
            yield _Conditions(expression[None], self._camera(rotation), translation)

    def _begun(self, now: "_Conditions") -> tuple["_Conditions", tuple[Tensor, Tensor]]:
        seen, fragments = self._painter(now.expression, now.camera)
        return now, (seen[-1], fragments)


class Goha(GohaBody):
    """GOHA with its helpers: the regressor of face coefficients, the face model, and a matte."""

    performance = PublishedPerformance

    def __init__(
        self,
        generator: GohaGenerator,
        regressor: FaceRegressor,
        face: BaselFace,
        matte: Matte,
        fast: bool = False,
        cuts_photos: bool = False,
        device_matte: DeviceMatte | None = None,
    ):
        """Take over loaded networks.

        Args:
            generator: With weights; it stays on its device.
            regressor: With weights, on the same device.
            face: The Basel face model.
            matte: Cuts the person out of photos, and out of what the network draws over black.
            fast: Whether to draw several times faster, a little less exactly.
            cuts_photos: Whether the matte also cuts out the photo's crop, as the release's preparation does;
                else the portrait's own matte does.
            device_matte: The same matte for frames that are on a GPU.
        """
        super().__init__(generator, matte)
        self.fast, self._cuts_photos = fast, cuts_photos
        if half_precision(fast, generator.exemplar.device.type):
            generator.hasten()
        self.regressor = regressor.eval()
        self.face = face
        self.drawing = FrameDrawing(generator, face, device_matte)
        self._basel_from_arkit = basel_from_arkit(face).cpu()  # as motions are

    @torch.inference_mode()
    def encode(self, portraits: Sequence[Portrait]) -> GohaAvatar:
        """Make a person's avatar from the first portrait."""
        return self._encode(portraits[0], None)

    @torch.inference_mode()
    def encode_prepared(self, portrait: Portrait, eg3d_from_camera: Float[Tensor, "4 4"]) -> GohaAvatar:
        """Make an avatar of a picture with its own matte and camera, as GOHA's prepared folders hold them."""
        return self._encode(portrait, eg3d_from_camera[None].to(self.device))

    def _encode(self, portrait: Portrait, camera: Float[Tensor, "1 4 4"] | None) -> GohaAvatar:
        model, crop = self.generator, portrait.person.crop
        photo, size = portrait.person.photo.numpy(), model.config.image_size
        matte = cut_square(portrait.matte.numpy().astype(np.float32), crop, size).clip(0, 1)
        picture = cut_square(photo, crop, size)
        is_cut = camera is None and self._cuts_photos
        image = self._over_black(picture, self.matte(picture) if is_cut else matte)
        if camera is None:
            posed = self._seen(cut_square(photo, regressor_crop(crop), PICTURE_SIZE))
            camera = label_of(FaceCoefficients.from_vectors(self.regressor.regress(posed)))
        source = model.prepare(image, camera, lens().to(image))
        # Identity, colours and light are read off the wider crop, as the release does.
        person = self.regressor(image)
        frontal = frontal_face(person, person, self.regressor(model.exemplar))
        return GohaAvatar(**self._kept(portrait, source), face=frontal.vectors()[0].cpu())

    @property
    def picture_size(self) -> int:
        """Side in pixels of the pictures that `read_expression` takes."""
        return self.generator.config.image_size

    @torch.inference_mode()
    def read_expression(self, picture: UInt8[np.ndarray, "size size 3"]) -> Float[Tensor, "64"]:
        """The expression of the face in a driving picture, which shows the crop around it."""
        return self.read_prepared(self._over_black(picture, self.matte(picture))[0])

    @torch.inference_mode()
    def read_prepared(self, image: Float[Tensor, "3 size size"]) -> Float[Tensor, "64"]:
        """The expression of a face over black, in [-1, 1]."""
        return self.regressor(image[None].to(self.device)).expression[0].cpu()

    @torch.inference_mode()
    def read_rotation(
        self, avatar: GohaAvatar, picture: UInt8[np.ndarray, "224 224 3"]
    ) -> Float[Tensor, "3"]:
        """Yaw, pitch and roll of a driver's head, as its own regressor sees it in `regressor_crop`.

        They are said so that the photo's camera turns to exactly the driver's.
        """
        label = label_of(FaceCoefficients.from_vectors(self.regressor.regress(self._seen(picture))))[0].cpu()
        return head_rotation(avatar.eg3d_from_camera, avatar.person.rotation, label)

    def expressions(self, avatar: GohaAvatar, motion: Motion) -> Float[Tensor, "frames 64"]:
        """The motion's own coefficients of the Basel model, or the photo's, changed as its weights change.

        The release takes them from a driving video; weights go through `basel_from_arkit`.
        """
        if motion.basel is None:
            start = FaceCoefficients.from_vectors(avatar.face[None]).expression
            known = avatar.person.expression
        else:
            start, known = motion.basel.float(), motion.basel_weights
        if known is None:
            return start
        return start + (motion.expression - known).float() @ self._basel_from_arkit

    def resting_planes(self, avatar: GohaAvatar) -> Float[Tensor, "1 3 channels plane plane"]:
        """All planes with the photo's expression."""
        face = FaceCoefficients.from_vectors(avatar.face[None].to(self.device))
        return self.drawing.branches(self.source(avatar), face)[0].planes
