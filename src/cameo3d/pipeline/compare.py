"""The photo, the driver and the result next to each other."""

from collections.abc import Iterator
from itertools import repeat

import numpy as np
from jaxtyping import UInt8

from cameo3d.imaging.contact_sheets import side_by_side, width_at
from cameo3d.imaging.framing import cut
from cameo3d.pipeline.animation import Animation


def compared(animation: Animation) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Yield photo, driver (if a video drives it) and result side by side, all as high as the result."""
    streams = [repeat(_photo(animation)), iter(animation)]
    if animation.driver is not None:
        streams.insert(1, animation.driver_frames())
    return side_by_side(*streams, height=animation.size[1])


def compared_size(animation: Animation) -> tuple[int, int]:
    """Width and height of those frames in pixels."""
    height = animation.size[1]
    pictures = [_photo(animation)]
    if animation.driver is not None:
        pictures.append(next(animation.driver_frames()))
    return animation.size[0] + sum(width_at(picture, height) for picture in pictures), height


def _photo(animation: Animation) -> UInt8[np.ndarray, "height width 3"]:
    photo = animation.avatar.person.photo.numpy()
    if animation.part is not None:
        return cut(photo, animation.part, animation.size[0])
    if animation.view == "photo":
        return photo
    return cut(photo, animation.avatar.person.crop, animation.size[0])
