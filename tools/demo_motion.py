"""Write the motion of the demo: eight seconds of a made-up performance, nobody's recording.

Run it again after a change: `python tools/demo_motion.py`. The same code gives the same file.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from cameo3d.geometry.rotations import matrices_from_angles
from cameo3d.values import BLENDSHAPES, Motion
from cameo3d.values.motion_files import save_motion

SECONDS, FRAME_RATE = 8.0, 25.0
TIMES = np.arange(round(SECONDS * FRAME_RATE)) / FRAME_RATE
NECK = np.array((0.0, 0.11, 0.07))
"""Where the head turns, from its origin: metres down and back."""

# Seconds and degrees; in between the head moves as smoothly as it can.
YAW = (
    (0.0, 0),
    (0.9, 0),
    (1.7, 15),
    (2.5, 12),
    (3.6, -14),
    (4.4, -11),
    (5.2, 3),
    (6.2, 5),
    (7.4, 0),
    (8.0, 0),
)
PITCH = (
    *((0.0, 0), (0.8, 0), (1.4, -4), (2.2, 2), (3.0, -2), (4.5, 0), (4.9, 9), (5.25, -2), (5.6, 6), (6.0, 0)),
    *((6.6, -3), (7.5, 0), (8.0, 0)),
)
ROLL = ((0.0, 0), (1.0, 0), (1.9, -5), (2.9, 3), (3.8, 6), (4.9, 0), (6.2, -7), (6.9, -5), (7.6, 0), (8.0, 0))
LEAN = ((0.0, 0), (1.2, 0), (2.4, 12), (3.4, -5), (5.0, 8), (6.4, -14), (7.6, 0), (8.0, 0))
"""Seconds, and millimetres towards the camera."""

# Where the eyes look, before the head gets there: seconds, degrees of yaw and of pitch.
LOOKS = (
    *((0.0, 0, 0), (0.85, 19, -3), (1.75, 11, 0), (2.65, -18, -1), (3.3, -20, 4), (3.9, -9, 0)),
    *((4.5, 0, 0), (5.0, 0, 2), (5.7, 4, 0), (6.9, 0, 0)),
)
BLINKS = (0.72, 2.62, 3.96, 5.72, 7.28)
BLINK_SHAPE = (0.35, 0.85, 1.0, 0.8, 0.5, 0.24, 0.07)
"""Three frames to close, four to open."""

SHAPES = {
    "m": {"mouthPressLeft": 0.30, "mouthPressRight": 0.30, "mouthRollLower": 0.18, "mouthRollUpper": 0.12},
    "a": {
        **{"jawOpen": 0.30, "mouthLowerDownLeft": 0.18, "mouthLowerDownRight": 0.18},
        **{"mouthUpperUpLeft": 0.10, "mouthUpperUpRight": 0.10},
    },
    "e": {
        **{"jawOpen": 0.16, "mouthStretchLeft": 0.18, "mouthStretchRight": 0.18, "mouthSmileLeft": 0.12},
        **{"mouthSmileRight": 0.12, "mouthLowerDownLeft": 0.22, "mouthLowerDownRight": 0.22},
    },
    "o": {"jawOpen": 0.20, "mouthFunnel": 0.36, "mouthPucker": 0.22},
    "u": {"jawOpen": 0.12, "mouthFunnel": 0.20, "mouthPucker": 0.50},
    "f": {
        **{"jawOpen": 0.07, "mouthRollLower": 0.34, "mouthUpperUpLeft": 0.14, "mouthUpperUpRight": 0.14},
        **{"mouthShrugUpper": 0.08},
    },
    "l": {"jawOpen": 0.18, "mouthLowerDownLeft": 0.14, "mouthLowerDownRight": 0.14},
    "s": {"jawOpen": 0.06, "mouthStretchLeft": 0.14, "mouthStretchRight": 0.14, "mouthLowerDownLeft": 0.12},
}
SPEECH = ((1.05, "m a l e m o l a s u"), (3.1, "f a m e l o s a m u l e"), (5.05, "m a s e"))
"""When a phrase starts, and its sounds."""
SOUND_SECONDS = {
    "m": 0.11,
    "f": 0.11,
    "l": 0.10,
    "s": 0.11,
    "a": 0.19,
    "e": 0.16,
    "o": 0.18,
    "u": 0.16,
}

# Slow changes of the face: shapes, then seconds and weights.
SLOW = (
    (("browInnerUp",), ((0.9, 0), (1.25, 0.5), (1.9, 0.15), (3.3, 0.1), (3.6, 0.35), (4.4, 0), (5.4, 0))),
    (("browOuterUpLeft", "browOuterUpRight"), ((0.9, 0), (1.25, 0.35), (1.9, 0.05), (3.5, 0.25), (4.4, 0))),
    (
        ("browDownLeft", "browDownRight"),
        ((2.1, 0), (2.5, 0.22), (3.0, 0.05), (4.5, 0), (4.9, 0.25), (5.4, 0)),
    ),
    (("mouthSmileLeft",), ((0.3, 0), (1.0, 0.10), (5.4, 0.08), (6.1, 0.58), (6.9, 0.5), (7.7, 0))),
    (("mouthSmileRight",), ((0.3, 0), (1.0, 0.08), (5.4, 0.08), (6.1, 0.52), (6.9, 0.45), (7.7, 0))),
    (("cheekSquintLeft", "cheekSquintRight"), ((5.5, 0), (6.2, 0.4), (6.9, 0.35), (7.7, 0))),
    (("eyeSquintLeft", "eyeSquintRight"), ((5.5, 0), (6.2, 0.3), (6.9, 0.25), (7.7, 0))),
    (("mouthUpperUpLeft", "mouthUpperUpRight"), ((5.6, 0), (6.2, 0.22), (6.8, 0.18), (7.5, 0))),
    (("jawOpen",), ((5.7, 0), (6.2, 0.06), (6.8, 0.04), (7.4, 0))),
)


def main() -> None:
    default = Path(__file__).parents[1] / "src" / "cameo3d" / "assets" / "demo_motion.csv"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=default)
    save_motion(make_motion(), parser.parse_args().out)


def make_motion() -> Motion:
    random = np.random.default_rng(2)
    calm = rest_at_both_ends()
    angles = np.radians(np.stack([along(keys) for keys in (YAW, PITCH, ROLL)], 1))
    angles += np.radians((0.9, 0.6, 0.5)) * calm[:, None] * drift(random, 3, 0.5)
    angles += np.radians((0.15, 0.15, 0.1)) * calm[:, None] * drift(random, 3, 0.12)
    gaze = looks(random, calm, angles)
    expression = face(random, calm)
    expression[:, index("eyeLookOutLeft")] = (-gaze[:, 0] / 0.6).clip(0, 1)
    expression[:, index("eyeLookInLeft")] = (gaze[:, 0] / 0.6).clip(0, 1)
    expression[:, index("eyeLookInRight")] = (-gaze[:, 0] / 0.6).clip(0, 1)
    expression[:, index("eyeLookOutRight")] = (gaze[:, 0] / 0.6).clip(0, 1)
    for side in ("Left", "Right"):
        expression[:, index(f"eyeLookDown{side}")] = (gaze[:, 1] / 0.5).clip(0, 1)
        expression[:, index(f"eyeLookUp{side}")] = (-gaze[:, 1] / 0.5).clip(0, 1)
    return Motion(
        torch.from_numpy(expression).float(),
        torch.from_numpy(angles).float(),
        torch.from_numpy(places(random, calm, angles)).float(),
        torch.from_numpy(np.repeat(gaze[:, None], 2, 1)).float(),
        FRAME_RATE,
        "made up by tools/demo_motion.py",
    )


def index(name: str) -> int:
    return BLENDSHAPES.index(name)


def along(keys: tuple[tuple[float, float], ...], times: np.ndarray = TIMES) -> np.ndarray:
    """Values between keys, at rest at each key, with the least jerk."""
    seconds, values = np.array(keys, float).T
    after = np.searchsorted(seconds, times, "right").clip(1, len(keys) - 1)
    share = ((times - seconds[after - 1]) / (seconds[after] - seconds[after - 1])).clip(0, 1)
    share = share**3 * (10 - 15 * share + 6 * share**2)
    return values[after - 1] + (values[after] - values[after - 1]) * share


def rest_at_both_ends() -> np.ndarray:
    return along(((0.0, 0), (0.8, 1), (7.2, 1), (SECONDS - 1 / FRAME_RATE, 0)))


def drift(random: np.random.Generator, count: int, seconds: float) -> np.ndarray:
    """Smooth noise with a standard deviation of 1."""
    noise = gaussian_filter1d(random.standard_normal((len(TIMES), count)), seconds * FRAME_RATE, axis=0)
    return noise / noise.std(0)


def looks(random: np.random.Generator, calm: np.ndarray, head: np.ndarray) -> np.ndarray:
    """Yaw and pitch of the eyes in the head: they jump to a target and stay on it while the head follows."""
    target = np.zeros((len(TIMES), 2))
    for start, yaw, pitch in LOOKS:
        target[start <= TIMES] = np.radians((yaw, pitch))
    jumps = random.standard_normal((len(TIMES), 2)).cumsum(0)
    small = np.round(gaussian_filter1d(jumps, 4, axis=0) / 3) * np.radians((0.8, 0.5))
    target += calm[:, None] * (small - small.mean(0))
    # A saccade lasts about two frames.
    seen = gaussian_filter1d(target, 0.7, axis=0, mode="nearest")
    return (seen - head[:, :2]).clip(-0.32, 0.32) * calm[:, None]


def face(random: np.random.Generator, calm: np.ndarray) -> np.ndarray:
    weights = speech()
    for names, keys in SLOW:
        curve = along(keys)
        for name in names:
            weights[:, index(name)] += curve
    for names, size in ((("browInnerUp",), 0.04), (("mouthPressLeft", "mouthPressRight"), 0.03)):
        wobble = (size * calm * (1 + drift(random, 1, 0.3)[:, 0])).clip(0)
        for name in names:
            weights[:, index(name)] += wobble
    for seconds in BLINKS:
        first = round(seconds * FRAME_RATE)
        for side in ("Left", "Right"):
            weights[first : first + len(BLINK_SHAPE), index(f"eyeBlink{side}")] = BLINK_SHAPE
    return weights.clip(0, 1)


def speech() -> np.ndarray:
    """Mouth shapes that flow into each other, but meet the lips where they must."""
    fine = 8
    times = np.arange(len(TIMES) * fine) / (FRAME_RATE * fine)
    weights, closed = np.zeros((len(times), len(BLENDSHAPES))), np.zeros(len(times))
    for start, sounds in SPEECH:
        for number, sound in enumerate(sounds.split()):
            length = SOUND_SECONDS[sound]
            stress = 1.15 if number % 4 == 1 else 0.9
            part = (times >= start) & (times < start + length)
            for name, weight in SHAPES[sound].items():
                weights[part, index(name)] = weight * (1.0 if sound in "mf" else stress)
            closed[part] = sound == "m"
            start += length
    weights = gaussian_filter1d(weights, 0.045 * FRAME_RATE * fine, axis=0)
    shut = gaussian_filter1d(closed, 0.018 * FRAME_RATE * fine).clip(0, 1)
    for name in (
        "jawOpen",
        "mouthLowerDownLeft",
        "mouthLowerDownRight",
        "mouthUpperUpLeft",
        "mouthUpperUpRight",
    ):
        weights[:, index(name)] *= 1 - shut
    return weights[fine // 2 :: fine]


def places(random: np.random.Generator, calm: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Where the head's origin goes while it turns about the neck, leans and sways a little."""
    turns = matrices_from_angles(torch.from_numpy(angles)).numpy()
    origin = NECK - turns @ NECK
    origin[:, 2] += 1 - along(LEAN) / 1000
    origin += 0.0015 * calm[:, None] * drift(random, 3, 0.6)
    return origin


if __name__ == "__main__":
    main()
