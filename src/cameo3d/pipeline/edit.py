"""Retouch one photo: other lips, lids, brows, gaze or pose, all else pixel for pixel as it was."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from cameo3d.errors import FaceError, InputError
from cameo3d.imaging.smoothstep import smoothstep
from cameo3d.media.files import check_input, check_output, shown
from cameo3d.media.images import read_picture
from cameo3d.models.avatar import Avatar
from cameo3d.models.kinds import label_of
from cameo3d.pipeline.adjusting import added_weights, retouched
from cameo3d.pipeline.adjustments import Retouch
from cameo3d.pipeline.animate import Hidden, Model, load_model
from cameo3d.pipeline.animation import Animation
from cameo3d.pipeline.backgrounds import MAX_PHOTO_SIDE
from cameo3d.pipeline.hidden import held_where_hidden, tell_hidden
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.pipeline.transfer import is_free
from cameo3d.provenance.disclosure import FULL_DISCLOSURE, Disclosure
from cameo3d.provenance.origin import Origin, origin_of
from cameo3d.provenance.writing import write_still
from cameo3d.values import Motion, Person
from cameo3d.values.portrait import Sight

_REACH = 2.2
"""Side of the window that is worked on in photos larger than models take, over the side of the crop."""
_CHANGED = (3.0, 12.0)
"""Grey levels from which on a pixel counts as changed, and as fully so."""
_CLOSING, _FEATHER = 0.03, 0.006
"""Gaps that are closed in what changed, and its soft edge, over the side of the crop."""


@dataclass(frozen=True)
class EditedPhoto:
    """A photo after it was retouched."""

    pixels: UInt8[np.ndarray, "height width channels"]
    """At the photo's own size, with alpha if it had any."""
    origin: Origin

    def save(
        self, path: str | Path, overwrite: bool = False, disclosure: Disclosure = FULL_DISCLOSURE
    ) -> bool:
        """Write it to a PNG, JPEG or WebP that says that it is generated.

        Args:
            path: The file.
            overwrite: Whether what is there may be replaced.
            disclosure: How it says so.

        Returns:
            False if it should have been signed and is not; the reason is logged.

        Raises:
            OutputError: If it cannot be written there.
        """
        check_output(Path(path), overwrite)
        return write_still(Path(path), self.pixels, self.origin, disclosure)


def edit(
    photo: str | Path,
    retouch: Retouch,
    *,
    model: Model | None = None,
    face: int = 0,
    hidden: Hidden = "still",
) -> EditedPhoto:
    """Retouch a photo at its own size.

    What changes is drawn by the model, the head at 1440 pixels across at most; all else is the photo.

    Args:
        photo: The photo file.
        retouch: What to change.
        model: What draws it; by default the relief, which moves the photo's own pixels.
        face: Which face, counted from the largest, 0.
        hidden: Whether what the photo does not show stays "still", or is made to "move" all the same.

    Raises:
        CameoError: If the file cannot be used, or shows no usable face, or nothing is to be changed.
    """
    if retouch == Retouch():
        raise InputError("Nothing is to be changed; give --set, --gaze or --head.")
    added_weights(retouch)  # names are checked
    path = check_input(Path(photo), "photo")
    if model is not None and model.sharpen != "off":
        raise InputError(f"A retouched photo keeps its size, so it is not sharpened; got {model.sharpen}.")
    model = model or load_model(size_px=1440)  # for detail: a canvas holds no more than the photo has
    whole = read_picture(path)
    pixels = whole.pixels if whole.alpha is None else np.dstack((whole.pixels, whole.alpha))
    try:
        avatar = _encoded(model, pixels, face)
        pixels = _as_upright(pixels, avatar.person)
        window = _window(pixels, avatar.person)
        if window != _all_of(pixels):
            avatar = _encoded(model, np.ascontiguousarray(pixels[window]), 0)
    except FaceError as error:
        raise FaceError(f"{shown(path)}: {error}") from error
    sight = avatar.person.sight if hidden == "still" else Sight()
    tell_hidden(sight)
    person = replace(avatar.person, sight=sight)
    still = photo_motion(person)
    changed = held_where_hidden(retouched(still, person, retouch, not is_free(model.network)), person, sight)
    edited = pixels.copy()
    edited[window] = _laid_over(
        pixels[window], *_drawn(model, replace(avatar, person=person), still, changed)
    )
    return EditedPhoto(edited, origin_of(label_of(avatar), photo=path))


