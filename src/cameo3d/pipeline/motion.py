"""From a video to the motion of one face in it."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.errors import FaceError
from cameo3d.geometry.crops import portrait_crop
from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.fitting import FaceFit, FrameFitter, fit_identity
from cameo3d.media.ahead import ahead
from cameo3d.media.files import shown
from cameo3d.media.video import probe_video, read_frames
from cameo3d.perception.expression import expression_scores
from cameo3d.perception.landmarks import FaceTracker, face_size, find_faces
from cameo3d.pipeline.shots import PictureCuts, Shots, ShotStarts
from cameo3d.pipeline.smoothing import smooth_motion
from cameo3d.pipeline.unseen import NOTICED, PARTS, PartWatch, confidences, rested_where_unseen
from cameo3d.values import Crop, Motion
from cameo3d.values.motion import joined

logger = logging.getLogger(__name__)

_MAX_SIDE = 1280
"""Larger frames are scaled down to this, in pixels, before faces are looked for."""
_STUDY_SECONDS = 10.0
"""Crop, shape of the head and usual opening of the eyes come from the first seconds that show the face."""
_STUDY_FRAMES, _LID_FRAMES = 24, 100
"""So many of their frames are fitted together for the shape, and one by one for the eyes."""
_MAX_FACES = 4
_FRAMES_AHEAD = 4
"""So many frames are decoded before they are looked at."""
_SEARCH_EVERY = 10
"""While the face is lost, every so many frames are searched all over, which is slow."""
_SMALL_FACE, _PART_SIDE = 0.2, 4.0
"""Below this share of the frame's longer side, a square of so many times the face is looked at."""
_SETTLING_LOOKS = 4
"""How often the tracker looks at the first frame before it counts."""
_CHUNK = 32
"""Frames that the expression network looks at together."""
_OPEN_QUANTILE = 0.75
"""Eyes are wider than that in a quarter of the frames; it counts as their usual opening."""
_CLOSED_EYE = 0.6
"""Above this eyeBlink the iris is hidden, and the gaze is carried over from the frames around."""

Landmarks = Float[np.ndarray, "478 3"]
Progress = Callable[[int, int | None], None]
"""Called with how many frames are done, and of how many, if that is known."""


@runtime_checkable
class LandmarkReader(Protocol):
    """Whoever reads something off the landmarks while a video is tracked."""

    def see(self, landmarks: Landmarks | None, crop: Crop) -> None:
        """The face in the next frame.

        Args:
            landmarks: In pixels of the video, or None where it is not seen.
            crop: The square that the motion is seen in.
        """
        ...


@dataclass(frozen=True)
class TrackedVideo:
    """The motion of one face, and where it was seen."""

    motion: Motion
    """A frame for each of the video's; the pose is seen by the crop camera over the crop of its shot."""
    shots: Shots
    """The shots of the video, and the square of each that the camera looks at; pixels."""
    identity: Float[Tensor, " components"]
    """The person's shape in standard deviations of the face model."""
    frame_size: tuple[int, int]
    """Width and height of the frames in pixels."""
    missing_frames: int
    """Frames that showed no face, so that the pose before was held."""
    seen: Float[Tensor, "frames parts"]
    """How surely the face, the left eye, the right eye and the mouth are seen in each frame, in [0, 1]. Parts
    that are hidden rest in the motion (`cameo3d.pipeline.unseen`)."""

    @property
    def crop(self) -> Crop:
        """The square of the first shot."""
        return self.shots.crops[0]


