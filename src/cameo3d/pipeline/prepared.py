"""GOHA's prepared folders (`images`, `matting`, `dataset.json`) as source and as driver of an animation."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.errors import InputError
from cameo3d.media.files import shown
from cameo3d.media.images import read_image
from cameo3d.media.video import DEFAULT_FRAME_RATE
from cameo3d.models.avatar import Avatar, AvatarModel
from cameo3d.models.goha.framing import head_rotation
from cameo3d.pipeline.drivers import Driven
from cameo3d.pipeline.motion import Progress
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.pipeline.transfer import Transfer, is_free
from cameo3d.values import Crop, Motion, Portrait
from cameo3d.values.goha_folders import Frame, GohaFrame, prepared_frames
from cameo3d.values.motion import still_motion


@runtime_checkable
class TakesPrepared(Protocol):
    """A model that knows GOHA's mattes and cameras."""

    @property
    def picture_size(self) -> int:
        """Side in pixels of its pictures."""
        ...

    def encode_prepared(self, portrait: Portrait, eg3d_from_camera: Float[Tensor, "4 4"]) -> Avatar:
        """Make an avatar of a picture with its own matte and camera."""
        ...

    def read_prepared(self, image: Float[Tensor, "3 size size"]) -> Float[Tensor, "64"]:
        """The expression of a face over black, in [-1, 1]."""
        ...


def is_prepared(path: Path) -> bool:
    """Whether a path is such a folder, or one of several."""
    return path.is_dir()


def first_picture(folder: Path) -> Path:
    """The picture that a folder gives as a source."""
    return _first(folder).image


def _first(folder: Path) -> GohaFrame:
    return prepared_frames(folder)[0]


def encode_folder(folder: Path, network: AvatarModel) -> Avatar:
    """Make an avatar of the first picture of a folder.

    Raises:
        InputError: If the folder is not one, or the model does not take it.
        FaceError: If the picture shows no usable face.
    """
    frame = _first(folder)
    model = _taker(network, folder)
    picture, matte = read_image(frame.image), read_image(frame.matte)[..., 0]
    if picture.shape[:2] != matte.shape or picture.shape[0] != picture.shape[1]:
        raise InputError(
            f"{shown(frame.image)} and its matte are no squares of one size; prepare them again."
        )
    side = len(picture)
    whole = Crop(side / 2, side / 2, float(side))
    portrait = make_portrait(picture, crop_rule=lambda *_: whole)
    own = torch.from_numpy(matte.copy())
    person = replace(portrait.person, matte=own)
    return model.encode_prepared(replace(portrait, person=person, matte=own.float() / 255), _camera(frame))


@dataclass(frozen=True)
class PreparedDriver:
    """The first clip of a folder; its pictures play at 25 frames a second."""

    folder: Path
    transfer: Transfer
    """How its motion becomes the person's."""

    def drive(self, model: AvatarModel, avatar: Avatar, progress: Progress | None) -> Driven:
        """Move as the pictures do: expressions as the model reads them, turns by the labels' cameras."""
        reader, frames = _taker(model, self.folder), prepared_frames(self.folder)
        photo: Any = avatar
        expressions, turns = [], []
        for number, frame in enumerate(frames):
            expressions.append(reader.read_prepared(frame.read(reader.picture_size)))
            turns.append(head_rotation(photo.eg3d_from_camera, avatar.person.rotation, _camera(frame)))
            if progress is not None:
                progress(number + 1, len(frames))
        still = still_motion(len(frames), float(DEFAULT_FRAME_RATE))
        motion = Motion(
            still.expression,
            torch.stack(turns),
            avatar.person.translation.expand(len(frames), 3),
            still.gaze,
            still.frame_rate,
            self.folder.name,
            torch.stack(expressions),
            still.expression,
        )
        moved = self.transfer(motion, avatar.person, is_free(model))
        return Driven(avatar, moved, video=self.folder)


def _camera(frame: Frame) -> Float[Tensor, "4 4"]:
    return frame.label()[:16].reshape(4, 4)


def _taker(network: AvatarModel, folder: Path) -> TakesPrepared:
    if not isinstance(network, TakesPrepared):
        raise InputError(
            f"{shown(folder)} is a folder, which only the official GOHA takes; give a photo or a video."
        )
    return network
