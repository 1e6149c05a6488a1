"""Real3D-Portrait behind the contract of avatar models: a photo to an avatar, a motion of it to frames."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from cameo3d.errors import InputError
from cameo3d.geometry.basel.real3d_face import Real3DFace
from cameo3d.geometry.cameras import crop_camera
from cameo3d.models.real3d.conditioning import FaceState, SteeringFace, moved_poses
from cameo3d.models.real3d.generator import Frame, Real3DGenerator
from cameo3d.models.real3d.layers import nearest_background, take_apart
from cameo3d.models.real3d.poses import camera_of_pose, smooth_cameras, smooth_points
from cameo3d.models.real3d.torso import TorsoAppearance
from cameo3d.values import Crop, Motion, Portrait
from cameo3d.values.portrait import Sight

View = Literal["crop", "photo"]
_SMOOTHED = 7
"""Frames over which cameras and key points are averaged; shorter clips are left as they are."""
_SEAM = 0.04
"""Share of the crop over which its frame fades into the photo around it."""


@dataclass(frozen=True)
class Real3DAvatar:
    """What Real3D-Portrait keeps of one person."""

    photo: UInt8[Tensor, "height width 3"]
    photo_matte: UInt8[Tensor, "height width"]
    crop: Crop
    identity: Float32[Tensor, " components"]
    expression: Float32[Tensor, "52"]
    rotation: Float32[Tensor, "3"]
    translation: Float32[Tensor, "3"]
    gaze: Float32[Tensor, "2 2"]
    sight: Sight
    size: str
    """Whose weights made it: "official" or "lite"."""
    face: FaceState
    planes: Float32[Tensor, "1 3 channels half half"]
    """The canonical tri-plane."""
    torso: TorsoAppearance
    plate: UInt8[Tensor, "side side 3"]
    """The crop without the person."""


class Real3D:
    """The model with its weights.

    Args:
        generator: All networks, on the device where they shall compute.
        face: The face model that steers them.
        size: "official" or "lite".
        half_precision: Whether convolutions compute in bfloat16.
    """

    def __init__(
        self, generator: Real3DGenerator, face: SteeringFace, size: str, half_precision: bool = False
    ) -> None:
        self._generator, self._face, self._size = generator.eval(), face, size
        self._half_precision = half_precision
        self._side = generator.config.image_size

    @property
    def driving_face(self) -> Real3DFace | None:
        """The Basel model that a driver's expressions are fitted with; the small network uses ARKit's."""
        return self._face.basel

    @torch.no_grad()
    def encode(self, portrait: Portrait) -> Real3DAvatar:
        """Make a person's avatar from a portrait."""
        crop, side = portrait.crop, self._side
        scale = side / crop.side
        landmarks = portrait.landmarks.numpy().copy()
        landmarks[:, :2] = (landmarks[:, :2] - _corner(crop)) * scale
        image = _cut(portrait.photo.numpy(), crop, side, cv2.BORDER_REFLECT)
        matte = _cut(portrait.matte.numpy().astype(np.float32), crop, side, cv2.BORDER_REPLICATE)
        layers = take_apart(image, matte, landmarks)
        classes = torch.from_numpy(layers.classes)[None].float().to(self._device)
        with self._precision():
            planes = self._generator.canonical_planes(self._tensor(layers.head))
            plate = self._tensor(layers.background)
            torso = self._generator.prepare_scene(self._tensor(layers.torso), classes, plate).torso
        return Real3DAvatar(
            photo=portrait.photo,
            photo_matte=(portrait.matte * 255).round().to(torch.uint8),
            crop=crop,
            identity=portrait.identity.float(),
            expression=portrait.expression.float(),
            rotation=portrait.rotation.float(),
            translation=portrait.translation.float(),
            gaze=portrait.gaze.float(),
            sight=portrait.sight,
            size=self._size,
            face=self._face.fit(portrait),
            planes=planes.float().cpu(),
            torso=TorsoAppearance(torso.masked.float().cpu(), torso.compressed.float().cpu()),
            plate=torch.from_numpy(layers.background),
        )

    def render(
        self,
        avatar: Real3DAvatar,
        motion: Motion,
        view: View = "crop",
        backdrop: UInt8[np.ndarray, "height width 3"] | None = None,
    ) -> Iterator[UInt8[np.ndarray, "height width 4"]]:
        """Yield the person in motion, frame by frame.

        In the crop the network itself paints the backdrop, as it was trained to; frames are then opaque.
        Without one, and in the photo, colours are what remains when the photo's own background is taken off.

        Raises:
            InputError: If the avatar was made by the other size of the model.
        """
        if avatar.size != self._size:
            raise InputError(
                f"The avatar was made with --size {avatar.size}, not {self._size}; give that size, "
                "or make the avatar again."
            )
        plate = avatar.plate.numpy()
        painted = view == "crop" and backdrop is not None
        behind = backdrop if painted and backdrop is not None else plate
        for frame in self._frames(avatar, motion, behind):
            colors = _bytes(frame.image)
            if painted:
                yield np.dstack((colors, np.full(colors.shape[:2], 255, np.uint8)))
                continue
            alpha = frame.alpha[0, 0].float().cpu().numpy()
            alpha = cv2.resize(alpha, (self._side, self._side), interpolation=cv2.INTER_LINEAR)
            person = _person(colors, alpha, plate)
            yield person if view == "crop" else _in_photo(person, avatar)

    def background(self, avatar: Real3DAvatar, view: View = "crop") -> UInt8[np.ndarray, "height width 3"]:
        """The photo's own background with the person taken out, at the size of the view."""
        if view == "crop":
            return avatar.plate.numpy()
        return nearest_background(avatar.photo.numpy(), avatar.photo_matte.numpy() > 25)

    def size(self, avatar: Real3DAvatar, view: View = "crop") -> tuple[int, int]:
        """Width and height of a view's frames, pixels."""
        if view == "crop":
            return self._side, self._side
        height, width = avatar.photo.shape[:2]
        return width, height

    def _frames(
        self, avatar: Real3DAvatar, motion: Motion, behind: UInt8[np.ndarray, "side side 3"]
    ) -> Iterator[Frame]:
        state, device = avatar.face, self._device
        with torch.inference_mode():
            expressions, cameras, source, driving = self._conditions(avatar, motion)
            intrinsics = crop_camera().intrinsics[None].to(device)
            # The released inference takes the first frame's map for that of the photo.
            neutral = torch.zeros_like(state.expression)
            still, first = self._map(state, neutral), self._map(state, expressions[0])
            planes = avatar.planes.to(device)
            torso = TorsoAppearance(avatar.torso.masked.to(device), avatar.torso.compressed.to(device))
            with self._precision():
                scene = self._generator.super_resolution.place(torso, self._tensor(behind))
        for expression, camera, points in zip(expressions, cameras, driving, strict=True):
            # Not around the yield: what the caller does meanwhile is not ours.
            with torch.inference_mode(), self._precision():
                added = self._generator.motion_planes(still, first, self._map(state, expression)).float()
                frame = self._generator(
                    planes + added, scene, camera[None], intrinsics, source[None], points[None]
                )
            yield frame

    def _conditions(self, avatar: Real3DAvatar, motion: Motion) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Expressions, cameras and key points of all frames, the photo's key points third, on the device."""
        state, face = avatar.face, self._face
        expressions = face.expressions(state, avatar.expression, motion)
        euler, translation = moved_poses(state, avatar, motion)
        cameras = camera_of_pose(euler, translation)
        driving = face.key_points(state.identity, expressions, euler, translation)
        source = face.key_points(
            state.identity, state.expression[None], state.euler[None], state.translation[None]
        )
        if len(motion) >= _SMOOTHED:
            cameras = smooth_cameras(cameras, _SMOOTHED)
            driving = smooth_points(driving.flatten(1), _SMOOTHED).unflatten(1, (-1, 3))
        device = self._device
        return expressions, cameras.to(device), source[0].to(device), driving.to(device)

    def _map(
        self, state: FaceState, expression: Float[Tensor, " coefficients"]
    ) -> Float[Tensor, "1 3 side side"]:
        return self._face.face_map(state.identity, expression)[None].to(self._device)

    def _tensor(self, image: UInt8[np.ndarray, "side side 3"]) -> Float[Tensor, "1 3 side side"]:
        x = torch.from_numpy(np.ascontiguousarray(image)).to(self._device).permute(2, 0, 1)[None]
        return (x.float() - 127.5) / 127.5

    @property
    def _device(self) -> torch.device:
        return next(self._generator.parameters()).device

    def _precision(self) -> AbstractContextManager:
        return torch.autocast(self._device.type, torch.bfloat16) if self._half_precision else nullcontext()


