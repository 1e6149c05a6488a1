"""One photo or clip to a shard: crop, classes, matte, merged background, face model, sound."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from scipy.ndimage import distance_transform_edt

from cameo3d.data.portraits.faces import FaceName, fit_frames
from cameo3d.data.portraits.shards import About, Clip
from cameo3d.data.portraits.sources import Source, frame_files
from cameo3d.errors import FaceError, InputError
from cameo3d.geometry.crops import portrait_crop
from cameo3d.imaging.framing import cut
from cameo3d.media.audio import probe_audio, read_audio
from cameo3d.media.images import read_image
from cameo3d.media.video import read_frames
from cameo3d.models.real3d.segmentation import classify
from cameo3d.perception.landmarks import find_faces
from cameo3d.perception.matte import person_matte
from cameo3d.perception.pitch import fundamental_frequency
from cameo3d.perception.speech import HubertHearing, HubertSizes, hubert_network
from cameo3d.pipeline.motion import FaceFollower
from cameo3d.values import Crop
from cameo3d.weights.imported import load_weights
from cameo3d.weights.released import RELEASED

Framing = Literal["eg3d", "shoulders"]
_RATE = 25
_MAX_SIDE = 1280
_LEAST_FACE = 64
"""Pixels across a face below which there is too little to learn from."""
_SHOULDERS = 1.5
"""Side of the square that also shows the shoulders, in those of EG3D's."""
_TRUSTED = 10
"""Pixels from the person from which on the background is not touched by it."""
_BACKGROUND_FRAMES = 25


@dataclass(frozen=True)
class Preparation:
    """How clips are prepared; shards of one folder share it."""

    size: int = 512
    framing: Framing = "eg3d"
    """EG3D's head-and-shoulders square, or one half as large again that shows more of the torso."""
    face: FaceName = "shipped"
    """Whose coefficients: the published networks need the user's Basel model."""
    frames: int = 250
    """Most frames of a clip; longer ones are cut off."""
    licence: str = ""
    """Noted in every shard."""


def prepare(source: Source, how: Preparation) -> Clip:
    """Prepare one source.

    Raises:
        InputError: If it cannot be read.
        FaceError: If it shows no face, too small a one, or only now and then.
    """
    landmarks = list(_landmarks(source, how.frames))
    seen = [index for index, points in enumerate(landmarks) if points is not None]
    if not seen:
        raise FaceError("It shows no face.")
    if len(seen) < 0.9 * len(landmarks):
        raise FaceError(f"It shows the face in {len(seen)} of {len(landmarks)} frames only.")
    points = np.stack([x for x in landmarks if x is not None])
    width = float(np.median(np.ptp(points[:, :468, 0], axis=1)))
    if width < _LEAST_FACE:
        raise FaceError(f"The face is {width:.0f} pixels wide and needs {_LEAST_FACE}.")
    crop = _crop(points, how.framing)
    inside = points.copy()
    inside[..., :2] -= (crop.center_x - crop.side / 2, crop.center_y - crop.side / 2)
    inside *= how.size / crop.side

    pictures, mattes, classes = [], [], []
    kept = set(seen)
    for index, frame in enumerate(frames_of(source, how.frames)):
        if index not in kept:
            continue
        picture = cut(frame, crop, how.size)
        matte = person_matte(picture).astype(np.float32)
        six = classify(picture, matte, inside[len(pictures)])
        pictures.append(picture)
        mattes.append(np.rint(matte * 255).astype(np.uint8))
        classes.append(six.argmax(axis=0).astype(np.uint8))
    identity, expression, euler, translation = fit_frames(how.face, inside, how.size)
    return Clip(
        about=About(source.name, source.person, source.validation, how.face, how.size, licence=how.licence),
        pictures=pictures,
        classes=classes,
        mattes=mattes,
        background=merged_background(pictures, [x != 0 for x in classes]),
        identity=identity,
        expression=expression,
        euler=euler,
        translation=translation,
        landmarks=torch.from_numpy(inside),
        # Sound belongs to frames only if none was dropped.
        others=_sound(source, len(pictures), how) if len(seen) == len(landmarks) else {},
    )


