"""The contract of every avatar model: `encode` once a person, `render` once a clip."""

from collections.abc import Iterator
from typing import Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from cameo3d.values import Crop, Motion, Portrait
from cameo3d.values.portrait import Posed, Sight


@runtime_checkable
class Avatar(Posed, Protocol):
    """What every model's avatar tells of its person; the rest is the model's own.

    It is a frozen dataclass of tensors, so that `save_value` and `load_value` store it.
    """

    @property
    def photo(self) -> UInt8[Tensor, "height width 3"]:
        """The photo it was made from."""
        ...

    @property
    def crop(self) -> Crop:
        """The head-and-shoulders square in the photo."""
        ...

    @property
    def identity(self) -> Float[Tensor, " components"]:
        """Face shape in standard deviations of the shipped face model."""
        ...

    @property
    def sight(self) -> Sight:
        """What the photo does not show of the face."""
        ...

    @property
    def expression(self) -> Float[Tensor, "52"]:
        """ARKit weights of the photo's own expression."""
        ...


Person = TypeVar("Person", bound=Avatar)


@runtime_checkable
class AvatarModel(Protocol[Person]):
    """A way to make avatars and to draw them."""

    def encode(self, portrait: Portrait) -> Person:
        """Make a person's avatar from a portrait."""
        ...

    def render(
        self,
        avatar: Person,
        motion: Motion,
        view: Literal["crop", "photo"] = "crop",
        backdrop: UInt8[np.ndarray, "height width 3"] | None = None,
    ) -> Iterator[UInt8[np.ndarray, "height width 4"]]:
        """Yield the person in motion, frame by frame, in straight colours with alpha.

        `backdrop`, of the view's size, is what the caller will lay the frames over. A model that paints
        person and background together may do so and yield opaque frames; others leave it alone.
        """
        ...

    def background(
        self, avatar: Person, view: Literal["crop", "photo"] = "crop"
    ) -> UInt8[np.ndarray, "height width 3"]:
        """The photo's own background with the person taken out, at the size of the view."""
        ...

    def size(self, avatar: Person, view: Literal["crop", "photo"] = "crop") -> tuple[int, int]:
        """Width and height of a view's frames, pixels."""
        ...
