"""Sounds for tests: what is no speech, and something that changes like speech."""

import numpy as np

RATE = 16000


def seconds(length: float) -> np.ndarray:
    return np.arange(round(length * RATE)) / RATE


def white_noise(length: float, level: float = 0.1) -> np.ndarray:
    return (level * np.random.default_rng(0).standard_normal(round(length * RATE))).astype(np.float32)


def chord(length: float, *hertz: float, harmonics: int = 5) -> np.ndarray:
    """Bowed strings: full harmonics, swelling within 50 ms, held."""
    time = seconds(length)
    tones = sum(np.sin(2 * np.pi * f * n * time) / n for f in hertz for n in range(1, harmonics + 1))
    return (0.1 / len(hertz) * tones * np.minimum(1, np.minimum(time, length - time) / 0.05)).astype(
        np.float32
    )


def tune(length: float) -> np.ndarray:
    """Chords of half a second, one after the other."""
    roots = 220 * 2 ** (np.random.default_rng(1).integers(0, 12, round(2 * length)) / 12)
    return np.concatenate([chord(0.5, root, 1.26 * root, 1.5 * root) for root in roots])


def arpeggio(length: float) -> np.ndarray:
    """Eight single notes a second."""
    notes = 220 * 2 ** (np.random.default_rng(3).integers(0, 24, round(8 * length)) / 12)
    return np.concatenate([chord(0.125, note) for note in notes])


def drums(length: float) -> np.ndarray:
    """Two beats a second on a bass drum, a snare between them, a cymbal four times a second."""
    random, sound, time = np.random.default_rng(4), np.zeros(round((length + 1) * RATE)), seconds(0.25)
    for step in range(round(4 * length)):
        hit = 0.15 * random.standard_normal(len(time)) * np.exp(-50 * time)
        if step % 2 == 0:
            hit += 0.8 * np.sin(2 * np.pi * (50 + 80 * np.exp(-30 * time)) * time) * np.exp(-15 * time)
        elif step % 4 == 1:
            hit += 0.4 * random.standard_normal(len(time)) * np.exp(-18 * time)
        start = round(step * RATE / 4)
        sound[start : start + len(time)] += 0.5 * hit
    return sound[: round(length * RATE)].astype(np.float32)


def babble(length: float) -> np.ndarray:
    """Four syllables a second, each a hiss and then a vowel: pulses through two resonances that wander."""
    time, random = seconds(length), np.random.default_rng(2)
    pitch = 120 + 20 * np.sin(2 * np.pi * 0.7 * time)
    phase = np.cumsum(pitch) / RATE
    syllable = (4 * time).astype(int)
    formants = random.uniform((300, 900), (800, 2300), (syllable[-1] + 2, 2))
    share = (4 * time) % 1
    voiced = np.zeros_like(time)
    for n in range(1, 40):
        hertz = n * pitch
        tracks = formants[syllable].T * (1 - share) + formants[syllable + 1].T * share
        gain = sum(1 / (1 + ((hertz - track) / 90) ** 2) for track in tracks)
        voiced += gain * np.sin(2 * np.pi * n * phase) * (hertz < 7000)
    vowel = np.clip(np.minimum(share - 0.25, 0.95 - share) / 0.06, 0, 1)
    hiss = np.diff(random.standard_normal(len(time)), prepend=0) * (share < 0.2)
    sound = voiced * vowel / np.abs(voiced).max() + 0.05 * hiss
    return (0.3 * sound).astype(np.float32)
