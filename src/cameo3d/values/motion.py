"""Motion: what a face does over time, apart from whose face it is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

_SIDED_EYE = ("eyeBlink", "eyeLookDown", "eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeSquint", "eyeWide")
BLENDSHAPES: tuple[str, ...] = (
    *(f"{name}Left" for name in _SIDED_EYE),
    *(f"{name}Right" for name in _SIDED_EYE),
    *("jawForward", "jawRight", "jawLeft", "jawOpen"),
    *("mouthClose", "mouthFunnel", "mouthPucker", "mouthRight", "mouthLeft"),
    *("mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight"),
    *("mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight"),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *("mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft", "mouthLowerDownRight"),
    *("mouthUpperUpLeft", "mouthUpperUpRight"),
    *("browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    *("cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut"),
)
"""ARKit's 52 blendshape names, in ARKit's order; left and right are the person's own."""


@dataclass(frozen=True)
class Motion:
    """Expression, head pose and gaze, frame by frame (see docs/conventions.md for axes and signs)."""

    expression: Float[Tensor, "frames 52"]
    """ARKit blendshape weights in [0, 1], in the order of `BLENDSHAPES`."""
    rotation: Float[Tensor, "frames 3"]
    """Head yaw, pitch and roll in radians."""
    translation: Float[Tensor, "frames 3"]
    """Head origin in the camera's axes, in metres."""
    gaze: Float[Tensor, "frames 2 2"]
    """Yaw and pitch in radians of the left, then the right eye against the head."""
    frame_rate: float
    """Frames a second."""
    source: str
    """Where the motion came from, for people to read."""
    basel: Float[Tensor, "frames 64"] | None = None
    """The same expression in coefficients of the Basel face model, where it was made from them; avatars that
    know them then take no detour over ARKit's weights. Motion files do not hold it."""
    basel_weights: Float[Tensor, "frames 52"] | None = None
    """ARKit's weights that `basel` stands for. What `expression` differs from them, such as a blink that was
    added, is added to `basel`; nothing is if this is None."""

    def __len__(self) -> int:
        return len(self.expression)

    def save(self, path: str | Path) -> None:
        """Write it to a motion file (.csv); see docs/conventions.md.

        Raises:
            OutputError: If it cannot be written there.
        """
        from cameo3d.values.motion_files import save_motion  # which builds on this module

        save_motion(self, Path(path))

    @staticmethod
    def load(path: str | Path) -> "Motion":
        """Read a motion file, our own or another tool's.

        Raises:
            InputError: If the file cannot be read as one.
        """
        from cameo3d.values.motion_files import load_motion  # which builds on this module

        return load_motion(Path(path))

    def frame(self, index: int) -> "Motion":
        """One frame of it, as a motion of one frame."""
        return self.part(index, index + 1)

    def part(self, start: int, end: int | None) -> "Motion":
        """The frames from `start` up to, but without, `end`."""
        part = slice(start, end)
        return Motion(
            self.expression[part],
            self.rotation[part],
            self.translation[part],
            self.gaze[part],
            self.frame_rate,
            self.source,
            None if self.basel is None else self.basel[part],
            None if self.basel_weights is None else self.basel_weights[part],
        )

    def settled(self) -> "Motion":
        """The same motion; what is changed in `expression` from now on is a change of `basel`, too."""
        return self if self.basel is None else replace(self, basel_weights=self.expression)


def joined(motions: Sequence[Motion]) -> Motion:
    """One motion after the other, at the frame rate and from the source of the first."""
    basels = [motion.basel for motion in motions if motion.basel is not None]
    weights = [motion.basel_weights for motion in motions if motion.basel_weights is not None]
    return replace(
        motions[0],
        expression=torch.cat([motion.expression for motion in motions]),
        rotation=torch.cat([motion.rotation for motion in motions]),
        translation=torch.cat([motion.translation for motion in motions]),
        gaze=torch.cat([motion.gaze for motion in motions]),
        basel=torch.cat(basels) if len(basels) == len(motions) else None,
        basel_weights=torch.cat(weights) if len(weights) == len(motions) else None,
    )


def still_motion(frame_count: int, frame_rate: float = 25.0, distance: float = 1.0) -> Motion:
    """A neutral face that looks straight into the crop camera."""
    translation = torch.zeros(frame_count, 3)
    translation[:, 2] = distance
    zero = torch.zeros(frame_count, 3)
    return Motion(
        torch.zeros(frame_count, 52), zero, translation, torch.zeros(frame_count, 2, 2), frame_rate, "still"
    )
