"""The GOHA avatar behind the contract of all models: a photo's planes once, then frame after frame."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from cameo3d.blocks.density_mesh import LEVEL, density_mesh
from cameo3d.blocks.pictures import Picture, depth_picture, picture_of
from cameo3d.blocks.processors import half_precision
from cameo3d.blocks.transfers import downloaded
from cameo3d.geometry.basel.bfm import PICTURE_SIZE, BaselFace, FaceCoefficients
from cameo3d.geometry.basel.expression import basel_from_arkit
from cameo3d.imaging.inpainting import inpaint_background
from cameo3d.models.avatar import Avatar, View, check_shapes
from cameo3d.models.goha.drawing import LEAST_ALPHA, DeviceMatte, FrameDrawing, GohaPainter
from cameo3d.models.goha.framing import (
    cut_square,
    head_rotation,
    label_of,
    lens,
    moving_view,
    paste_placed,
    placed,
    regressor_crop,
    turned,
)
from cameo3d.models.goha.generator import GohaGenerator, GohaSource, frontal_face
from cameo3d.perception.deep3d import FaceRegressor
from cameo3d.values import Crop, Motion, Portrait
from cameo3d.values.mesh import Mesh
from cameo3d.values.portrait import LEAST_METRES

Matte = Callable[[UInt8[np.ndarray, "height width 3"]], Float[np.ndarray, "height width"]]
"""How much of each pixel of a picture belongs to the person, in [0, 1]."""

MARGIN = 0.012
"""Of the background plate around the person, in sides of the crop."""


@dataclass(frozen=True)
class GohaPerson(Avatar):
    """What every size of GOHA keeps of one person."""

    plate: UInt8[Tensor, "height width 3"]
    """The photo without the person."""
    image: Float[Tensor, "3 size size"]
    """The crop over black, in [-1, 1]."""
    resting: Float[Tensor, "1 size size"]
    """1 where its face keeps still."""
    canonical: Float[Tensor, "3 channels plane plane"]
    """Planes of the person with a neutral face."""
    eg3d_from_camera: Float[Tensor, "4 4"]
    """Of the photo, in EG3D's world units, y growing upwards."""

    def misfits(self) -> Iterator[str]:
        """What a file may not say of such an avatar; what its network says is checked when it draws."""
        if float(self.person.translation[2]) < LEAST_METRES:
            yield f"has a head nearer to the camera than {LEAST_METRES:g} metres"


@dataclass(frozen=True)
class GohaAvatar(GohaPerson):
    """What the published GOHA keeps of one person."""

    face: Float[Tensor, "257"]
    """Coefficients of the Basel face model, in the pose in which expressions are drawn."""


class GohaBody:
    """What GOHA's sizes have in common.

    Args:
        generator: With weights; it stays on its device.
        matte: Cuts the person out of what the network draws over black.
    """

    turns_freely = True
    """Its head has a back; see `pipeline.transfer`."""

    def __init__(self, generator: GohaGenerator, matte: Matte) -> None:
        self.generator, self.matte = generator.eval(), matte
        generator.super_resolution.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def device(self) -> torch.device:
        """Where the networks compute."""
        return self.generator.exemplar.device

    def background(self, avatar: Any, view: View = "crop") -> UInt8[np.ndarray, "height width 3"]:
        """The photo's own background with the person taken out, at the size of the view."""
        plate = avatar.plate.numpy()
        return plate if view == "photo" else cut_square(plate, avatar.person.crop, self.size(avatar)[0])

    def size(self, avatar: Any, view: View = "crop") -> tuple[int, int]:
        """Width and height of a view's frames, pixels."""
        if view == "photo":
            return avatar.person.photo.shape[1], avatar.person.photo.shape[0]
        return avatar.image.shape[2], avatar.image.shape[1]

    def check(self, avatar: Any) -> None:
        """Make sure that an avatar fits the network.

        Raises:
            InputError: If it does not.
        """
        config = self.generator.config
        size, half = config.image_size, config.image_size // 2
        check_shapes(
            {
                "image": (avatar.image, (3, size, size)),
                "canonical": (avatar.canonical, (3, config.plane_channels, half, half)),
            }
        )

    def source(self, avatar: Any) -> GohaSource:
        """What the generator knows of the photo, on the device."""
        parts = (avatar.image, avatar.resting, avatar.canonical, avatar.eg3d_from_camera)
        image, resting, canonical, camera = (x[None].to(self.device) for x in parts)
        return GohaSource(image, resting, canonical, camera, lens().to(image))

    def _seen(self, picture: UInt8[np.ndarray, "height width 3"]) -> Float[Tensor, "1 3 height width"]:
        """A picture in [0, 1]."""
        return torch.from_numpy(picture).to(self.device).permute(2, 0, 1)[None].float() / 255

    def _over_black(
        self, picture: UInt8[np.ndarray, "height width 3"], matte: Float[np.ndarray, "height width"]
    ) -> Float[Tensor, "1 3 height width"]:
        """A person over black in [-1, 1]; the matte has eight bits, as the release's."""
        alpha = torch.from_numpy(np.rint(matte * 255).astype(np.float32) / 255).to(self.device)
        return self._seen(picture) * alpha * 2 - 1

    def cut_out(self, image: Float[Tensor, "1 3 height width"]) -> UInt8[np.ndarray, "height width 4"]:
        """The person of a frame over black, in straight colours with alpha."""
        drawn = ((image[0].clamp(-1, 1) + 1) * 127.5).permute(1, 2, 0).float().numpy()
        alpha = self.matte(np.ascontiguousarray(drawn.round().astype(np.uint8)))
        own = (drawn / np.maximum(alpha, LEAST_ALPHA)[..., None]).clip(0, 255)
        return np.dstack((own, alpha * 255)).round().astype(np.uint8)


