"""What a frame shows: where the crop lies in it, and which part of it moves."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from cameo3d.geometry.cameras import CROP_FOCAL
from cameo3d.geometry.compiled import compiled
from cameo3d.models.relief.avatar import ReliefAvatar


@dataclass(frozen=True)
class Viewport:
    """Where the crop lies in the output picture, and how large that picture is."""

    left: float
    top: float
    """Output pixels from the output's upper left corner to the crop's."""
    side: float
    """Output pixels across the crop."""
    width: int
    height: int

    def pixels(self, positions: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "points 2"]:
        """Project positions in the crop camera's axes to output pixels."""
        half, found = self.side / 2, np.empty((len(positions), 2), np.float32)
        _project(positions, CROP_FOCAL * self.side, self.left + half, self.top + half, found)
        return found


def background(avatar: ReliefAvatar, view: Viewport) -> UInt8[np.ndarray, "height width 3"]:
    """The photo without the person, as a view shows it."""
    window = Window(avatar, view)
    plate = window.resample(avatar.plate.numpy())
    return plate if window.is_whole else window.put(plate, avatar.person.photo.numpy().copy())


class Window:
    """The part of a view that the canvas fills."""

    def __init__(self, avatar: ReliefAvatar, view: Viewport) -> None:
        canvas, crop = avatar.canvas, avatar.person.crop
        self._scale = view.side / crop.side / canvas.scale
        self._left = view.left + (canvas.left - (crop.center_x - crop.side / 2)) * view.side / crop.side
        self._top = view.top + (canvas.top - (crop.center_y - crop.side / 2)) * view.side / crop.side
        side = canvas.side * self._scale
        self._columns = slice(max(0, math.ceil(self._left)), min(view.width, math.floor(self._left + side)))
        self._rows = slice(max(0, math.ceil(self._top)), min(view.height, math.floor(self._top + side)))
        width, height = self._columns.stop - self._columns.start, self._rows.stop - self._rows.start
        self.is_whole = (width, height) == (view.width, view.height)
        self.view = Viewport(
            view.left - self._columns.start, view.top - self._rows.start, view.side, width, height
        )
        # Where the window ends within the view, moving and still parts melt into each other.
        rows, columns = np.arange(height)[:, None] + 0.5, np.arange(width)[None] + 0.5
        edges = (
            (rows, self._rows.start > 0),
            (height - rows, self._rows.stop < view.height),
            (columns, self._columns.start > 0),
            (width - columns, self._columns.stop < view.width),
        )
        melt = np.ones((height, width, 1), np.float32)
        for distance, is_seam in edges:
            if is_seam:
                melt *= np.clip(distance / (0.03 * view.side), 0, 1)[..., None]
        self._melt = melt

    def resample(self, image: np.ndarray) -> np.ndarray:
        """Bring something of the canvas's size to the window."""
        scale = self._scale
        matrix = np.array(
            [
                [scale, 0, self._left - self._columns.start + (scale - 1) / 2],
                [0, scale, self._top - self._rows.start + (scale - 1) / 2],
            ]
        )
        size = (self.view.width, self.view.height)
        return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def put(self, image: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """Melt the window's picture into the whole one, in place."""
        part = whole[self._rows, self._columns]
        part[:] = np.rint(part + (image.astype(np.float32) - part) * self._melt)
        return whole

    def still(self, avatar: ReliefAvatar) -> np.ndarray:
        """The photo's own person, where nothing moves."""
        return np.dstack((avatar.person.photo.numpy(), avatar.person.matte.numpy()))


@compiled
def _project(positions, focal, x, y, found):
    for i in range(len(positions)):
        scale = focal / positions[i, 2]
        found[i, 0], found[i, 1] = positions[i, 0] * scale + x, positions[i, 1] * scale + y
