"""How much change a place of a picture hides, and how much a place tells about the mark."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from cameo3d.provenance.pattern import GRID

_BLUR = 1.5  # of the grid's pixels; what is finer is texture
_QUIET = 0.7  # grey levels of texture below which a place counts as flat when it is marked
_NOISE = 1.2  # grey levels that codecs leave anywhere
_HIDING = 0.7  # the change grows with this power of the texture
_MOST_ROOM = 3.5  # beyond, a place takes more power than it tells
# A place is as quiet as the quietest one this near, so that edges get no halo.
_INSIDE = np.ones((7, 7), np.uint8)


@dataclass(frozen=True)
class Masks:
    """What the mark knows about one picture, on the grid."""

    evened: Float32[np.ndarray, "rows columns"]
    """The picture's texture, divided by how strong texture is around."""
    evenness: Float32[np.ndarray, "rows columns"]
    """By what it was divided, as a factor: evened units a grey level."""
    room: Float32[np.ndarray, "rows columns"]
    """Grey levels by which a mark of size one may change the place."""


def small_luma(frame: UInt8[np.ndarray, "height width channels"]) -> Float32[np.ndarray, "rows columns"]:
    """Luma of a frame on the grid, in grey levels; what is transparent is black."""
    gray = cv2.cvtColor(frame, cv2.COLOR_RGBA2GRAY if frame.shape[2] == 4 else cv2.COLOR_RGB2GRAY)
    gray = gray.astype(np.float32)
    if frame.shape[2] == 4:
        gray *= frame[..., 3] * np.float32(1 / 255)
    return cv2.resize(gray, (GRID, GRID), interpolation=cv2.INTER_AREA)


def even_texture(luma: Float32[np.ndarray, "rows columns"]) -> Float32[np.ndarray, "rows columns"]:
    """Texture as strong everywhere, so that no edge drowns the mark; all that a reader of the mark needs."""
    texture = luma - _blurred(luma, _BLUR)
    return texture * _evenness(texture)


def masks_of(luma: Float32[np.ndarray, "rows columns"]) -> Masks:
    """All that marking a picture needs."""
    texture = luma - _blurred(luma, _BLUR)
    evenness = _evenness(texture)
    inner = _blurred(cv2.erode(_blurred(texture * texture, 1.2), _INSIDE), 1.0)
    room = np.minimum(cv2.pow(inner + np.float32(_QUIET**2), _HIDING / 2), np.float32(_MOST_ROOM))
    return Masks(texture * evenness, evenness, room)


def _evenness(texture: Float32[np.ndarray, "rows columns"]) -> Float32[np.ndarray, "rows columns"]:
    return cv2.pow(_blurred(texture * texture, 2.0) + np.float32(_NOISE**2), -0.5)


def _blurred(
    values: Float32[np.ndarray, "rows columns"], sigma: float
) -> Float32[np.ndarray, "rows columns"]:
    return cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
