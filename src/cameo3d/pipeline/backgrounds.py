"""What stands behind a person: the photo's own background, a colour, a picture, or nothing."""

import re
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import ImageColor

from cameo3d.errors import InputError
from cameo3d.media.files import shown
from cameo3d.media.images import read_image

MAX_PHOTO_SIDE = 1920
"""Larger photos and backgrounds are scaled down to this, in pixels."""

Background = UInt8[np.ndarray, "_ _ 3"] | Literal["keep"] | None
"""A picture of any size, "keep" for the photo's own, or None for transparent."""


def read_background(background: str | Path) -> Background:
    """Read what a user asked for.

    Args:
        background: "keep", "transparent", a colour as "#rrggbb" or by its name in CSS, or a picture file.

    Raises:
        InputError: If the colour or the file cannot be read.
    """
    text = str(background)
    if text == "keep":
        return "keep"
    if text == "transparent":
        return None
    if re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        return np.frombuffer(bytes.fromhex(text[1:]), np.uint8).reshape(1, 1, 3)
    if text.lower() in ImageColor.colormap:
        return np.array(ImageColor.getrgb(text), np.uint8).reshape(1, 1, 3)
    if not Path(text).exists():
        raise InputError(
            f"The background {shown(Path(text))} is neither a colour nor a picture that exists; give a file, "
            "#rrggbb, or a name such as white."
        )
    return read_image(Path(background), MAX_PHOTO_SIDE)


def covering(
    picture: UInt8[np.ndarray, "_ _ 3"], width: int, height: int
) -> UInt8[np.ndarray, "{height} {width} 3"]:
    """Scale a picture so that it covers a frame, and cut off what stands out at its longer sides."""
    scale = max(width / picture.shape[1], height / picture.shape[0])
    size = (max(width, round(picture.shape[1] * scale)), max(height, round(picture.shape[0] * scale)))
    scaled = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return np.ascontiguousarray(scaled[top : top + height, left : left + width])
