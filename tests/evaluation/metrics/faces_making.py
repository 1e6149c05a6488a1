"""Faces and sounds whose figures are known."""

import wave
from pathlib import Path

import numpy as np

from cameo3d.evaluation.measures import Case, Moment, SeenFace
from cameo3d.geometry.face_topology import INNER_LIP_LOWER
from cameo3d.values import BLENDSHAPES

JAW = BLENDSHAPES.index("jawOpen")
BLINKS = [BLENDSHAPES.index("eyeBlinkLeft"), BLENDSHAPES.index("eyeBlinkRight")]
BLACK = np.zeros((64, 64, 3), np.uint8)
RESTING = np.random.default_rng(7).normal(64, 12, (478, 3)).astype(np.float32)


def face(opening: float = 0.0, blink: float = 0.0, landmarks: np.ndarray = RESTING) -> SeenFace:
    """A face with a mouth that is open by so many pixels, and jawOpen to match."""
    landmarks = landmarks.copy()
    landmarks[list(INNER_LIP_LOWER[1:-1]), 1] += np.float32(opening)
    expression = np.zeros(52, np.float32)
    expression[JAW], expression[BLINKS] = opening / 20, blink
    return SeenFace(landmarks, expression, np.zeros(3, np.float32))


def moment(output: SeenFace | None, driver: SeenFace | None = None) -> Moment:
    return Moment(BLACK, None, output, driver)


def case(sound: Path | None = None, frame_rate: float = 25.0) -> Case:
    return Case(BLACK, None, frame_rate, sound)


def write_sound(path: Path, samples: np.ndarray) -> Path:
    """Write sound at 16 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes((20000 * samples).astype("<i2").tobytes())
    return path


def talk(frames: int = 150, seed: int = 0) -> np.ndarray:
    """How far the mouth is open in each frame: syllables and pauses of random length."""
    generator = np.random.default_rng(seed)
    opening = np.zeros(0)
    while len(opening) < frames:
        length = int(generator.integers(4, 9))
        syllable = generator.uniform(4, 16) * np.sin(np.pi * np.arange(length) / length)
        opening = np.concatenate((opening, syllable, np.zeros(int(generator.integers(0, 7)))))
    return opening[:frames]


def voice_of(opening: np.ndarray) -> np.ndarray:
    """Noise in the voice band, as loud as the mouth is open, at 25 frames a second."""
    times = (np.arange(640 * len(opening)) + 0.5) / 640 - 0.5
    level = np.interp(times, np.arange(len(opening)), opening) / 16
    tone = np.sin(2 * np.pi * 700 * np.arange(len(level)) / 16000)
    return level * tone + 0.003 * np.random.default_rng(1).normal(size=len(level))
