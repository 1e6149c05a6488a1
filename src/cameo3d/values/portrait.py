"""Person and Portrait: what is known about one photo of one person."""

from dataclasses import dataclass
from typing import Annotated

from jaxtyping import Float, UInt8
from torch import Tensor

from cameo3d.values.limits import Within

TURNS, PLACES, GAZES = Within(-3.2, 3.2), Within(-3.0, 3.0), Within(-1.6, 1.6)
"""Radians, metres, radians; what a file may say of a head and of its eyes."""
WEIGHTS, COMPONENTS = Within(-0.01, 1.01), Within(-50.0, 50.0)
"""ARKit's weights, and standard deviations of identity."""


@dataclass(frozen=True)
class Crop:
    """An upright square of a picture, in pixels of that picture; it may reach over the border."""

    center_x: Annotated[float, Within(-1e4, 1e4)]
    center_y: Annotated[float, Within(-1e4, 1e4)]
    side: Annotated[float, Within(1, 1e5)]


@dataclass(frozen=True)
class Sight:
    """What a photo does not show of a face, each from 0, surely shown, to 1, surely not."""

    left_covered: Annotated[float, Within(0, 1)] = 0.0
    right_covered: Annotated[float, Within(0, 1)] = 0.0
    """Whether something hides an eye: a dark lens, a hand, hair, the photo's border."""
    left_shut: Annotated[float, Within(0, 1)] = 0.0
    right_shut: Annotated[float, Within(0, 1)] = 0.0
    """Whether its lids are too low to show the eye."""
    mouth_covered: Annotated[float, Within(0, 1)] = 0.0
    """Whether something hides the lips: a mask, a scarf, a microphone, a hand."""
    tongue_out: Annotated[float, Within(0, 1)] = 0.0

    @property
    def covered_eyes(self) -> tuple[bool, bool]:
        """Whether the left and the right eye count as covered."""
        return self.left_covered > COVERED, self.right_covered > COVERED

    @property
    def shut_eyes(self) -> tuple[bool, bool]:
        """Whether the left and the right eye count as shut; never what is covered."""
        left, right = self.covered_eyes
        return not left and self.left_shut > SHUT, not right and self.right_shut > SHUT

    @property
    def still_mouth(self) -> bool:
        """Whether the mouth counts as covered, or the tongue as out."""
        return self.mouth_covered > COVERED or self.tongue_out > TONGUE


COVERED, SHUT, TONGUE = 0.5, 0.4, 0.85
"""From how sure on something counts as covered, as shut, and a tongue as out: shouts show theirs, too."""


@dataclass(frozen=True)
class Person:
    """Who is in a photo, and how: what every portrait and every avatar has."""

    photo: UInt8[Tensor, "height width 3"]
    """The picture, upright, RGB, long side at most 1920."""
    matte: UInt8[Tensor, "height width"]
    """How much of each pixel belongs to the person, from 0 to 255."""
    crop: Crop
    """EG3D's head-and-shoulders square in the photo; the crop camera over it sees the pose below."""
    identity: Annotated[Float[Tensor, " components"], COMPONENTS]
    """Face shape in standard deviations of the shipped face model."""
    expression: Annotated[Float[Tensor, "52"], WEIGHTS]
    """ARKit weights of the photo's own expression."""
    rotation: Annotated[Float[Tensor, "3"], TURNS]
    """Head yaw, pitch and roll in radians."""
    translation: Annotated[Float[Tensor, "3"], PLACES]
    """Head origin in the crop camera's axes, in metres."""
    gaze: Annotated[Float[Tensor, "2 2"], GAZES]
    """Yaw and pitch in radians of the left, then the right eye, relative to the head."""
    sight: Sight = Sight()
    """What the photo does not show of the face."""


LEAST_METRES = 0.3
"""Nothing of a person is nearer to the camera."""


@dataclass(frozen=True)
class Portrait:
    """One photo with its face found, fitted and cut out. Coordinates are pixels of the photo."""

    person: Person
    matte: Float[Tensor, "height width"]
    """How much of each pixel belongs to the person, in [0, 1], not rounded."""
    landmarks: Float[Tensor, "478 3"]
    """MediaPipe's face mesh and irises in pixels; z in the unit of x, smaller is nearer."""
    edges: Float[Tensor, "478 3"]
    """The same with the lips' landmarks where an open mouth's lips truly end, off teeth and tongue."""
    glasses: UInt8[Tensor, "height width 2"] | None = None
    """How surely each pixel is a rim, and a lens, up to 255; None without glasses."""
