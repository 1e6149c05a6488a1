"""Pictures: read any common kind as plain RGB bytes, write PNG, JPEG and WebP."""

import io
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import Image, ImageOps

from cameo3d.errors import InputError, OutputError
from cameo3d.media.colors import as_srgb, without_gamma
from cameo3d.media.files import check_input, replacing, shown
from cameo3d.media.picture_kinds import as_known, is_known, unread_kind
from cameo3d.media.tags import AI_TAG, image_tags

logger = logging.getLogger(__name__)

MAX_MEGAPIXELS = 100
"""Larger pictures are refused before anything is decoded."""
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
"""What `write_image` writes."""

# A list of our own: Pillow would also start Ghostscript for EPS, and take some texts for pictures.
_TIFF = (b"II*\0", b"MM\0*")
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "JPEG2000", "AVIF", "QOI")


@dataclass(frozen=True)
class Picture:
    """A picture, upright, in sRGB."""

    pixels: UInt8[np.ndarray, "height width 3"]
    """What is transparent is white."""
    alpha: UInt8[np.ndarray, "height width"] | None
    """How opaque each pixel is, 255 being fully; None if the file says nothing of it, or all are opaque."""


def read_image(path: Path, max_side: int | None = None) -> UInt8[np.ndarray, "height width 3"]:
    """Read a picture as upright sRGB; see `read_picture`."""
    return read_picture(path, max_side).pixels


def read_picture(path: Path, max_side: int | None = None) -> Picture:
    """Read a picture as upright sRGB, with what it says of its transparency.

    The content decides about the format, not the suffix. EXIF orientation and an embedded colour
    profile or gamma are applied; of an animation the first frame is taken, with a notice in the log.

    Args:
        path: A PNG, JPEG, WebP, GIF, TIFF, BMP, PPM, JPEG 2000, AVIF or QOI file.
        max_side: The longer side in pixels that the result may have; a larger picture is scaled
            down.

    Raises:
        InputError: If the file is no picture, is damaged, or has more than 100 megapixels.
    """
    name = f"The picture {shown(check_input(path, 'picture'))}"
    with path.open("rb") as file:
        head = file.read(64)
        kind = unread_kind(head)
        if kind:
            raise InputError(f"{name} is a {kind} file, which is not read; save it as JPEG or PNG.")
        file.seek(0)
        try:
            Image.init()  # else Pillow knows only its five commonest formats
            image = Image.open(
                file if is_known(head) else io.BytesIO(as_known(file.read())), formats=_FORMATS
            )
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise InputError(_too_large(name)) from error
        except Exception as error:  # Pillow's parsers raise many kinds on damaged headers
            if head[:4] in _TIFF:
                raise InputError(f"{name} is a TIFF of a kind that is not read; save it as PNG.") from error
            raise InputError(f"{name} is not a picture, or is damaged; give a JPEG or PNG file.") from error

        with image:
            if image.width * image.height > MAX_MEGAPIXELS * 1_000_000:
                raise InputError(_too_large(f"{name} ({image.width}x{image.height})"))
            try:
                frame_count = getattr(image, "n_frames", 1)
                if frame_count > 1 and image.format != "MPO":  # a phone's MPO holds one photo and its helpers
                    logger.warning("%s has %d frames; the first one is used.", name, frame_count)
                if max_side is not None:  # a JPEG is decoded at a fraction of its size, never below this
                    image.draft(image.mode, (2 * max_side, 2 * max_side))
                image.load()
                upright = _as_rgb(ImageOps.exif_transpose(without_gamma(image, path)), name)
            except Exception as error:  # as above, now on damaged pixels
                raise InputError(f"{name} is damaged or cut short; give another file.") from error
    if max_side is not None and max(upright.size) > max_side:
        scale = max_side / max(upright.size)
        size = (max(1, round(upright.width * scale)), max(1, round(upright.height * scale)))
        upright = upright.resize(size, Image.Resampling.LANCZOS)
    if upright.mode != "RGBA":
        return Picture(np.array(upright), None)
    alpha = np.array(upright.getchannel("A"))
    upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright).convert("RGB")
    return Picture(np.array(upright), alpha if alpha.min() < 255 else None)


def write_image(path: Path, pixels: UInt8[np.ndarray, "height width channels"], tag: str = AI_TAG) -> None:
    """Write RGB, or RGB with alpha, as PNG, JPEG or WebP with the AI tag (see `tags`).

    Args:
        path: The name, whose suffix names the format; a file of that name is replaced (ask
            `check_output` first whether it may).
        pixels: Three or four channels; alpha is not premultiplied.
        tag: The text of the tag.

    Raises:
        OutputError: If the suffix is another one, if alpha is to go into a JPEG, or if the file
            cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in IMAGE_SUFFIXES:
        raise OutputError(f"The output {shown(path)} should end in one of {', '.join(IMAGE_SUFFIXES)}.")
    if suffix in (".jpg", ".jpeg") and pixels.shape[-1] == 4:
        raise OutputError(f"The output {shown(path)} cannot be transparent; write a .png or .webp.")
    data = encode_image(pixels, suffix, tag=tag)
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def encode_image(
    pixels: UInt8[np.ndarray, "height width channels"], suffix: str, fast: bool = False, tag: str = AI_TAG
) -> bytes:
    """The bytes of a picture file with the AI tag.

    Args:
        pixels: Three or four channels; alpha is not premultiplied.
        suffix: One of `IMAGE_SUFFIXES`.
        fast: Compress a PNG less, for frames that are written by the hundred.
        tag: The text of the tag.
    """
    options: dict = {
        ".png": {"format": "PNG", "compress_level": 1 if fast else 6},
        ".webp": {"format": "WEBP", "quality": 95, "exact": True},
    }.get(suffix, {"format": "JPEG", "quality": 95, "subsampling": 0})
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, **options, **image_tags(suffix, tag))
    return buffer.getvalue()


def _too_large(name: str) -> str:
    return f"{name} has more than {MAX_MEGAPIXELS} megapixels; scale it down first."


def _as_rgb(image: Image.Image, name: str) -> Image.Image:
    """RGB, or RGB with alpha, of 8 bits."""
    if image.mode == "F":
        image = Image.fromarray(_as_bytes(np.asarray(image), (1, 255, 65535)))
    elif image.mode.startswith("I"):
        image = Image.fromarray(_as_bytes(np.asarray(image), (65535,)))
    elif image.mode in ("P", "PA", "LA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
    image = as_srgb(image, name)
    return image if image.mode == "RGBA" else image.convert("RGB")


def _as_bytes(
    values: Shaped[np.ndarray, "height width"], full_scales: tuple[int, ...]
) -> UInt8[np.ndarray, "height width"]:
    """Grey of more than 8 bits: white is the first full scale that is not exceeded, or the largest value."""
    values = np.nan_to_num(values.astype(np.float32), posinf=0.0, neginf=0.0)
    largest = float(values.max())
    white = next((scale for scale in full_scales if largest <= scale), largest)
    return np.clip(values * (255.0 / white) + 0.5, 0, 255).astype(np.uint8)