class Goha(GohaBody):
    """GOHA with its helpers: the regressor of face coefficients, the face model, and a matte."""

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
        margin = max(1, round(MARGIN * crop.side))
        plate = inpaint_background(photo, portrait.matte.numpy().astype(np.float32), margin)
        return GohaAvatar(
            person=portrait.person,
            plate=torch.from_numpy(plate),
            image=source.image[0].cpu(),
            resting=source.resting[0].cpu(),
            canonical=source.canonical[0].cpu(),
            eg3d_from_camera=source.eg3d_from_camera[0].cpu(),
            face=frontal.vectors()[0].cpu(),
        )

    def perform(
        self,
        avatar: GohaAvatar,
        view: View = "crop",
        backdrop: UInt8[np.ndarray, "height width 3"] | None = None,
    ) -> "GohaPerformance":
        """Begin a clip; its frames are straight colours with alpha.

        Raises:
            InputError: If the avatar does not fit the network.
        """
        self.check(avatar)
        return GohaPerformance(self, avatar, view)

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

    @torch.inference_mode()
    def mesh(self, avatar: GohaAvatar, resolution: int, level: float = LEVEL) -> Mesh:
        """The head's surface in EG3D's world, with the photo's expression."""
        model, source = self.generator, self.source(avatar)
        face = FaceCoefficients.from_vectors(avatar.face[None].to(self.device))
        planes = self.drawing.branches(source, face)[0].planes
        field = partial(model.renderer.look_up, planes)
        return density_mesh(field, model.config.box_side, resolution, self.device, level)


class GohaPerformance:
    """One clip of a GOHA avatar, drawn frame by frame without look-ahead."""

    look_ahead = 0

    def __init__(self, model: Goha, avatar: GohaAvatar, view: View) -> None:
        self._model, self._avatar = model, avatar
        self._width, self._height = width, height = model.size(avatar, view)
        self._has_edge = view == "crop"
        self._crop = Crop(width / 2, height / 2, float(width)) if view == "crop" else avatar.person.crop
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

    def draw(self, motion: Motion) -> Iterator[UInt8[np.ndarray, "height width 4"]]:
        """Draw every frame of a motion."""
        for now, (frame, fragments) in downloaded(map(self._begun, self._conditions(motion))):
            if self._painter.lacks_room(int(fragments)):  # drawn again, with more
                self._painter.make_room(torch.from_numpy(fragments))
                frame = self._begun(now)[1][0].cpu().numpy()
            self._count, self._last = self._count + 1, now
            if frame.dtype != np.uint8:
                frame = self._model.cut_out(torch.from_numpy(frame))
            place = placed(self._avatar.person.translation, now.translation)
            yield paste_placed(frame, self._crop, place, self._width, self._height, self._has_edge)

    def _conditions(self, motion: Motion) -> Iterator["_Conditions"]:
        avatar = self._avatar
        expressions = self._model.expressions(avatar, motion)
        moves = motion.rotation.float(), motion.translation.float()
        for expression, rotation, translation in zip(expressions, *moves, strict=True):
            camera = turned(avatar.eg3d_from_camera, avatar.person.rotation, rotation)
            yield _Conditions(expression[None], camera[None], translation)

    def _begun(self, now: "_Conditions") -> tuple["_Conditions", tuple[Tensor, Tensor]]:
        seen, fragments = self._painter(now.expression, now.camera)
        return now, (seen[-1], fragments)

    def finish(self) -> Iterator[UInt8[np.ndarray, "height width 4"]]:
        """Nothing is left: every frame was drawn at once."""
        return iter(())


class _Conditions(NamedTuple):
    """What a frame is drawn from."""

    expression: Float[Tensor, "1 64"]
    camera: Float[Tensor, "1 4 4"]
    translation: Float[Tensor, "3"]
