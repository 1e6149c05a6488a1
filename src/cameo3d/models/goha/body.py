"""What GOHA's sizes have in common: what is kept of a person, and how frames are placed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from cameo3d.blocks.density_mesh import LEVEL, density_mesh
from cameo3d.imaging.inpainting import inpaint_background
from cameo3d.models.avatar import Avatar, View, check_shapes
from cameo3d.models.goha.drawing import LEAST_ALPHA
from cameo3d.models.goha.framing import cut_square, lens, paste_placed, placed, turned
from cameo3d.models.goha.generator import GohaGenerator, GohaSource
from cameo3d.values import Crop, Motion, Portrait
from cameo3d.values.mesh import Mesh
from cameo3d.values.portrait import LEAST_METRES

Matte = Callable[[UInt8[np.ndarray, "height width 3"]], Float[np.ndarray, "height width"]]
"""How much of each pixel of a picture belongs to the person, in [0, 1]."""

_MARGIN = 0.012
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


class GohaBody:
    """What GOHA's sizes have in common.

    Args:
        generator: With weights; it stays on its device.
        matte: Cuts the person out of what the network draws over black.
    """

    turns_freely = True
    """Its head has a back; see `pipeline.transfer`."""

    performance: type["GohaPerformance"]
    """What draws a clip."""

    def __init__(self, generator: GohaGenerator, matte: Matte) -> None:
        self.generator, self.matte = generator.eval(), matte
        generator.super_resolution.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def device(self) -> torch.device:
        """Where the networks compute."""
        return self.generator.exemplar.device

    def perform(
        self,
        avatar: Any,
        view: View = "crop",
        backdrop: UInt8[np.ndarray, "height width 3"] | None = None,
    ) -> "GohaPerformance":
        """Begin a clip; its frames are straight colours with alpha.

        Raises:
            InputError: If the avatar does not fit the network.
        """
        self.check(avatar)
        return self.performance(self, avatar, view)

    @torch.inference_mode()
    def mesh(self, avatar: Any, resolution: int, level: float = LEVEL) -> Mesh:
        """The head's surface in EG3D's world, with the photo's expression."""
        field = partial(self.generator.renderer.look_up, self.resting_planes(avatar))
        return density_mesh(field, self.generator.config.box_side, resolution, self.device, level)

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

    def resting_planes(self, avatar: Any) -> Float[Tensor, "1 3 channels plane plane"]:
        """All planes with the photo's expression."""
        raise NotImplementedError

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

    def _kept(self, portrait: Portrait, source: GohaSource) -> dict[str, Any]:
        """The fields of a `GohaPerson`."""
        margin = max(1, round(_MARGIN * portrait.person.crop.side))
        plate = inpaint_background(
            portrait.person.photo.numpy(), portrait.matte.numpy().astype(np.float32), margin
        )
        known = {"image": source.image, "resting": source.resting, "canonical": source.canonical}
        known |= {"eg3d_from_camera": source.eg3d_from_camera}
        parts = {name: x[0].cpu() for name, x in known.items()}
        return {"person": portrait.person, "plate": torch.from_numpy(plate), **parts}

    def cut_out(self, image: Float[Tensor, "1 3 height width"]) -> UInt8[np.ndarray, "height width 4"]:
        """The person of a frame over black, in straight colours with alpha."""
        drawn = ((image[0].clamp(-1, 1) + 1) * 127.5).permute(1, 2, 0).float().numpy()
        alpha = self.matte(np.ascontiguousarray(drawn.round().astype(np.uint8)))
        own = (drawn / np.maximum(alpha, LEAST_ALPHA)[..., None]).clip(0, 255)
        return np.dstack((own, alpha * 255)).round().astype(np.uint8)


class GohaPerformance:
    """One clip, drawn frame by frame without look-ahead; its children draw the person over black."""

    look_ahead = 0

    def __init__(self, model: Any, avatar: Any, view: View) -> None:
        self._model, self._avatar = model, avatar
        self._width, self._height = width, height = model.size(avatar, view)
        self._has_edge = view == "crop"
        self._crop = Crop(width / 2, height / 2, float(width)) if view == "crop" else avatar.person.crop

    def draw(self, motion: Motion) -> Iterator[UInt8[np.ndarray, "height width 4"]]:
        """Draw every frame of a motion."""
        for frame, translation in self._frames(motion):
            place = placed(self._avatar.person.translation, translation)
            yield paste_placed(frame, self._crop, place, self._width, self._height, self._has_edge)

    def finish(self) -> Iterator[UInt8[np.ndarray, "height width 4"]]:
        """Nothing is left: every frame was drawn at once."""
        return iter(())

    def _frames(
        self, motion: Motion
    ) -> Iterator[tuple[UInt8[np.ndarray, "size size 4"], Float[Tensor, "3"]]]:
        """The crop's frames, and where the head is in each."""
        raise NotImplementedError

    def _camera(self, rotation: Float[Tensor, "3"]) -> Float[Tensor, "1 4 4"]:
        """The photo's camera, moved as the head turns."""
        return turned(self._avatar.eg3d_from_camera, self._avatar.person.rotation, rotation)[None]
