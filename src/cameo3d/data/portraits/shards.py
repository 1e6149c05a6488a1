"""Shards: one prepared clip or photo a file, pictures as JPEG and PNG bytes, all else as tensors.

A safetensors file holds for `pictures`, `classes` and `mattes` the bytes of all frames, one after the other,
and where each ends (`pictures.ends` ...); its metadata is one JSON text, `about`.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from cameo3d.errors import InputError
from cameo3d.media.files import replacing, shown

_JPEG_QUALITY = 92
_FORMAT = 1
_MOTION = ("identity", "expression", "euler", "translation")


@dataclass(frozen=True)
class About:
    """What a shard says about itself."""

    name: str
    person: str
    """Who is seen; shards are split into training and validation by it."""
    validation: bool
    face: str
    """Whose coefficients they are: "basel" or "shipped"."""
    size: int
    """Side of all pictures in pixels."""
    frame_rate: float = 25.0
    origin: str = ""
    """Where it comes from: a data set, or "synthesised"."""
    licence: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Clip:
    """A prepared clip before it is written; a photo is a clip of one frame."""

    about: About
    pictures: Sequence[UInt8[np.ndarray, "size size 3"]]
    classes: Sequence[UInt8[np.ndarray, "size size"]]
    """Index of the class of each pixel: background, hair, body skin, face skin, clothes, others."""
    mattes: Sequence[UInt8[np.ndarray, "size size"]]
    """How much is the person, 0 to 255."""
    background: UInt8[np.ndarray, "size size 3"]
    """Merged over the clip, without the person."""
    identity: Float[Tensor, " components"]
    expression: Float[Tensor, "frames coefficients"]
    euler: Float[Tensor, "frames 3"]
    """Deep3D's angles, radians."""
    translation: Float[Tensor, "frames 3"]
    """Deep3D's, decimetres."""
    landmarks: Float[Tensor, "frames 478 3"]
    """MediaPipe's, in pixels of the pictures."""
    others: dict[str, Tensor] = field(default_factory=dict)
    """More, by name: `sound` (16 kHz, int16), `speech` (HuBERT), `pitch` (hertz) ..."""


def write_shard(clip: Clip, path: Path) -> None:
    """Write a clip to a file, under a temporary name first.

    Raises:
        OutputError: If it cannot be written there.
    """
    tensors = {name: getattr(clip, name).float() for name in _MOTION}
    tensors["landmarks"] = clip.landmarks.float()
    tensors |= clip.others
    pictures = {"pictures": clip.pictures, "classes": clip.classes, "mattes": clip.mattes}
    for name, images in {**pictures, "background": [clip.background]}.items():
        encoded = [_encoded(image) for image in images]
        tensors[name] = torch.from_numpy(np.concatenate(encoded))
        tensors[f"{name}.ends"] = torch.tensor([len(x) for x in encoded]).cumsum(0)
    about = {"format": _FORMAT, **asdict(clip.about)}
    with replacing(path) as temporary:
        save_file(
            {name: x.contiguous() for name, x in tensors.items()}, temporary, {"about": json.dumps(about)}
        )


class Shard:
    """A shard that is read where it is needed: pictures frame by frame.

    Args:
        path: The file.

    Raises:
        InputError: If it is damaged or no shard.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with safe_open(path, "pt") as file:
                about = json.loads((file.metadata() or {})["about"])
                if about.pop("format") != _FORMAT:
                    raise InputError(f"{shown(path)} has another format; prepare it again.")
                self.about = About(**about)
                self._names = set(file.keys())
                self.length = file.get_slice("expression").get_shape()[0]
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{shown(path)} is damaged or no shard; prepare it again.") from error

    def __len__(self) -> int:
        return self.length

    def has(self, name: str) -> bool:
        """Whether it holds a tensor of that name."""
        return name in self._names

    def tensor(self, name: str) -> Tensor:
        """One of its tensors."""
        with safe_open(self.path, "pt") as file:
            return file.get_tensor(name)

    def picture(self, frame: int) -> UInt8[np.ndarray, "size size 3"]:
        """The picture of a frame."""
        return self._image("pictures", frame)

    def classes(self, frame: int) -> UInt8[np.ndarray, "size size"]:
        """The class of each pixel of a frame."""
        return self._image("classes", frame)

    def matte(self, frame: int) -> UInt8[np.ndarray, "size size"]:
        """How much of each pixel is the person, 0 to 255."""
        return self._image("mattes", frame)

    @property
    def background(self) -> UInt8[np.ndarray, "size size 3"]:
        """What is behind the person."""
        return self._image("background", 0)

    @cached_property
    def motion(self) -> dict[str, Tensor]:
        """Identity, and expression, euler and translation of all frames."""
        with safe_open(self.path, "pt") as file:
            return {name: file.get_tensor(name) for name in _MOTION}

    @cached_property
    def cameras(self) -> Float[Tensor, "frames 25"] | None:
        """EG3D's cameras of all frames, where they are known and not measured."""
        return self.tensor("cameras") if self.has("cameras") else None

    def _image(self, name: str, frame: int) -> np.ndarray:
        with safe_open(self.path, "np") as file:
            ends = file.get_tensor(f"{name}.ends")
            first = int(ends[frame - 1]) if frame else 0
            content = file.get_slice(name)[first : int(ends[frame])]
        flag = cv2.IMREAD_GRAYSCALE if name in ("classes", "mattes") else cv2.IMREAD_COLOR_RGB
        image = cv2.imdecode(content, flag)
        if image is None:
            raise InputError(f"{shown(self.path)} holds a picture that cannot be decoded; prepare it again.")
        return image


def open_shards(folder: Path, validation: bool = False) -> list[Shard]:
    """All shards of a folder for training, or those of the people held out.

    Raises:
        InputError: If there is none, or one is damaged.
    """
    shards = [Shard(path) for path in sorted(folder.glob("*.safetensors"))]
    chosen = [shard for shard in shards if shard.about.validation == validation]
    if not chosen:
        kind = "for validation" if validation else "to learn from"
        raise InputError(f"{shown(folder)} holds no shard {kind}; make some with `cameo3d data prepare`.")
    return chosen


def _encoded(image: np.ndarray) -> np.ndarray:
    if image.ndim == 2:
        return cv2.imencode(".png", image)[1].reshape(-1)
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    return cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)[1].reshape(-1)
