"""Fit the life of a speaker's face (src/cameo3d/models/voice/life.py) on tracked addresses.

    python tools/fit_life.py CLIPS OUT

CLIPS is a folder of talking videos with an index.csv (columns file, speaker, licence_class, audio). Used are
only speakers of class A who give an address; OUT is the safetensors file.
"""

import argparse
import csv
import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from safetensors.torch import save_file
from scipy.signal import butter, sosfiltfilt

from cameo3d.media.audio import read_audio
from cameo3d.models.voice.contract import FRAME_RATE
from cameo3d.models.voice.idle.hearing import SoundMeter
from cameo3d.models.voice.idle.idle_motion import CHANNELS, LOOKAHEAD, PAST, SWAY_HERTZ
from cameo3d.models.voice.idle.listening import SpeechDetector
from cameo3d.pipeline.motion import track_video
from cameo3d.values.motion import BLENDSHAPES, Motion

FREE_SPEAKERS = ("obama", "trump")
"""Who gives an address; the other speakers of class A read six words from a screen."""
SAME_TAKE = ("obama_wh_hr20s.mp4",)
RIDGE = 300.0
SHORTEST_SWAY_SECONDS = 9.0
NODS_HERTZ = 0.3
"""What a voice does not tell is slower than this."""


class Clip(NamedTuple):
    speaker: str
    channels: np.ndarray
    gaze: np.ndarray
    open_eyes: np.ndarray
    heard: np.ndarray


def heard_in(path: Path, frame_count: int) -> np.ndarray:
    """Speech, loudness and pitch of each frame of a video."""
    ear, listener = SoundMeter(), SpeechDetector()
    sound = np.concatenate(list(read_audio(path)))
    parts = [listener.push(ear.push(sound)), listener.push(ear.finish()), listener.finish()]
    rows = np.concatenate([np.stack((part.speech, part.loudness, part.pitch), 1) for part in parts])
    return np.pad(rows, ((0, max(0, frame_count - len(rows))), (0, 0)))[:frame_count]


def channels_of(motion: Motion) -> np.ndarray:
    """The channels of the life model."""
    weight = {name: motion.expression[:, i].numpy() for i, name in enumerate(BLENDSHAPES)}
    outer = (weight["browOuterUpLeft"] + weight["browOuterUpRight"]) / 2
    brows = (weight["browInnerUp"] + outer) / 2 - (weight["browDownLeft"] + weight["browDownRight"]) / 2
    return np.concatenate((motion.rotation.numpy(), motion.translation.numpy(), brows[:, None]), 1)


