"""Speech of two synthesisers, espeak-ng and flite, which tell what they say when; only training needs it.

They say random words, so that every sound meets every other. The programs are the system's own; where they
are missing there is no such speech.
"""

import ctypes
import ctypes.util
import io
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from scipy.io import wavfile
from scipy.signal import resample_poly

from cameo3d.data.voice.clips import VoiceClip
from cameo3d.data.voice.speech_sounds import SOUNDS_PER_SECOND, UNLABELLED, pronounced_words
from cameo3d.models.voice.lite.motion_decoder import FRAME_RATE, MOUTH_SHAPES
from cameo3d.models.voice.lite.speech_encoder import SOUNDS
from cameo3d.values.sound import SAMPLE_RATE

FLITE_VOICES = ("awb", "rms", "slt", "kal16")
ESPEAK_ACCENTS = (
    "en-us",
    "en-gb",
    "en-gb-scotland",
    "en-gb-x-rp",
    "de",
    "es",
    "it",
    "fr",
    "pl",
    "nl",
    "sv",
    "hi",
)
ESPEAK_VARIANTS = (
    *("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f2", "f3", "f4", "f5", "klatt", "klatt2"),
    *("klatt3", "klatt4", "steph", "linda", "rob", "Andy", "Annie", "belinda", "caleb", "Mario", "zac"),
)
_FLITE_NAMES = {"PAU": "SIL", "AX": "AH"}
_ESPEAK_NAMES = {
    **{"p": "P", "b": "B", "m": "M", "f": "F", "v": "V", "t": "T", "d": "D", "n": "N", "k": "K", "g": "G"},
    **{"N": "NG", "T": "TH", "D": "DH", "s": "S", "z": "Z", "S": "SH", "Z": "ZH", "tS": "CH", "dZ": "JH"},
    **{
        "l": "L",
        "l^": "L",
        "@L": "L",
        "r": "R",
        "R": "R",
        "r-": "R",
        "*": "R",
        "w": "W",
        "j": "Y",
        "h": "HH",
    },
    **{"x": "HH", "C": "SH", "ts": "S", "n^": "N", "pF": "F", "B": "V", "Q": "G", "t2": "T", "?": "SIL"},
    **{"A": "AA", "A@": "AA", "0": "AA", "0#": "AA", "a": "AE", "aa": "AE", "&": "AE", "V": "AH", "@": "AH"},
    **{
        "@2": "AH",
        "@5": "AH",
        "a#": "AH",
        "3": "ER",
        "3:": "ER",
        "O": "AO",
        "O:": "AO",
        "O@": "AO",
        "o@": "AO",
    },
    **{"aU": "AW", "aI": "AY", "aI@": "AY", "aU@": "AW", "E": "EH", "e": "EH", "E:": "EH", "e@": "EH"},
    **{
        "eI": "EY",
        "e:": "EY",
        "I": "IH",
        "I2": "IH",
        "I#": "IH",
        "i@": "IY",
        "i@3": "IY",
        "i": "IY",
        "i:": "IY",
    },
    **{
        "y": "UW",
        "y:": "UW",
        "Y": "UH",
        "oU": "OW",
        "o": "AO",
        "o:": "OW",
        "OI": "OY",
        "OY": "OY",
        "U": "UH",
    },
    **{
        "U@": "UH",
        "u": "UW",
        "u:": "UW",
        "A:": "AA",
        "a:": "AA",
        "W": "ER",
        "E~": "AE",
        "A~": "AA",
        "O~": "AO",
    },
    **{"_": "SIL", "_:": "SIL", "_|": "SIL", "_::": "SIL", "": "SIL"},
}
_RANDOM = 7


def synthetic_clips() -> Iterator[VoiceClip]:
    """Random words in every voice of those synthesisers that the system has; always the same ones."""
    generator = np.random.default_rng(_RANDOM)
    if shutil.which("flite"):
        yield from flite_clips(generator)
    if ctypes.util.find_library("espeak-ng"):
        yield from espeak_clips(generator)


def flite_clips(generator: np.random.Generator) -> Iterator[VoiceClip]:
    """Clips of about ten seconds in flite's voices, built from recordings of people."""
    for voice in FLITE_VOICES:
        for number in range(20):
            yield made_clip(f"flite_{voice}", number, *_flite(voice, _sentence(generator)))