def photo_motion(person: Person) -> Motion:
    """One frame: the photo's own expression, pose and gaze."""
    return Motion(
        person.expression[None],
        person.rotation[None],
        person.translation[None],
        person.gaze[None],
        25.0,
        "the photo",
    )


def _encoded(model: Model, pixels: np.ndarray, face: int) -> Avatar:
    scale = min(1.0, MAX_PHOTO_SIDE / max(pixels.shape[:2]))
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    small = pixels if scale == 1 else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    rgb = np.ascontiguousarray(small[..., :3])
    return model.encode(make_portrait(rgb, face, small[..., 3] if small.shape[-1] == 4 else None))


def _as_upright(pixels: np.ndarray, person: Person) -> np.ndarray:
    """Turn a photo by as many quarters as it was turned for its portrait."""
    wanted = cv2.resize(person.photo.numpy(), (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    turned = [np.rot90(pixels, turns) for turns in range(4)]
    small = [cv2.resize(one[..., :3], (32, 32), interpolation=cv2.INTER_AREA) for one in turned]
    nearest = int(np.argmin([np.abs(one - wanted).mean() for one in small]))
    return np.ascontiguousarray(turned[nearest])


def _window(pixels: np.ndarray, person: Person) -> tuple[slice, slice]:
    """What is worked on: all of a photo, or of one larger than models take the part around the head."""
    height, width = pixels.shape[:2]
    if max(height, width) <= MAX_PHOTO_SIDE:
        return _all_of(pixels)
    scale = width / person.photo.shape[1]
    reach = _REACH * person.crop.side * scale / 2
    x, y = person.crop.center_x * scale, person.crop.center_y * scale
    rows = slice(max(0, round(y - reach)), min(height, round(y + reach)))
    return rows, slice(max(0, round(x - reach)), min(width, round(x + reach)))


def _all_of(pixels: np.ndarray) -> tuple[slice, slice]:
    return slice(0, pixels.shape[0]), slice(0, pixels.shape[1])


def _drawn(model: Model, avatar: Avatar, *frames: Motion) -> Any:
    """Each frame over the photo's background, and the side of the crop in their pixels."""
    behind = model.network.background(avatar, "photo")
    for motion in frames:
        yield next(iter(Animation(model.network, avatar, motion, "photo", behind)))
    yield avatar.person.crop.side


def _laid_over(
    photo: UInt8[np.ndarray, "height width channels"],
    before: UInt8[np.ndarray, "rows columns 3"],
    after: UInt8[np.ndarray, "rows columns 3"],
    side: float,
) -> UInt8[np.ndarray, "height width channels"]:
    """Take over what differs between two drawn pictures, and keep the photo everywhere else."""
    size = (photo.shape[1], photo.shape[0])
    share = cv2.resize(_changed(before, after, side), size, interpolation=cv2.INTER_LINEAR)[..., None]
    drawn = (
        after
        if after.shape[:2] == photo.shape[:2]
        else cv2.resize(after, size, interpolation=cv2.INTER_CUBIC)
    )
    result = photo.copy()
    mixed = photo[..., :3] + (drawn.astype(np.float32) - photo[..., :3]) * share
    result[..., :3] = np.rint(mixed)
    return result


def _changed(
    before: UInt8[np.ndarray, "rows columns 3"], after: UInt8[np.ndarray, "rows columns 3"], side: float
) -> Float32[np.ndarray, "rows columns"]:
    """How far each pixel counts as changed, without holes and with a soft edge."""
    low, high = _CHANGED
    difference = np.abs(after.astype(np.float32) - before).max(-1)
    changed = cv2.blur(smoothstep((difference - low) / (high - low)), (3, 3))
    radius = max(1, round(_CLOSING * side))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    closed = cv2.morphologyEx(changed, cv2.MORPH_CLOSE, disc)
    feather = max(0.8, _FEATHER * side)
    rim = 2 * round(feather) + 1
    return cv2.GaussianBlur(cv2.dilate(closed, np.ones((rim, rim), np.uint8)), (0, 0), feather)
