"""What the measuring of avatars is made of: measures, what meters see, and what they tell."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8

TestProtocol = Literal["reconstruction", "self", "cross", "voice", "free-view"]
"""What is asked of a model: the photo itself, its own clip, another person's clip, a voice, other views."""

Picture = UInt8[np.ndarray, "height width 3"]


@dataclass(frozen=True)
class Measure:
    """What a figure is; two figures compare only where all of it agrees. "none" says that it has none."""

    name: str
    """With the network in brackets where the name alone stands for a paper's network: `csim[dlib]`."""
    unit: str
    better: Literal["lower", "higher", "near"]
    """`near`: as near the real clip's figure (`Figures.reference`) as can be."""
    network: str
    crop: str
    resolution: str
    mask: str
    normalisation: str
    """Ranges of values, what differences are divided by, and over what means are taken."""


@dataclass(frozen=True)
class SeenFace:
    """What our tracker sees in one frame."""

    landmarks: Float32[np.ndarray, "478 3"]
    """Face mesh and irises in pixels of the frame."""
    expression: Float32[np.ndarray, "52"]
    """ARKit weights in [0, 1], in the order of `BLENDSHAPES`."""
    rotation: Float32[np.ndarray, "3"]
    """Yaw, pitch and roll in radians."""


@dataclass(frozen=True)
class Moment:
    """One frame of a clip."""

    output: Picture
    truth: UInt8[np.ndarray, "true_height true_width 3"] | None
    """What the output should look like, pixel for pixel and so of its size; None where nobody knows that."""
    output_face: SeenFace | None
    """None where no face was seen."""
    driver_face: SeenFace | None
    """The face whose motion is wanted, in pixels of its own frame: the truth's, if there is one."""
    driver: UInt8[np.ndarray, "driver_height driver_width 3"] | None = None
    """The driver's frame, where it is not the truth."""


@dataclass(frozen=True)
class Case:
    """What stays the same over a clip."""

    photo: Picture
    photo_face: SeenFace | None
    frame_rate: float
    sound: Path | None
    """File with the sound that belongs to the frames, from the first one on."""


@dataclass(frozen=True)
class Figures:
    """What a meter has found over a clip. All numbers are finite."""

    value: float | None
    """None where the measure does not apply, or its network is missing."""
    why: str = ""
    """Why there is no value."""
    per_frame: list[float | None] | None = None
    """For plots, where the measure has a value for each frame; None for frames that show no face."""
    reference: float | None = None
    """What the real clip has, of measures that should be near it."""


@runtime_checkable
class Meter(Protocol):
    """Measures one clip; its memory grows by a few numbers a frame only."""

    measure: Measure

    def add(self, moment: Moment) -> None:
        """Look at the next frame."""
        ...

    def figures(self) -> Figures:
        """What was found, after the last frame."""
        ...


@dataclass(frozen=True)
class FeatureSets:
    """Rows that carry mean and covariance of features of pictures (`metrics.clouds`), small to store."""

    output: Float32[np.ndarray, "rows columns"]
    real: Float32[np.ndarray, "rows_real columns"]


@runtime_checkable
class SetMeter(Protocol):
    """Measures many clips together: it gathers what `figures_of_sets` joins after the last clip."""

    measure: Measure
    why: str
    """Why it cannot be measured; empty if it can."""

    def add(self, moment: Moment) -> None:
        """Look at the next frame."""
        ...

    def sets(self) -> FeatureSets:
        """What was gathered from this clip."""
        ...