def espeak_clips(generator: np.random.Generator) -> Iterator[VoiceClip]:
    """Clips in every variant of espeak-ng's voice, half of them in English, at many rates and pitches."""
    espeak = _Espeak()
    for variant in ESPEAK_VARIANTS:
        for number in range(8):
            accent = str(generator.choice(ESPEAK_ACCENTS[: 4 if number % 2 else None]))
            rate, pitch = int(generator.integers(130, 230)), int(generator.integers(25, 76))
            sounding = espeak.say(f"{accent}+{variant}", _sentence(generator), rate, pitch)
            yield made_clip(f"espeak_{variant}", number, *sounding)


def _sentence(generator: np.random.Generator) -> str:
    picked = generator.choice(pronounced_words(), int(generator.integers(10, 22)))
    return " ".join(f"{word}{'' if generator.random() < 0.85 else ','}" for word in picked)


def made_clip(
    voice: str, number: int, samples: Float32[np.ndarray, " samples"], marks: list[tuple[float, str | None]]
) -> VoiceClip:
    """A clip of sounds that begin at these seconds; a name of None is a sound that is not in `SOUNDS`."""
    count = int(len(samples) * FRAME_RATE / SAMPLE_RATE)
    sounds = torch.zeros(len(samples) * SOUNDS_PER_SECOND // SAMPLE_RATE + 1, dtype=torch.int64)
    for start, name in marks:
        sounds[round(SOUNDS_PER_SECOND * start) :] = UNLABELLED if name is None else SOUNDS.index(name)
    return VoiceClip(
        f"{voice}_{number}",
        voice,
        False,
        torch.from_numpy(samples),
        sounds,
        torch.zeros(count, len(MOUTH_SHAPES)),
        torch.zeros(count),
    )


def _flite(voice: str, text: str) -> tuple[Float32[np.ndarray, " samples"], list[tuple[float, str | None]]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        said = subprocess.run(
            ["flite", "-voice", voice, "-psdur", "-t", text, "-o", str(path)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        rate, samples = wavfile.read(io.BytesIO(path.read_bytes()))
    marks, start = [], 0.0
    for part in said.split():
        phone, end = part.upper().split(":")
        name = _FLITE_NAMES.get(phone, phone)
        marks.append((start, name if name in SOUNDS else None))
        start = float(end)
    return resampled(samples, rate), marks


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("place", ctypes.c_int),
        ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    )


class _Espeak:
    """The library behind espeak-ng; it calls back with samples and with the phonemes that begin."""

    _SYNCHRONOUS, _PHONEME_EVENTS, _PHONEME, _UTF8 = 2, 1, 7, 1
    _RATE, _PITCH = 1, 3

    def __init__(self) -> None:
        self._library = ctypes.CDLL(ctypes.util.find_library("espeak-ng"))
        self._sample_rate = self._library.espeak_Initialize(self._SYNCHRONOUS, 0, None, self._PHONEME_EVENTS)
        kind = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
        )
        self._heard: list[bytes] = []
        self._marks: list[tuple[float, str | None]] = []
        self._callback = kind(self._take)  # kept, since the library keeps only its address
        self._library.espeak_SetSynthCallback(self._callback)

    def say(
        self, voice: str, text: str, rate: int, pitch: int
    ) -> tuple[Float32[np.ndarray, " samples"], list[tuple[float, str | None]]]:
        """Samples, and from which second on which sound is heard."""
        self._heard.clear()
        self._marks = []
        self._library.espeak_SetVoiceByName(voice.encode())
        self._library.espeak_SetParameter(self._RATE, rate, 0)
        self._library.espeak_SetParameter(self._PITCH, pitch, 0)
        words = text.encode()
        self._library.espeak_Synth(words, len(words) + 1, 0, 1, 0, self._UTF8, None, None)
        self._library.espeak_Synchronize()
        return resampled(np.frombuffer(b"".join(self._heard), np.int16), self._sample_rate), self._marks

    def _take(
        self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, events: "ctypes._Pointer[_Event]"
    ) -> int:
        if samples and count:
            self._heard.append(ctypes.string_at(samples, 2 * count))
        index = 0
        while events[index].type:
            if events[index].type == self._PHONEME:
                phone = events[index].name.decode(errors="replace")
                self._marks.append((events[index].sample / self._sample_rate, _ESPEAK_NAMES.get(phone)))
            index += 1
        return 0


def resampled(samples: np.ndarray, rate: int) -> Float32[np.ndarray, " samples"]:
    """Sixteen-bit samples of some rate as numbers in [-1, 1] at `SAMPLE_RATE`."""
    common = int(np.gcd(rate, SAMPLE_RATE))
    return resample_poly(samples.astype(np.float32) / 32768, SAMPLE_RATE // common, rate // common).astype(
        np.float32
    )