def _bytes(image: Float[Tensor, "1 3 side side"]) -> UInt8[np.ndarray, "side side 3"]:
    """Colours of [-1, 1] as bytes, cut off as the official release does."""
    return ((image[0].float() + 1) / 2 * 255).to(torch.uint8).permute(1, 2, 0).cpu().numpy()


def _person(
    colors: UInt8[np.ndarray, "side side 3"],
    alpha: Float32[np.ndarray, "side side"],
    plate: UInt8[np.ndarray, "side side 3"],
) -> UInt8[np.ndarray, "side side 4"]:
    """The person's own colours and alpha of a frame over a known background."""
    share = alpha[..., None]
    own = (colors - (1 - share) * plate) / np.maximum(share, 1 / 255)
    return np.dstack((np.rint(own.clip(0, 255)), np.rint(alpha * 255))).astype(np.uint8)


def _in_photo(
    frame: UInt8[np.ndarray, "side side 4"], avatar: Real3DAvatar
) -> UInt8[np.ndarray, "height width 4"]:
    """The person of the photo, with the crop's frame in its place, fading into it at the crop's border."""
    photo, matte, crop = avatar.photo.numpy(), avatar.photo_matte.numpy(), avatar.crop
    height, width = matte.shape
    side = len(frame)
    inset = np.minimum(np.arange(side) + 0.5, side - 0.5 - np.arange(side)) / (_SEAM * side)
    weight = np.minimum.outer(inset, inset).clip(0, 1).astype(np.float32)
    matrix, flags = _matrix(crop, side), cv2.INTER_AREA | cv2.WARP_INVERSE_MAP
    placed = cv2.warpAffine(frame.astype(np.float32), matrix, (width, height), flags=flags)
    share = cv2.warpAffine(weight, matrix, (width, height), flags=flags)[..., None]
    whole = np.dstack((photo, matte)).astype(np.float32)
    return np.rint(whole + (placed - whole) * share).astype(np.uint8)


def _cut(picture: np.ndarray, crop: Crop, side: int, border: int) -> np.ndarray:
    """A crop of a picture at `side` pixels."""
    flags = cv2.INTER_AREA if side < crop.side else cv2.INTER_CUBIC
    cut = cv2.warpAffine(picture, _matrix(crop, side), (side, side), flags=flags, borderMode=border)
    return cut.clip(0, 1) if cut.dtype == np.float32 else cut


def _matrix(crop: Crop, side: int) -> np.ndarray:
    """From pixels of the photo, counted from the first one's centre, to those of the crop."""
    scale = side / crop.side
    shift = (0.5 - _corner(crop)) * scale - 0.5
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])


def _corner(crop: Crop) -> Float32[np.ndarray, "2"]:
    return np.array((crop.center_x - crop.side / 2, crop.center_y - crop.side / 2), np.float32)