def track_video(
    path: Path,
    face: int = 0,
    smooth: float = 0.3,
    frame_rate: float | None = None,
    crop: Crop | None = None,
    identity: Float[Tensor, " components"] | None = None,
    progress: Progress | None = None,
    reader: LandmarkReader | None = None,
) -> TrackedVideo:
    """Follow one face through a video. Memory does not grow with the frames but by some 70 numbers each.

    A video may be cut: in each shot the head is measured and smoothed apart, in a square of its own.

    Args:
        path: The video.
        face: Which face, counted from the largest, 0, in the first frame that shows any.
        smooth: How strongly the motion is smoothed, in [0, 1]; see `smooth_motion`.
        frame_rate: Frames a second; by default the video's own.
        crop: The square that the camera looks at in all shots; by default, for each shot, the one around the
            face of its first seconds. Give a photo's crop if the photo is a frame of this video, and poses
            can be compared.
        identity: The person's shape if it is known already, for instance from that photo.
        progress: Called after each frame.
        reader: Sees the landmarks of every frame, too.

    Raises:
        InputError: If the video cannot be read.
        FaceError: If no frame, or fewer than half of them, show the face.
        ValueError: If `smooth` or `face` is out of range.
    """
    if not 0 <= smooth <= 1 or face < 0:
        raise ValueError(f"Smoothing lies within 0 and 1 and faces count from 0, got {smooth} and {face}.")
    info = probe_video(path)
    rate = float(frame_rate or info.frame_rate)
    total = None if info.duration_seconds is None else max(1, round(info.duration_seconds * rate))
    frames = read_frames(path, rate, _MAX_SIDE)
    scale = max(1.0, max(info.width, info.height) / _MAX_SIDE)
    sightings = _Sightings(_sightings(frames, face, scale), rate, progress, total)

    model, fitter, open_gaps = load_face_model(), None, None
    rows: list[np.ndarray] = []
    shots: list[tuple[int, Crop]] = []
    teller = None if reader is None else _Teller(reader, sightings.frames)
    for chunk in ahead(_chunks(iter(sightings), max(1, round(_STUDY_SECONDS * rate))), 1):
        landmarks, scores = chunk.landmarks, chunk.scores
        if chunk.begins_shot:
            square = crop or _median_crop(landmarks)
            shots.append((sightings.frames[len(rows)] if shots else 0, square))
            if identity is None:
                chosen = np.linspace(0, len(landmarks) - 1, min(len(landmarks), _STUDY_FRAMES)).round()
                few = chosen.astype(int)
                identity = fit_identity(model, landmarks[few], square, scores[few])
                chosen = np.linspace(0, len(landmarks) - 1, min(len(landmarks), _LID_FRAMES)).round()
                few = chosen.astype(int)
                open_gaps = _usual_opening(FrameFitter(model, identity, square), landmarks[few], scores[few])
            fitter = FrameFitter(model, identity, square, open_gaps)
        assert fitter is not None, "the first chunk begins a shot"
        rows += [_row(fitter(*frame)) for frame in zip(landmarks, scores, strict=True)]
        if teller is not None:
            teller.tell(landmarks, shots[-1][1])
    if identity is None or not shots:
        raise FaceError(f"The video {shown(path)} shows no face; give one with a face from the front.")
    if teller is not None:
        teller.finish(sightings.frame_count, shots[-1][1])

    missing = sightings.frame_count - len(rows)
    if missing > sightings.frame_count / 2:
        raise FaceError(
            f"The video {shown(path)} shows the face in {len(rows)} of {sightings.frame_count} frames only; "
            "give one that shows it most of the time."
        )
    if missing:
        logger.warning(
            "%d of %d frames of %s show no face; the pose before was held there.",
            missing,
            sightings.frame_count,
            shown(path),
        )
    if len(shots) > 1:
        logger.warning(
            "%s has %d shots; place and size of the head are measured in each of them apart.",
            shown(path),
            len(shots),
        )
    motion = _held(np.stack(rows), np.array(sightings.frames), sightings.frame_count, rate, path.name)
    seen = confidences(sightings.looks, np.array(sightings.confidence))
    motion = rested_where_unseen(motion, seen)
    _tell_unseen(seen[sightings.frames], path)
    found = Shots(tuple(start for start, _ in shots), tuple(square for _, square in shots))
    calm = joined([smooth_motion(motion.part(*span), smooth) for span in found.spans(len(motion))])
    return TrackedVideo(calm, found, identity, (info.width, info.height), missing, seen)


def _tell_unseen(seen: Float[Tensor, "frames parts"], path: Path) -> None:
    for part, share in zip(PARTS[1:], (seen[:, 1:] < 0.5).float().mean(0).tolist(), strict=True):
        if share > NOTICED:
            logger.warning(
                "The %s is hidden in %.0f%% of the frames of %s with a face, and does not follow there.",
                *(part.replace("_", " "), 100 * share, shown(path)),
            )


class _Sighting(NamedTuple):
    """What one frame shows."""

    landmarks: Landmarks | None
    """The chosen face, in pixels of the full frame; None where it is not seen."""
    is_cut: bool
    """Whether the picture was cut just before it."""
    confidence: float = 1.0
    """How surely that is a face."""
    parts: Float[np.ndarray, "3"] | None = None
    """How surely its left eye, right eye and mouth are seen, if they were looked at."""


