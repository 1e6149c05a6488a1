"""The photo, the driver and the result next to each other."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, repeat

import numpy as np
from jaxtyping import UInt8

from cameo3d.errors import InputError
from cameo3d.imaging.compose import compose
from cameo3d.imaging.contact_sheets import side_by_side, width_at
from cameo3d.imaging.framing import cut
from cameo3d.models.avatar import Performance, Staged
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


def staged(animation: Animation) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Yield photo, driver, everything the network made on the way, and the result, side by side.

    Raises:
        InputError: If the model has no such pictures, as the relief.
    """
    beside = repeat(None) if animation.driver is None else animation.driver_frames()
    return _staged(animation, _performance(animation), beside)


def staged_size(animation: Animation) -> tuple[int, int]:
    """Width and height of those frames in pixels; the first one is drawn to know.

    Raises:
        InputError: As `staged`.
    """
    height, width = next(staged(replace(animation, motion=animation.motion.part(0, 1)))).shape[:2]
    return width, height


def _staged(
    animation: Animation, performance: Performance, beside: Iterable[np.ndarray | None]
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    assert isinstance(performance, Staged), "checked before"
    assert animation.background is not None, "a comparison is opaque"
    photo, height = _photo(animation), animation.size[1]
    drawn = chain(performance.draw(animation.motion), performance.finish())
    for frame, driver in zip(drawn, beside, strict=False):
        pictures = [photo, *([] if driver is None else [driver]), *performance.stages().values()]
        streams = [[picture] for picture in (*pictures, compose(frame, animation.background))]
        yield from side_by_side(*streams, height=height)


def _performance(animation: Animation) -> Performance:
    performance = animation.network.perform(animation.avatar, animation.view, animation.background)
    if not isinstance(performance, Staged):
        raise InputError("The relief has no pictures on the way to show; use --compare without full.")
    return performance
