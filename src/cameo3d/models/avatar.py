"""The contract of avatar models: `encode` once a person, `perform` once a clip, `draw` chunk by chunk."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from cameo3d.blocks.pictures import Picture
from cameo3d.errors import InputError
from cameo3d.values import Motion, Person, Portrait
from cameo3d.values.mesh import Mesh
from cameo3d.values.storage import save_value

View = Literal["crop", "photo"]
"""The head-and-shoulders square at the model's size, or the person within the whole photo at its own size."""
Frames = Iterator[UInt8[np.ndarray, "height width 4"]]
"""Straight colours with alpha, one frame after the other."""


@dataclass(frozen=True)
class Avatar:
    """One person, ready to be drawn. Each model adds its own tensors."""

    person: Person
    """Who it is, and how the photo shows them."""

    def save(self, path: str | Path) -> None:
        """Write it to a file, usually named .avatar; `Avatar.load` reads it.

        Raises:
            OutputError: If it cannot be written there.
        """
        save_value(self, Path(path))

    @staticmethod
    def load(path: str | Path) -> "Avatar":
        """Read an avatar of any model from a file.

        Raises:
            InputError: If the file is damaged or holds no avatar.
        """
        from cameo3d.models.kinds import load_avatar  # the models build on this module

        return load_avatar(Path(path))


Kind = TypeVar("Kind", bound=Avatar)


@runtime_checkable
class Performance(Protocol):
    """One clip on its way through a model: motion goes in chunk by chunk, frames come out in order."""

    @property
    def look_ahead(self) -> int:
        """Frames of motion that must be known after a frame before it is drawn."""
        ...

    def draw(self, motion: Motion) -> Frames:
        """Take in more motion, and draw the frames that it completes. How it is cut changes no frame."""
        ...

    def finish(self) -> Frames:
        """Draw the frames that are left when the motion has ended."""
        ...


@runtime_checkable
class Staged(Protocol):
    """A performance that shows what it did for the frame that it gave last."""

    def stages(self) -> dict[str, Picture]:
        """Square pictures by name, in the order in which they are made."""
        ...


@runtime_checkable
class OnDevice(Protocol):
    """A model whose networks may be on a GPU."""

    @property
    def device(self) -> torch.device:
        """Where they compute."""
        ...


@runtime_checkable
class Sculpted(Protocol):
    """A model whose avatars have a surface."""

    def mesh(self, avatar: Any, resolution: int, level: float) -> Mesh:
        """The person's surface, with the expression of the photo.

        Args:
            avatar: Who is drawn.
            resolution: Points along each side of the cube of a network; of a relief, corners along its crop.
            level: Density before its activation at which a network's field is cut; a relief has none.
        """
        ...


@runtime_checkable
class AvatarModel(Protocol[Kind]):
    """A way to make avatars and to draw them."""

    def encode(self, portraits: Sequence[Portrait]) -> Kind:
        """Make a person's avatar from one or more portraits of them; the first one gives pose and background.

        Raises:
            InputError: If the model takes fewer portraits than were given.
        """
        ...

    def perform(
        self, avatar: Kind, view: View = "crop", backdrop: UInt8[np.ndarray, "height width 3"] | None = None
    ) -> Performance:
        """Begin a clip.

        Args:
            avatar: Who is drawn.
            view: What the frames show.
            backdrop: What the caller will lay the frames over, at the view's size. A model that paints person
                and background together then yields opaque frames; others leave it alone.
        """
        ...

    def background(self, avatar: Kind, view: View = "crop") -> UInt8[np.ndarray, "height width 3"]:
        """The photo's own background without the person, at the size of the view."""
        ...

    def size(self, avatar: Kind, view: View = "crop") -> tuple[int, int]:
        """Width and height of a view's frames, in pixels."""
        ...


def render(
    model: AvatarModel[Kind],
    avatar: Kind,
    motion: Motion,
    view: View = "crop",
    backdrop: UInt8[np.ndarray, "height width 3"] | None = None,
) -> Frames:
    """Draw a whole motion, frame by frame."""
    performance = model.perform(avatar, view, backdrop)
    yield from performance.draw(motion)
    yield from performance.finish()


def check_shapes(tensors: Mapping[str, tuple[Tensor, tuple[int, ...]]]) -> None:
    """Make sure that parts of an avatar, which may come from a file, fit the network that draws it.

    Args:
        tensors: By name, each with the shape that the network takes.

    Raises:
        InputError: If one does not.
    """
    for name, (tensor, shape) in tensors.items():
        if tensor.shape != shape:
            found, wanted = ("x".join(map(str, sizes)) for sizes in (tensor.shape, shape))
            raise InputError(
                f"The avatar does not fit its model: {name} is {found}, not {wanted}; make it again."
            )
