"""Animation: a person in motion, drawn frame by frame, and written to a file."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from cameo3d.imaging.compose import compose
from cameo3d.imaging.framing import cut, soften
from cameo3d.media.encoders import Encoder, choose_encoder
from cameo3d.media.images import read_image
from cameo3d.media.video import FrameFolderWriter, VideoWriter, codec_for, read_frames
from cameo3d.models.avatar import Avatar, AvatarModel, OnDevice, View, render
from cameo3d.models.kinds import label_of
from cameo3d.pipeline.shots import Shots
from cameo3d.provenance.disclosure import FULL_DISCLOSURE, Disclosure
from cameo3d.provenance.origin import Origin, origin_of
from cameo3d.provenance.writing import plain_tag, write_frames
from cameo3d.values import Crop, Motion, Person
from cameo3d.values.goha_folders import prepared_frames

CROP_SIZE = 512
"""Pixels across a driver's head and shoulders."""


@dataclass(frozen=True)
class Animation:
    """A person in motion. Iterating draws one frame after the other; it can be iterated again."""

    network: AvatarModel
    """What draws it."""
    avatar: Avatar
    motion: Motion
    view: View
    background: UInt8[np.ndarray, "height width 3"] | None
    """What stands behind the person; None leaves it transparent."""
    driver: Path | None = None
    """The video that drives it, or a folder of pictures prepared with GOHA's program."""
    driver_shots: Shots | None = None
    """Where the driver's head and shoulders are in each of its shots."""
    audio: Path | None = None
    """The file whose sound belongs to it: in step with the driver's pictures, or all of it."""
    part: Crop | None = None
    """The square of the view that the frames show; None for all of it."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a frame in pixels."""
        if self.part is not None:
            return self.network.size(self.avatar, "crop")
        return self.network.size(self.avatar, self.view)

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.motion.frame_rate

    def __len__(self) -> int:
        return len(self.motion)

    def __iter__(self) -> Iterator[UInt8[np.ndarray, "height width channels"]]:
        for frame in render(self.network, self.avatar, self.motion, self.view, self.background):
            shown = frame if self.background is None else compose(frame, self.background)
            yield shown if self.part is None else _cut_out(shown, self.part, self.size[0])

    def driver_frames(self) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        """The driver's own frames: its head and shoulders, or all of it, as `view` says.

        Raises:
            ValueError: If no video drives it.
        """
        if self.driver is None:
            raise ValueError("This animation has no driving video.")
        shots = None if self.view == "photo" and self.part is None else self.driver_shots
        if self.driver.is_dir():
            pictures = (read_image(frame.image) for frame in prepared_frames(self.driver))
        else:
            pictures = read_frames(self.driver, self.frame_rate)
        for index, frame in enumerate(pictures):
            yield frame if shots is None else cut(frame, shots.crop_at(index), CROP_SIZE)

    def save(
        self,
        path: str | Path,
        overwrite: bool = False,
        progress: Callable[[int, int], None] | None = None,
        disclosure: Disclosure = FULL_DISCLOSURE,
        encoder: Encoder = "auto",
    ) -> bool:
        """Draw all frames and write them, with the sound, to a video that says that it is generated.

        Args:
            path: .mp4, .mov or .webm; where the background is transparent .mov, .webm, or a folder.
            overwrite: Whether what is there may be replaced.
            progress: Called after each frame with how many are done, and of how many.
            disclosure: How it says so: by an invisible mark, by signed credentials, by a badge.
            encoder: What writes H.264, see `choose_encoder`.

        Returns:
            False if it should have been signed and is not; the reason is logged.

        Raises:
            OutputError: If it cannot be written there; nothing is left half written.
        """
        files = {"voice": self.audio} if self.audio else {}
        if self.driver is not None:
            files = {"video": self.driver} if self.driver.is_file() else {}
        origin = origin_of(label_of(self.avatar), 0, **files)
        frames = self if progress is None else _told(self, progress)
        return write_animation(self, frames, self.size, Path(path), overwrite, origin, disclosure, encoder)


def write_animation(
    animation: Animation,
    frames: Iterable[np.ndarray],
    size: tuple[int, int],
    path: Path,
    overwrite: bool,
    origin: Origin,
    disclosure: Disclosure,
    encoder: Encoder = "auto",
) -> bool:
    """Write frames made of an animation with its sound; see `Animation.save`.

    Args:
        animation: Whose sound and frame rate they have.
        frames: RGB bytes, with alpha if the animation's background is transparent.
        size: Their width and height.
        path: File or folder.
        overwrite: Whether what is there may be replaced.
        origin: From what they were made.
        disclosure: How they say that they are generated.
        encoder: What writes H.264, see `choose_encoder`.

    Raises:
        OutputError: If it cannot be written there, or the encoder is not here.
    """
    network = animation.network
    on_gpu = isinstance(network, OnDevice) and network.device.type == "cuda"
    chosen = choose_encoder(encoder, on_gpu)
    transparent, tag = animation.background is None, plain_tag(disclosure)
    if transparent and not path.suffix:
        writer = FrameFolderWriter(path, overwrite, tag)
    else:
        codec = codec_for(path, transparent)
        early = animation.driver is None
        writer = VideoWriter(
            path, size, animation.frame_rate, animation.audio, codec, overwrite, tag, early, chosen
        )
    return write_frames(writer, frames, origin, disclosure)


def scaled_crop(person: Person, scale: float) -> Crop:
    """A person's crop, larger or smaller about its middle, moved into the photo and no larger than that."""
    height, width = person.photo.shape[:2]
    side = min(person.crop.side * scale, float(width), float(height))
    x, y = (
        min(max(center, side / 2), length - side / 2)
        for center, length in ((person.crop.center_x, width), (person.crop.center_y, height))
    )
    return Crop(x, y, side)


def _cut_out(
    frame: UInt8[np.ndarray, "height width channels"], part: Crop, size: int
) -> UInt8[np.ndarray, "size size channels"]:
    """A square of a frame at `size` pixels; colours are weighted by their alpha."""
    if frame.shape[-1] == 3:
        return cut(soften(frame, size / part.side), part, size, "cubic", "edge")
    alpha = frame[..., 3:] / np.float32(255)
    weighted = np.concatenate((frame[..., :3] * alpha, alpha), -1).astype(np.float32)
    weighted = cut(soften(weighted, size / part.side), part, size, "linear", "edge")
    colors = weighted[..., :3] / np.maximum(weighted[..., 3:], 1e-6)
    return np.rint(np.concatenate((colors, weighted[..., 3:] * 255), -1).clip(0, 255)).astype(np.uint8)


def _told(animation: Animation, progress: Callable[[int, int], None]) -> Iterator[np.ndarray]:
    for count, frame in enumerate(animation, 1):
        yield frame
        progress(count, len(animation))
