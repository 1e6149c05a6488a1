"""GOHA's prepared data: `<clip>/images/*.png`, `<clip>/matting/*.png`, and cameras in `<clip>/dataset.json`.

Pictures are EG3D's crop of 512 pixels; mattes have 8 bits and the picture's name; a camera is 25 numbers:
world from camera row by row, then the intrinsics over the picture's side, without EG3D's offset of the head.
"""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.errors import InputError
from cameo3d.media.files import shown
from cameo3d.media.images import read_image

LABEL = 25
"""Numbers of a camera."""


@runtime_checkable
class Frame(Protocol):
    """One prepared picture, wherever it lies."""

    @property
    def camera(self) -> tuple[float, ...]:
        """World from camera and intrinsics, row by row."""
        ...

    def read(self, size: int = 512) -> Float[Tensor, "3 {size} {size}"]:
        """The person over black, in [-1, 1]."""
        ...

    def label(self) -> Float[Tensor, "25"]:
        """The camera's numbers."""
        ...


@runtime_checkable
class FacedFrame(Frame, Protocol):
    """A picture that may know how the shipped face model lies over it."""

    def face(self) -> tuple[Tensor, Tensor, Tensor, Tensor] | None:
        """Identity, expression, Deep3D's angles and translation."""
        ...


@dataclass(frozen=True)
class GohaFrame:
    """One prepared picture, still in its files."""

    image: Path
    matte: Path
    camera: tuple[float, ...]

    def read(self, size: int = 512) -> Float[Tensor, "3 {size} {size}"]:
        """The person over black, in [-1, 1]; the matte multiplies bytes without rounding, as in the release.

        Raises:
            InputError: If a file is missing or broken, or matte and picture differ in size.
        """
        picture, matte = read_image(self.image), read_image(self.matte)[..., 0]
        if picture.shape[:2] != matte.shape:
            raise InputError(
                f"{shown(self.matte)} has another size than {shown(self.image)}; prepare the clip again."
            )
        over_black = picture.astype(np.float32) * (matte[..., None] / np.float32(255))
        tensor = torch.from_numpy(over_black).permute(2, 0, 1)[None] / 127.5 - 1
        if tensor.shape[-1] != size:
            tensor = torch.nn.functional.interpolate(tensor, (size, size), mode="bilinear", antialias=True)
        return tensor[0]

    def label(self) -> Float[Tensor, "25"]:
        """The camera's numbers."""
        return torch.tensor(self.camera)


@dataclass(frozen=True)
class GohaClip:
    """Prepared frames of one person."""

    name: str
    frames: tuple[Frame, ...]


def read_clips(folder: Path) -> list[GohaClip]:
    """All prepared clips of a folder, by name; the folder may be one clip itself.

    Raises:
        InputError: If there is none, or one has labels that cannot be read, or names files that are missing.
    """
    if not folder.is_dir():
        raise InputError(f"{shown(folder)} is no folder; give the one that holds prepared clips.")
    found = [folder] if (folder / "dataset.json").is_file() else sorted(folder.iterdir())
    clips = [_read_clip(path) for path in found if (path / "dataset.json").is_file()]
    if not clips:
        raise InputError(
            f"{shown(folder)} holds no clip with images, matting and dataset.json; prepare it first."
        )
    return clips


def prepared_frames(folder: Path) -> list[GohaFrame]:
    """The pictures of a folder's first clip, in their files.

    Raises:
        InputError: As `read_clips`.
    """
    frames = read_clips(folder)[0].frames
    return [frame for frame in frames if isinstance(frame, GohaFrame)]


def _in_order(row: tuple[str, object]) -> list[tuple[int, str]]:
    """Numbers within names count as numbers, as in the release: 2.png is before 10.png."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", row[0])]


def _read_clip(folder: Path) -> GohaClip:
    path = folder / "dataset.json"
    try:
        labels = json.loads(path.read_text("utf8"))["labels"]
        rows = [(str(name), tuple(float(x) for x in numbers)) for name, numbers in labels]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{shown(path)} holds no labels of cameras; prepare the clip again.") from error
    frames = []
    for name, numbers in sorted(rows, key=_in_order):
        if Path(name).name != name or len(numbers) != LABEL or not all(map(math.isfinite, numbers)):
            raise InputError(f"{shown(path)} has a strange label for {name!r}; prepare the clip again.")
        frame = GohaFrame(folder / "images" / name, folder / "matting" / name, numbers)
        absent = next((file for file in (frame.image, frame.matte) if not file.is_file()), None)
        if absent is not None and "_mirror" not in name:
            raise InputError(
                f"{shown(absent)} is missing, but dataset.json names it; prepare the clip again."
            )
        # EG3D's preparation also writes mirrored copies, which GOHA leaves out.
        if "_mirror" not in name:
            frames.append(frame)
    if not frames:
        raise InputError(f"{shown(path)} names no picture; prepare the clip again.")
    return GohaClip(folder.name, tuple(frames))