def _sightings(frames: Iterable[np.ndarray], face: int, scale: float) -> Iterator[_Sighting]:
    follower, cuts, watch = FaceFollower(face), PictureCuts(), PartWatch()
    for frame, is_cut in ahead(((frame, cuts(frame)) for frame in frames), _FRAMES_AHEAD):
        if is_cut:
            follower.look_again()
        seen = follower(frame)
        if seen is None:
            yield _Sighting(None, is_cut, 0.0)
        else:
            parts = watch(frame, seen.astype(np.float32))
            yield _Sighting(seen * np.float32(scale), is_cut, follower.confidence, parts)


class FaceFollower:
    """Follows one face, looking only at the part of the frames around it if it is small there.

    Args:
        face: Which face of the first frame that shows any, counted from the largest, 0.
    """

    def __init__(self, face: int) -> None:
        self._face = face
        self.confidence = 1.0
        """How sure the mesh was of the face that it saw last."""
        self._tracker: FaceTracker | None = None
        self._last: Landmarks | None = None
        self._lost_frames, self._is_anywhere = 0, False
        self._part = (slice(None), slice(None))
        self._corner = np.zeros(3, np.float32)

    def __call__(self, frame: np.ndarray) -> Landmarks | None:
        """The face in the next frame, in its pixels, if it is seen."""
        seen = self._track(frame)
        if seen is None and self._lost_frames % _SEARCH_EVERY == 0:
            seen = self._search(frame)
        self._lost_frames = 0 if seen is not None else self._lost_frames + 1
        self._last = self._last if seen is None else seen
        return seen

    def look_again(self) -> None:
        """Search the next frame all over, since the picture was cut: the face may be elsewhere."""
        self._tracker, self._lost_frames, self._is_anywhere = None, 0, True

    def _track(self, frame: np.ndarray) -> Landmarks | None:
        if self._tracker is None or self._last is None:
            return None
        faces = self._tracker(frame[self._part])
        places = [face.landmarks + self._corner for face in faces]
        found = _nearest(places, self._last)
        if found is not None:
            self.confidence = next(
                face.confidence for face, place in zip(faces, places, strict=True) if place is found
            )
        return found

    def _search(self, frame: np.ndarray) -> Landmarks | None:
        faces = find_faces(frame)
        if not faces:
            return None
        if self._last is not None:
            found = _nearest(faces, self._last)
            if found is None and self._is_anywhere:
                # Which it was, counted by size, is the best guess in a new shot.
                found = faces[min(self._face, len(faces) - 1)]
        elif self._face < len(faces):
            found = faces[self._face]
        else:
            raise FaceError(
                f"Face {self._face} was asked for, but the video shows {len(faces)}; count from 0, the "
                "largest first."
            )
        if found is None:
            return None
        self._is_anywhere = False
        self._aim(found, frame.shape[0], frame.shape[1])
        self._tracker, self._last = FaceTracker(True, min(len(faces), _MAX_FACES)), found
        # The first looks at a face still settle; all frames should be seen alike.
        for _ in range(_SETTLING_LOOKS):
            self._track(frame)
        seen = self._track(frame)
        return found if seen is None else seen

    def _aim(self, face: Landmarks, height: int, width: int) -> None:
        """Look at the whole frame, or at a square around a face that is too small in it to be seen."""
        size = face_size(face)
        if size > _SMALL_FACE * max(height, width):
            self._part, self._corner = (slice(None), slice(None)), np.zeros(3, np.float32)
            return
        x, y = face[:, :2].mean(0)
        reach = _PART_SIDE * size / 2
        left, top = max(0, round(float(x) - reach)), max(0, round(float(y) - reach))
        self._part = (slice(top, round(float(y) + reach)), slice(left, round(float(x) + reach)))
        self._corner = np.array((left, top, 0), np.float32)


def _nearest(faces: list[Landmarks], last: Landmarks) -> Landmarks | None:
    """The face that lies nearest to where it was; of several, one that moved by less than its size."""
    if not faces:
        return None
    offsets = [float(np.linalg.norm(face[:, :2].mean(0) - last[:, :2].mean(0))) for face in faces]
    best = int(np.argmin(offsets))
    return faces[best] if len(faces) == 1 or offsets[best] < face_size(last) else None


