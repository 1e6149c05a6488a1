"""Real3D-Portrait behind the contract of avatar models: a photo to an avatar, a motion of it to frames."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8
from torch import Tensor

from cameo3d.blocks.density_mesh import LEVEL, density_mesh
from cameo3d.blocks.pictures import Picture, depth_picture, picture_of
from cameo3d.blocks.transfers import downloaded
from cameo3d.errors import InputError
from cameo3d.geometry.basel.real3d_face import Real3DFace
from cameo3d.geometry.cameras import crop_intrinsics
from cameo3d.imaging.framing import Border, cut, paste
from cameo3d.models.avatar import Avatar, Frames, View, check_shapes
from cameo3d.models.real3d.conditioning import FaceState, SteeringFace, moved_poses
from cameo3d.models.real3d.drawing import Conditions, Drawn, FrameDrawing, Stage
from cameo3d.models.real3d.generator import Real3DGenerator
from cameo3d.models.real3d.layers import nearest_background, take_apart
from cameo3d.models.real3d.poses import camera_of_pose, smooth_cameras, smooth_points
from cameo3d.models.real3d.super_resolution import Scene
from cameo3d.models.real3d.torso import TorsoAppearance
from cameo3d.values import Crop, Motion, Portrait
from cameo3d.values.mesh import Mesh
from cameo3d.values.portrait import LEAST_METRES

Classes = Callable[[UInt8[np.ndarray, "side side 3"]], Bool[np.ndarray, "6 side side"]]
"""Which of background, hair, body skin, face skin, clothes and others each pixel of a picture is."""

_SMOOTHED = 7
"""Frames over which cameras and key points are averaged; shorter clips are left as they are."""
_SEAM = 0.04
"""Share of the crop over which its frame fades into the photo around it."""


@dataclass(frozen=True)
class Real3DAvatar(Avatar):
    """What Real3D-Portrait keeps of one person."""

    size: str
    """Whose weights made it: "official" or "small"."""
    face: FaceState
    planes: Float32[Tensor, "1 3 channels half half"]
    """The canonical tri-plane."""
    torso: TorsoAppearance | None
    """None where the network draws the head alone."""
    plate: UInt8[Tensor, "side side 3"]
    """The crop without the person."""

    def misfits(self) -> Iterator[str]:
        """What a file may not say of such an avatar; what its network says is checked when it draws."""
        if float(self.person.translation[2]) < LEAST_METRES:
            yield f"has a head nearer to the camera than {LEAST_METRES:g} metres"
        if not 0 < float(self.face.translation.abs().max()) < 1000:
            yield "has a face that lies nowhere"


class Real3D:
    """The model with its weights.

    Args:
        generator: All networks, on the device where they compute.
        face: The face model that steers them.
        size: "official" or "small".
        half_precision: Whether convolutions compute in bfloat16.
        classes: A network that tells the six classes of a picture apart; without one colours do.
    """

    turns_freely = True
    """Its head has a back; see `pipeline.transfer`."""

    def __init__(
        self,
        generator: Real3DGenerator,
        face: SteeringFace,
        size: str,
        half_precision: bool = False,
        classes: Classes | None = None,
    ) -> None:
        self.generator, self.face, self._size = generator.eval(), face, size
        self._half_precision, self._classes = half_precision, classes
        self.framing: Literal["head", "picture"] = "picture" if size == "official" else "head"
        """The square of a photo that its weights know best; see `geometry.crops.picture_crop`."""
        self._side = generator.config.image_size
        self.drawing = FrameDrawing(generator, face, self.precision)

    @property
    def driving_face(self) -> Real3DFace | None:
        """The Basel model that a driver's expressions are fitted with; the small network uses ARKit's."""
        return self.face.basel

    @torch.no_grad()
    def encode(self, portraits: Sequence[Portrait]) -> Real3DAvatar:
        """Make a person's avatar from the first portrait."""
        portrait = portraits[0]
        crop, side = portrait.person.crop, self._side
        scale = side / crop.side
        landmarks = portrait.landmarks.numpy().copy()
        landmarks[:, :2] = (landmarks[:, :2] - _corner(crop)) * scale
        image = _cut(portrait.person.photo.numpy(), crop, side, "mirror")
        matte = _cut(portrait.matte.numpy().astype(np.float32), crop, side, "edge")
        told = None if self._classes is None else self._classes(image)
        layers = take_apart(image, matte, landmarks, portrait.person.sight.covered_eyes, told)
        classes = torch.from_numpy(layers.classes)[None].float().to(self.device)
        torso = None
        with self.precision():
            planes = self.generator.canonical_planes(self.tensor(layers.head))
            if self.generator.config.has_torso:
                plate = self.tensor(layers.background)
                seen = self.generator.prepare_scene(self.tensor(layers.torso), classes, plate).torso
                torso = TorsoAppearance(seen.masked.float().cpu(), seen.compressed.float().cpu())
        return Real3DAvatar(
            person=portrait.person,
            size=self._size,
            face=self.face.fit(portrait),
            planes=planes.float().cpu(),
            torso=torso,
            plate=torch.from_numpy(layers.background),
        )

    def perform(
        self,
        avatar: Real3DAvatar,
        view: View = "crop",
        backdrop: UInt8[np.ndarray, "height width 3"] | None = None,
    ) -> "Real3DPerformance":
        """Begin a clip.

        In the crop the network itself paints the backdrop, as it was trained to; frames are then opaque.
        Without one, and in the photo, colours are what remains without the photo's own background. A network
        that draws the head alone leaves the background to whoever composes its frames.

        Raises:
            InputError: If the avatar was made by the other size of the model, or does not fit its network.
        """
        if avatar.size != self._size:
            raise InputError(
                f"The avatar was made with --size {avatar.size}, not {self._size}; give that size, "
                "or make the avatar again."
            )
        self._check_shapes(avatar)
        return Real3DPerformance(self, avatar, view, backdrop if view == "crop" else None)

    @torch.inference_mode()
    def mesh(self, avatar: Real3DAvatar, resolution: int, level: float = LEVEL) -> Mesh:
        """The head's surface in EG3D's world, with the photo's expression."""
        face, state = self.face, avatar.face

        def pncc(expression: Tensor) -> Tensor:
            return face.pncc(state.identity, expression)[None].to(self.device)

        own = pncc(state.expression)
        with self.precision():
            added = self.generator.motion_planes(pncc(torch.zeros_like(state.expression)), own, own)
        planes = avatar.planes.to(self.device) + added.float()
        renderer = self.generator.renderer
        return density_mesh(
            partial(renderer.look_up, planes), self.generator.config.box_side, resolution, self.device, level
        )

    def background(self, avatar: Real3DAvatar, view: View = "crop") -> UInt8[np.ndarray, "height width 3"]:
        """The photo's own background with the person taken out, at the size of the view."""
        if view == "crop":
            return avatar.plate.numpy()
        return nearest_background(avatar.person.photo.numpy(), avatar.person.matte.numpy() > 25)

    def size(self, avatar: Real3DAvatar, view: View = "crop") -> tuple[int, int]:
        """Width and height of a view's frames, pixels."""
        if view == "crop":
            return self._side, self._side
        height, width = avatar.person.photo.shape[:2]
        return width, height

    def _check_shapes(self, avatar: Real3DAvatar) -> None:
        sizes, side, torso = self.generator.config, self._side, avatar.torso
        if (torso is None) == sizes.has_torso:
            raise InputError("The avatar was made by a network with another torso; make it again.")
        volume = (sizes.torso.volume_depth, side // 8, side // 8)
        identity, expression = self.face.sizes
        channels = sizes.plane_channels * sizes.plane_depth
        wanted = {
            "planes": (avatar.planes, (1, 3, channels, side // 2, side // 2)),
            "plate": (avatar.plate, (side, side, 3)),
            "face.identity": (avatar.face.identity, (identity,)),
            "face.expression": (avatar.face.expression, (expression,)),
        }
        if torso is not None:
            wanted["torso.masked"] = (torso.masked, (1, sizes.torso.volume_width, *volume))
            wanted["torso.compressed"] = (torso.compressed, (1, sizes.torso.compressed_width, *volume))
        check_shapes(wanted)

    def tensor(self, image: UInt8[np.ndarray, "side side 3"]) -> Float[Tensor, "1 3 side side"]:
        """A picture in [-1, 1] on the device."""
        x = torch.from_numpy(np.ascontiguousarray(image)).to(self.device).permute(2, 0, 1)[None]
        return (x.float() - 127.5) / 127.5

    @property
    def device(self) -> torch.device:
        """Where the networks compute."""
        return next(self.generator.parameters()).device

    def precision(self) -> AbstractContextManager:
        """What the networks run in."""
        return torch.autocast(self.device.type, torch.bfloat16) if self._half_precision else nullcontext()


class Real3DPerformance:
    """One clip of a Real3D avatar; cameras and key points are smoothed over seven frames, three ahead."""

    look_ahead = _SMOOTHED // 2

    @torch.inference_mode()
    def __init__(
        self,
        model: Real3D,
        avatar: Real3DAvatar,
        view: View,
        backdrop: UInt8[np.ndarray, "side side 3"] | None,
    ) -> None:
        self._avatar, self._view, self._face = avatar, view, model.face
        self._drawing, device = model.drawing, model.device
        state, side = avatar.face, model.size(avatar)[0]
        plate = avatar.plate.numpy() if backdrop is None else backdrop
        scene: Scene | None = None
        if avatar.torso is None:
            plate = np.zeros_like(plate)
        else:
            torso = TorsoAppearance(avatar.torso.masked.to(device), avatar.torso.compressed.to(device))
            with model.precision():
                scene = model.generator.layers.place(torso, model.tensor(plate))
        is_painted = backdrop is not None and avatar.torso is not None
        points = model.face.key_points(
            state.identity, state.expression[None], state.euler[None], state.translation[None]
        )
        self._stage = Stage(
            planes=avatar.planes.to(device),
            intrinsics=crop_intrinsics()[None].to(device),
            source=points.to(device),
            behind=torch.from_numpy(plate[: 0 if is_painted else side]).to(device).float(),
            scene=scene,
        )
        self._identity = state.identity.to(device)
        self._neutral, fragments = self._drawing.pncc(self._identity, torch.zeros_like(state.expression))
        self._slots = self._drawing.slots(fragments)
        self._first: Tensor | None = None
        self._window = _SmoothedConditions()
        self._last: Drawn | None = None

    def stages(self) -> dict[str, Picture]:
        """Of the last frame: the driving PNCC picture, the raw rendering of the head, and its depth."""
        assert self._last is not None, "a frame was drawn"
        return {
            "PNCC": picture_of(self._last.pncc),
            "raw": picture_of(self._last.features[:, :3]),
            "depth": depth_picture(self._last.depth),
        }

    def draw(self, motion: Motion) -> Frames:
        """Take in more motion, and draw the frames whose smoothing it completes."""
        state, face = self._avatar.face, self._face
        with torch.inference_mode():
            resting = self._avatar.person.expression
            expressions, lids = face.expressions(state, resting, motion), face.lids(resting, motion)
            euler, translation = moved_poses(state, self._avatar.person, motion)
            points = face.key_points(state.identity, expressions, euler, translation)
            if self._first is None and len(motion):
                # The released inference takes the first frame's PNCC for that of the photo.
                self._first, _ = self._drawing.pncc(self._identity, expressions[0])
            self._window.push(expressions, lids, camera_of_pose(euler, translation), points)
        return self._drawn(self._window.ready())

    def finish(self) -> Frames:
        """Draw the frames that are left when the motion has ended."""
        return self._drawn(self._window.rest())

    def _drawn(self, conditions: Iterator[Conditions]) -> Frames:
        for (now, drawn), (frame, fragments) in downloaded(map(self._begun, conditions)):
            if fragments > len(self._slots):  # a face that needs more room is drawn again, with it
                self._slots = self._drawing.slots(drawn.fragments)
                drawn = self._frame(now)
                frame = drawn.frame.cpu().numpy()
            self._last = drawn
            yield frame if self._view == "crop" else _in_photo(frame, self._avatar)

    def _begun(self, now: Conditions) -> tuple[tuple[Conditions, Drawn], tuple[Tensor, Tensor]]:
        drawn = self._frame(now)
        return (now, drawn), (drawn.frame, drawn.fragments)

    def _frame(self, now: Conditions) -> Drawn:
        assert self._first is not None, "a frame has a first one"
        driving = self._drawing.pncc(self._identity, now.expression, now.lids, self._slots)
        return self._drawing.frame(self._stage, self._neutral, self._first, driving, now)


class _SmoothedConditions:
    """Conditions of frames; cameras and key points are smoothed as in the official inference.

    Clips shorter than the window are left as they are.
    """

    def __init__(self) -> None:
        self._rows: list[Conditions] = []
        self._start = self._next = self._count = 0

    def push(
        self,
        expressions: Float[Tensor, "frames coefficients"],
        lids: Float[Tensor, "frames 2"],
        cameras: Float[Tensor, "frames 4 4"],
        points: Float[Tensor, "frames 68 3"],
    ) -> None:
        """Take in more frames."""
        self._rows += map(Conditions, expressions, lids, cameras, points)
        self._count += len(expressions)

    def ready(self) -> Iterator[Conditions]:
        """Frames whose neighbours are all known."""
        last = self._count - _SMOOTHED // 2 if self._count >= _SMOOTHED else 0
        return self._until(last)

    def rest(self) -> Iterator[Conditions]:
        """All frames that are left, the window cut off at the end."""
        return self._until(self._count)

    def _until(self, end: int) -> Iterator[Conditions]:
        while self._next < end:
            yield self._at(self._next)
            self._next += 1
            drop = max(0, self._next - _SMOOTHED // 2) - self._start
            del self._rows[:drop]
            self._start += drop

    def _at(self, frame: int) -> Conditions:
        now = self._rows[frame - self._start]
        if self._count < _SMOOTHED:
            return now
        reach = _SMOOTHED // 2
        first = max(frame - reach, 0)
        near = self._rows[first - self._start : frame + reach + 1 - self._start]
        cameras, driving = (
            torch.stack([row.camera for row in near]),
            torch.stack([row.points for row in near]),
        )
        smooth = smooth_points(driving.flatten(1), _SMOOTHED).unflatten(1, (-1, 3))
        camera = smooth_cameras(cameras, _SMOOTHED)[frame - first]
        return now._replace(camera=camera, points=smooth[frame - first])


def _in_photo(
    frame: UInt8[np.ndarray, "side side 4"], avatar: Real3DAvatar
) -> UInt8[np.ndarray, "height width 4"]:
    """The person of the photo, with the crop's frame in its place, fading into it at the crop's border."""
    photo, matte, crop = avatar.person.photo.numpy(), avatar.person.matte.numpy(), avatar.person.crop
    height, width = matte.shape
    side = len(frame)
    inset = np.minimum(np.arange(side) + 0.5, side - 0.5 - np.arange(side)) / (_SEAM * side)
    weight = np.minimum.outer(inset, inset).clip(0, 1).astype(np.float32)
    placed = paste(frame.astype(np.float32), crop, width, height, "area")
    share = paste(weight, crop, width, height, "area")[..., None]
    whole = np.dstack((photo, matte)).astype(np.float32)
    return np.rint(whole + (placed - whole) * share).astype(np.uint8)


def _cut(picture: np.ndarray, crop: Crop, side: int, border: Border) -> np.ndarray:
    """A crop of a picture at `side` pixels."""
    part = cut(picture, crop, side, "area" if side < crop.side else "cubic", border)
    return part.clip(0, 1) if part.dtype == np.float32 else part


def _corner(crop: Crop) -> Float32[np.ndarray, "2"]:
    return np.array((crop.center_x - crop.side / 2, crop.center_y - crop.side / 2), np.float32)
