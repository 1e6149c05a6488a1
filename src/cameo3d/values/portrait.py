"""Portrait: everything that is known about one photo of one person."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float, UInt8
from torch import Tensor


@dataclass(frozen=True)
class Crop:
    """An upright square of a picture, in pixels of that picture; it may reach over the border."""

    center_x: float
    center_y: float
    side: float


@dataclass(frozen=True)
class Portrait:
    """One photo with its face found, fitted and cut out. Coordinates are pixels of `photo`."""

    photo: UInt8[Tensor, "height width 3"]
    """The picture, upright, RGB, long side at most 1920."""
    crop: Crop
    """The EG3D head-and-shoulders square; the head pose below is seen by `crop_camera()` over it."""
    matte: Float[Tensor, "height width"]
    """How much of each pixel belongs to the person, in [0, 1]."""
    landmarks: Float[Tensor, "478 3"]
    """MediaPipe's face mesh and irises in pixels; z in the unit of x, smaller is nearer."""
    identity: Float[Tensor, " components"]
    """Face shape in standard deviations of the shipped face model."""
    expression: Float[Tensor, "52"]
    """ARKit weights of the photo's own expression."""
    rotation: Float[Tensor, "3"]
    """Head yaw, pitch and roll in radians."""
    translation: Float[Tensor, "3"]
    """Head origin in the crop camera's axes, in metres."""
    gaze: Float[Tensor, "2 2"]
    """Yaw and pitch in radians of the left, then the right eye against the head."""


@runtime_checkable
class Posed(Protocol):
    """Whatever knows how the person looks in the photo: a portrait or an avatar."""

    @property
    def rotation(self) -> Float[Tensor, "3"]:
        """Head yaw, pitch and roll in radians."""
        ...

    @property
    def translation(self) -> Float[Tensor, "3"]:
        """Head origin in the crop camera's axes, in metres."""
        ...

    @property
    def gaze(self) -> Float[Tensor, "2 2"]:
        """Yaw and pitch in radians of the left, then the right eye against the head."""
        ...
