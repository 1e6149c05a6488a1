"""What a picture file says about its colours: a colour profile or a gamma, brought to sRGB."""

import io
import logging
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageCms

from cameo3d.media.dynamic_range import srgb_signal

logger = logging.getLogger(__name__)

_USUAL_GAMMA, _TOLERANCE = 1 / 2.2, 0.02
"""A file that says this means sRGB."""
_GAMMAS = (0.1, 5.0)
"""Others are mistakes of the program that wrote them."""


def as_srgb(image: Image.Image, name: str) -> Image.Image:
    """Apply an embedded colour profile; one that cannot be used is ignored, with a notice."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return image
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        logger.warning("%s has a colour profile that cannot be used (%s); it is ignored.", name, error)
        return image
    assert converted is not None, "a conversion that is not in place returns an image"
    return converted


def without_gamma(image: Image.Image, path: Path) -> Image.Image:
    """A PNG whose gAMA chunk tells another curve than sRGB's, in sRGB, as browsers show it.

    A profile or an sRGB chunk counts more than the gamma, as the PNG specification says.

    Args:
        image: The picture, decoded.
        path: The file, from which colours of 16 bits are read, since Pillow cuts them to 8.
    """
    gamma = image.info.get("gamma")
    if image.format != "PNG" or "icc_profile" in image.info or "srgb" in image.info or not gamma:
        return image
    if not _GAMMAS[0] <= gamma <= _GAMMAS[1] or abs(gamma - _USUAL_GAMMA) < _TOLERANCE:
        return image
    info = dict(image.info)
    pixels = _sixteen_bits(image, path)
    if pixels is None:
        if image.mode not in ("L", "RGB"):
            image = image.convert("RGBA")
        pixels = np.asarray(image)
    curve = _curve(gamma, 65536 if pixels.dtype == np.uint16 else 256)
    colors = pixels.copy() if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)
    if pixels.ndim == 2:
        colors = curve[pixels]
    else:
        colors[..., :3] = curve[pixels[..., :3]]
    straight = Image.fromarray(colors)
    straight.info = {key: value for key, value in info.items() if key != "transparency"}
    return straight


def _sixteen_bits(image: Image.Image, path: Path) -> np.ndarray | None:
    """Grey, RGB or RGBA of 16 bits; None for a picture of fewer."""
    data = path.read_bytes()
    if data[24] != 16 or "transparency" in image.info:
        return None
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16 or pixels.shape[:2] != (image.height, image.width):
        return None
    if pixels.ndim == 2:
        return pixels
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)


def _curve(gamma: float, levels: int) -> UInt8[np.ndarray, " levels"]:
    light = np.linspace(0, 1, levels) ** (1 / gamma)
    return np.rint(255 * srgb_signal(light)).astype(np.uint8)