def merged_background(
    pictures: Sequence[UInt8[np.ndarray, "size size 3"]], people: Sequence[Bool[np.ndarray, "size size"]]
) -> UInt8[np.ndarray, "size size 3"]:
    """Each pixel from the frame where it is farthest from the person; never seen ones as their nearest.

    Args:
        pictures: Frames of one clip.
        people: Where the person is in each.
    """
    chosen = np.linspace(0, len(pictures) - 1, min(len(pictures), _BACKGROUND_FRAMES)).round().astype(int)
    farthest = np.full(people[0].shape, -1.0)
    merged = np.zeros_like(pictures[0])
    for index in chosen:
        person = people[index]
        away = np.asarray(distance_transform_edt(~person)) if person.any() else np.full(person.shape, np.inf)
        better = away > farthest
        merged[better], farthest[better] = pictures[index][better], away[better]
    trusted = farthest > _TRUSTED
    if not trusted.any():
        return np.zeros_like(merged)
    rows, columns = np.asarray(distance_transform_edt(~trusted, return_distances=False, return_indices=True))
    return merged[rows, columns]


def _crop(points: Float[np.ndarray, "frames 478 3"], framing: Framing) -> Crop:
    """The median over the frames, the same for all."""
    crops = np.array([(c.center_x, c.center_y, c.side) for c in map(portrait_crop, points)])
    x, y, side = np.median(crops, axis=0).tolist()
    if framing == "eg3d":
        return Crop(x, y, side)
    return Crop(x, y + 0.15 * side, _SHOULDERS * side)


def _landmarks(source: Source, most: int) -> Iterator[Float[np.ndarray, "478 3"] | None]:
    if source.kind == "photo":
        yield next(iter(find_faces(next(frames_of(source, 1)))), None)
        return
    follower = FaceFollower(0)
    for frame in frames_of(source, most):
        yield follower(frame)


def frames_of(source: Source, most: int) -> Iterator[UInt8[np.ndarray, "_ _ 3"]]:
    """The pictures of a source, at most so many; a photo has one."""
    if source.kind == "photo":
        yield read_image(source.path, 2 * _MAX_SIDE)
        return
    if source.path.is_dir():
        frames = (read_image(path, _MAX_SIDE) for path in frame_files(source.path))
    else:
        frames = read_frames(source.path, _RATE, _MAX_SIDE)
    for index, frame in enumerate(frames):
        if index >= most:
            return
        yield frame


def _sound(source: Source, frames: int, how: Preparation) -> dict[str, torch.Tensor]:
    """Samples at 16 kHz, the voice's pitch, and what HuBERT hears; nothing if there is no sound."""
    if source.kind == "photo" or source.path.is_dir() or probe_audio(source.path) is None:
        return {}
    count, pieces, had = frames * 16_000 // _RATE, [], 0
    try:
        for piece in read_audio(source.path):
            pieces.append(piece)
            had += len(piece)
            if had >= count:
                break
    except InputError:
        return {}
    samples = np.concatenate(pieces)[:count] if pieces else np.zeros(0, np.float32)
    if len(samples) < count:
        samples = np.pad(samples, (0, count - len(samples)))
    sound = torch.from_numpy(np.rint(samples * 32767).clip(-32768, 32767).astype(np.int16))
    pitch = torch.from_numpy(fundamental_frequency(samples))
    heard = {"sound": sound, "pitch": _of_length(pitch, 2 * frames)}
    if how.face == "basel" and (hearing := load_hearing()) is not None:
        spread = samples.std() if samples.any() else 1.0
        speech = hearing.features(((samples - samples.mean()) / spread).astype(np.float32))
        heard["speech"] = _of_length(speech, 2 * frames).half()
    return heard


@cache
def load_hearing() -> HubertHearing | None:
    """HuBERT, if the user has imported it."""
    entry, sizes = RELEASED["real3d-hubert"], HubertSizes()
    if not entry.path.is_file():
        return None
    with torch.device("meta"):
        network = hubert_network(sizes)
    network.load_state_dict(load_weights(entry.path, entry.stored, sizes), assign=True)
    return HubertHearing(network, sizes.width)


def _of_length(x: torch.Tensor, length: int) -> torch.Tensor:
    """The beginning of a sequence, or all of it with zeros behind."""
    result = x.new_zeros((length, *x.shape[1:]))
    result[: len(x)] = x[:length]
    return result
