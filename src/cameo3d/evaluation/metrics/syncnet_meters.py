"""Meters of SyncNet: delay of the lips against the sound, how clear it is, and how far apart they are."""

from collections import deque
from pathlib import Path

import numpy as np

from cameo3d.evaluation.measures import Case, Figures, Measure, Meter, Moment
from cameo3d.evaluation.metrics.lip_crops import Crop, LipCrops
from cameo3d.evaluation.metrics.meters import NoMeter
from cameo3d.evaluation.metrics.motion_meters import NO_SOUND
from cameo3d.media.audio import read_audio
from cameo3d.perception.syncnet import (
    FRAME_RATE,
    MOST_SHIFT,
    SIDE,
    WINDOW_FRAMES,
    SyncNet,
    cepstrum,
    load_syncnet,
    place_lips,
    place_sound,
)
from cameo3d.values.sound import SAMPLE_RATE
from cameo3d.weights.user_files import SYNCNET, Networks

_SHIFTS = 2 * MOST_SHIFT + 1
_WIDTH = 1024
_ABOUT = (
    "syncnet_v2.model",
    "lower face and neck, around the landmarks' box (release: S3FD's)",
    "224x224, 25 frames a second",
    "none",
)
_CONFIDENCE = Measure(
    *("sync_confidence[syncnet]", "1", "higher", *_ABOUT),
    "median less least of the mean distances of all delays within 15 frames (LSE-C)",
)
_DISTANCE = Measure(
    *("sync_distance[syncnet]", "1", "lower", *_ABOUT),
    "least of the mean distances of all delays within 15 frames (LSE-D)",
)
_OFFSET = Measure(
    *("av_offset[syncnet]", "ms", "near", *_ABOUT),
    "delay of the least mean distance, within 15 frames; positive: lips late",
)


def syncnet_meters(case: Case, networks: Networks) -> list[Meter]:
    """Confidence, distance and offset, which share one look at the clip."""
    measures = (_CONFIDENCE, _DISTANCE, _OFFSET)
    why = networks.missing(SYNCNET)
    if case.sound is None:
        why = NO_SOUND
    elif abs(case.frame_rate - FRAME_RATE) > 0.1:
        why = f"SyncNet needs {FRAME_RATE:.0f} frames a second, the clip has {case.frame_rate:.2f}."
    if why or case.sound is None:
        return [NoMeter(measure, why) for measure in measures]
    look = _Look(load_syncnet(networks.folder / SYNCNET), case.sound)
    return [_SyncMeter(measure, look, index == 0) for index, measure in enumerate(measures)]


class _SyncMeter:
    """One of the three figures of a look.

    Args:
        measure: Which one.
        look: What is shared.
        shows: Whether this meter shows the frames to it.
    """

    def __init__(self, measure: Measure, look: "_Look", shows: bool) -> None:
        self.measure = measure
        self._look, self._shows = look, shows

    def add(self, moment: Moment) -> None:
        """Look at the next frame."""
        if self._shows:
            self._look.add(moment)

    def figures(self) -> Figures:
        """What was found, after the last frame."""
        distances = self._look.distances()
        if distances is None:
            return Figures(None, f"The clip or its sound is shorter than {WINDOW_FRAMES + 1} frames.")
        best = int(np.argmin(distances))
        if self.measure is _CONFIDENCE:
            return Figures(float(np.median(distances) - distances[best]))
        if self.measure is _DISTANCE:
            return Figures(float(distances[best]))
        return Figures(1000 * (MOST_SHIFT - best) / FRAME_RATE, reference=0.0)


class _Look:
    """Mean distances of lips and sound for every delay, added up while the frames pass.

    As in the release, sound outside the clip counts as the origin of the space.
    """

    def __init__(self, network: SyncNet, sound: Path) -> None:
        self._network = network
        samples = np.concatenate((np.zeros(0), *read_audio(sound, SAMPLE_RATE))).astype(np.float64)
        self._sound_frames = len(samples) * int(FRAME_RATE) // SAMPLE_RATE
        self._cepstra = cepstrum(samples) if len(samples) else np.zeros((0, 13))
        self._crops = LipCrops(SIDE)
        self._window: deque[Crop] = deque(maxlen=WINDOW_FRAMES)
        self._lips: deque[np.ndarray] = deque()
        self._sounds: dict[int, np.ndarray] = {}
        self._seen, self._compared = 0, 0
        self._sums = np.zeros(_SHIFTS)

    def add(self, moment: Moment) -> None:
        for crop in self._crops.add(moment.output, moment.output_face):
            self._see(crop)

    def distances(self) -> np.ndarray | None:
        """Mean distance for each delay of the sound, from -15 to 15 frames; None if the clip is too short."""
        for crop in self._crops.rest():
            self._see(crop)
        last = self._last()
        while self._lips and self._compared < last:
            self._compare(last)
        return self._sums / self._compared if self._compared else None

    def _last(self) -> int:
        """How many windows count; the release leaves the last one out."""
        return min(self._seen, self._sound_frames) - WINDOW_FRAMES

    def _see(self, crop: Crop) -> None:
        self._window.append(crop)
        self._seen += 1
        if self._seen >= WINDOW_FRAMES and self._seen <= self._sound_frames:
            self._lips.append(place_lips(self._network, np.stack(self._window)))
        if self._lips and self._compared + MOST_SHIFT < self._last():
            self._compare(self._last())

    def _compare(self, last: int) -> None:
        """Compare the oldest lips with all sounds around them."""
        lips, frame = self._lips.popleft(), self._compared
        around = [self._sound(index, last) for index in range(frame - MOST_SHIFT, frame + MOST_SHIFT + 1)]
        self._sums += np.linalg.norm(lips - np.stack(around) + 1e-6, axis=1)
        self._sounds.pop(frame - MOST_SHIFT, None)
        self._compared += 1

    def _sound(self, frame: int, last: int) -> np.ndarray:
        if not 0 <= frame < last:
            return np.zeros(_WIDTH, np.float32)
        if frame not in self._sounds:
            placed = place_sound(self._network, self._cepstra, frame)
            self._sounds[frame] = np.zeros(_WIDTH, np.float32) if placed is None else placed
        return self._sounds[frame]