def load(folder: Path) -> list[Clip]:
    clips = []
    with (folder / "index.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["licence_class"] == "A" and row["audio"] == "yes"]
    for row in rows:
        if row["speaker"] not in FREE_SPEAKERS or row["file"] in SAME_TAKE:
            continue
        motion = track_video(folder / row["file"], smooth=0.3).motion
        assert abs(motion.frame_rate - FRAME_RATE) < 0.1, row["file"]
        open_eyes = motion.expression[:, BLENDSHAPES.index("eyeBlinkLeft")].numpy() < 0.2
        clips.append(
            Clip(
                row["speaker"],
                channels_of(motion),
                motion.gaze.mean(1).numpy(),
                open_eyes,
                heard_in(folder / row["file"], len(motion)),
            )
        )
        print(f"{row['file']}: {len(motion)} frames", flush=True)
    return clips


def filtered(values: np.ndarray, hertz: tuple[float, float] | float) -> np.ndarray:
    kind = "bandpass" if isinstance(hertz, tuple) else "highpass"
    sections = butter(2, hertz, kind, fs=FRAME_RATE, output="sos")
    return sosfiltfilt(sections, values, axis=0, padlen=min(len(values) - 1, 60))


def windows_of(heard: np.ndarray) -> np.ndarray:
    padded = np.pad(heard, ((PAST, LOOKAHEAD), (0, 0)))
    return sliding_window_view(padded, PAST + 1 + LOOKAHEAD, axis=0).reshape(len(heard), -1)


def log_size(sway: np.ndarray) -> np.ndarray:
    """Logarithm of the root mean square of turns over a second."""
    second = round(FRAME_RATE)
    power = np.convolve((sway**2).sum(1), np.ones(second) / second, "valid")
    return np.log(power) / 2


def unevenness(clips: list[Clip], mean: np.ndarray, nods: np.ndarray) -> float:
    """Variance of `log_size` of the two faster bands while somebody speaks."""
    found = []
    for clip in clips:
        rest = clip.channels - (windows_of(clip.heard) - mean) @ nods
        sizes = log_size(filtered(rest, (SWAY_HERTZ[1][0], SWAY_HERTZ[2][1]))[:, :3])
        speaking = np.convolve(clip.heard[:, 0], np.ones(25) / 25, "valid") > 0.5
        if speaking.sum() > 2 * FRAME_RATE:
            found.append(np.var(sizes[speaking]))
    return float(np.mean(found))


def even_unevenness() -> float:
    """The same of noise."""
    noise = np.random.default_rng(0).standard_normal((20_000, 3))
    return float(np.var(log_size(filtered(noise, (SWAY_HERTZ[1][0], SWAY_HERTZ[2][1])))))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("clips", type=Path)
    parser.add_argument("out", type=Path)
    chosen = parser.parse_args()
    clips = load(chosen.clips)

    # How the voice nods the head: ridge regression of what is faster than NODS_HERTZ.
    seen = np.concatenate([windows_of(clip.heard) for clip in clips])
    done = np.concatenate([filtered(clip.channels, NODS_HERTZ) for clip in clips])
    mean, scale = seen.mean(0), done.std(0)
    centred = seen - mean
    nods = np.linalg.solve(centred.T @ centred + RIDGE * np.eye(seen.shape[1]), centred.T @ (done / scale))
    told = centred @ nods
    for name, a, b in zip(CHANNELS, told.T, done.T, strict=True):
        print(f"{name}: correlation of what the voice tells with what was done {np.corrcoef(a, b)[0, 1]:.2f}")
    nods = nods * scale

    # What it does not tell: covariance in bands; every speaker counts alike.
    sway = []
    for hertz in SWAY_HERTZ:
        covariances = []
        for clip in clips:
            if len(clip.channels) >= SHORTEST_SWAY_SECONDS * FRAME_RATE:
                rest = clip.channels - (windows_of(clip.heard) - mean) @ nods
                covariances.append(np.cov(filtered(rest, hertz).T))
        sway.append(np.linalg.cholesky(np.mean(covariances, 0)))

    # How unevenly it sways: spread of the logarithm of its size in a second, beyond that of even noise.
    vigour = np.sqrt(max(0.0, unevenness(clips, mean, nods) - even_unevenness()))

    # How much calmer a head is in pauses.
    speeds = {True: [], False: []}
    for clip in clips:
        speed = np.linalg.norm(np.diff(clip.channels[:, :3], axis=0), axis=1)
        near = np.convolve(clip.heard[:, 0], np.ones(9) / 9, "same")[1:]
        for speaking, there in ((True, near > 0.6), (False, near < 0.1)):
            speeds[speaking].append(speed[there])
    calm = np.median(np.concatenate(speeds[False])) / np.median(np.concatenate(speeds[True]))

    # How far the eyes turn against the head to stay on the viewer, and how far they stray.
    follow, stray = [], []
    for angle in (0, 1):
        longest = [clip for clip in clips if clip.speaker == "obama"]
        head = np.concatenate([clip.channels[clip.open_eyes, angle] for clip in longest])
        eyes = np.concatenate([clip.gaze[clip.open_eyes, angle] for clip in longest])
        slope, offset = np.polyfit(head, eyes, 1)
        follow.append(-slope)
        stray.append(np.std(eyes - slope * head - offset))
    tensors = {
        "nods": nods.reshape(3, PAST + 1 + LOOKAHEAD, len(CHANNELS)),
        "sway": np.stack(sway),
        "vigour": np.array(vigour),
        "calm": np.array(calm),
        "follow": np.array(follow),
        "stray": np.array(stray),
    }
    metadata = {
        "model": "life",
        "config": json.dumps({"channels": len(CHANNELS), "past": PAST, "lookahead": LOOKAHEAD}),
        "source": "fitted by tools/fit_life.py; see docs/cards/life.md",
        "licence": "MIT",
        "revision": "1",
    }
    save_file({k: torch.from_numpy(v).float().contiguous() for k, v in tensors.items()}, chosen.out, metadata)
    print("vigour", vigour, "calm", calm, "follow", follow, "stray", np.degrees(stray), "degrees")
    print("sway, standard deviations", *[np.sqrt(np.diag(s @ s.T)).round(4) for s in sway], sep="\n")
    print(hashlib.sha256(chosen.out.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