class _Sightings:
    """Passes on the frames that show the face, and whether a shot begins with them; keeps count of all."""

    def __init__(
        self, seen: Iterator[_Sighting], rate: float, progress: Progress | None, total: int | None
    ) -> None:
        self.frame_count = 0
        self.frames: list[int] = []
        self.confidence: list[float] = []
        self.looks: dict[int, np.ndarray] = {}
        self._seen, self._starts = seen, ShotStarts(rate)
        self._progress, self._total = progress, total

    def __iter__(self) -> Iterator[tuple[Landmarks, bool]]:
        for landmarks, is_cut, confidence, parts in self._seen:
            self.confidence.append(confidence if landmarks is not None else 0.0)
            if parts is not None:
                self.looks[self.frame_count] = parts
            self.frame_count += 1
            begins = self._starts(landmarks, is_cut)
            if landmarks is not None:
                self.frames.append(self.frame_count - 1)
                yield landmarks, begins
            if self._progress is not None:
                self._progress(self.frame_count, self._total)


class _Teller:
    """Tells a reader every frame of the video in order, those without a face too."""

    def __init__(self, reader: LandmarkReader, frames: list[int]) -> None:
        self._reader, self._frames = reader, frames
        self._told = self._seen = 0

    def tell(self, landmarks: Float[np.ndarray, "seen 478 3"], crop: Crop) -> None:
        """The next frames that show the face."""
        for face in landmarks:
            self.finish(self._frames[self._seen], crop)
            self._reader.see(face, crop)
            self._told, self._seen = self._told + 1, self._seen + 1

    def finish(self, frame: int, crop: Crop) -> None:
        """All frames before that one show no face."""
        while self._told < frame:
            self._reader.see(None, crop)
            self._told += 1


class _Chunk(NamedTuple):
    """Several frames of one shot that show the face."""

    landmarks: Float[np.ndarray, "seen 478 3"]
    scores: Float[np.ndarray, "seen 52"]
    """Of the expression network."""
    begins_shot: bool


def _chunks(seen: Iterator[tuple[Landmarks, bool]], first: int) -> Iterator[_Chunk]:
    """Landmarks and expression scores of several frames at a time; at the start of a shot of more."""
    size, batch, begins_shot = first, [], True
    for landmarks, begins in seen:
        if begins:
            if batch:
                yield _Chunk(np.stack(batch), expression_scores(np.stack(batch)), begins_shot)
            size, batch, begins_shot = first, [], True
        batch.append(landmarks)
        if len(batch) == size:
            yield _Chunk(np.stack(batch), expression_scores(np.stack(batch)), begins_shot)
            size, batch, begins_shot = _CHUNK, [], False
    if batch:
        yield _Chunk(np.stack(batch), expression_scores(np.stack(batch)), begins_shot)


def _median_crop(landmarks: np.ndarray) -> Crop:
    crops = [portrait_crop(one) for one in landmarks]
    return Crop(
        float(np.median([crop.center_x for crop in crops])),
        float(np.median([crop.center_y for crop in crops])),
        float(np.median([crop.side for crop in crops])),
    )


def _usual_opening(fitter: FrameFitter, landmarks: np.ndarray, scores: np.ndarray) -> Float[np.ndarray, "2"]:
    gaps = []
    for frame in zip(landmarks, scores, strict=True):
        fitter(*frame)
        gaps.append(fitter.lid_gaps(frame[0]))
    return np.quantile(np.stack(gaps), _OPEN_QUANTILE, axis=0)


def _row(fit: FaceFit) -> Float[np.ndarray, "62"]:
    """The numbers that are kept of a frame."""
    return torch.cat((fit.expression, fit.rotation, fit.translation, fit.gaze.flatten())).numpy()


def _held(
    rows: Float[np.ndarray, "seen 62"], frames: np.ndarray, frame_count: int, rate: float, source: str
) -> Motion:
    """One row for every frame of the video: the last one seen before it, or else the first of all."""
    expression, rotation, translation, gaze = torch.from_numpy(rows).split((52, 3, 3, 4), 1)
    gaze = _gaze_behind_lids(gaze.reshape(-1, 2, 2), expression)
    use = torch.from_numpy((np.searchsorted(frames, np.arange(frame_count), "right") - 1).clip(min=0))
    return Motion(expression[use], rotation[use], translation[use], gaze[use], rate, source)


def _gaze_behind_lids(
    gaze: Float[Tensor, "frames 2 2"], expression: Float[Tensor, "frames 52"]
) -> Float[Tensor, "frames 2 2"]:
    """Replace the gaze of closed eyes by what it is before and after."""
    result = gaze.numpy().copy()
    for eye, blink in enumerate((0, 7)):
        seen = np.flatnonzero(expression[:, blink].numpy() < _CLOSED_EYE)
        if len(seen):
            for axis in range(2):
                result[:, eye, axis] = np.interp(np.arange(len(result)), seen, result[seen, eye, axis])
    return torch.from_numpy(result)
