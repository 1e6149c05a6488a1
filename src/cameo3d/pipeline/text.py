"""From typed text to speech: English, in the one voice that hibari-tts carries in its wheel."""

import tempfile
import wave
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
from jaxtyping import Float32

from cameo3d.errors import CameoError, InputError

SPEECH_RATE = 24000
"""Samples a second."""
MAX_CHARACTERS = 100_000
"""Of one text: about two hours of speech."""
_PAUSE = np.zeros(round(0.15 * SPEECH_RATE), np.float32)


class Speaker:
    """A loaded voice. Load it once, then say many texts."""

    def __init__(self, seed: int = 0) -> None:
        """Load it; takes half a second.

        Args:
            seed: Of the noise in the voice; the same seed and text always give the same speech.

        Raises:
            InputError: If hibari-tts is not installed.
        """
        try:
            from hibari import Hibari
        except ModuleNotFoundError as error:
            raise InputError(
                f"A text needs {error.name}, which is not installed; run pip install 'cameo3d[text]'."
            ) from error
        self._voice: Any = Hibari(threads=1)
        self._noise = np.random.default_rng(abs(seed))

    def say(self, text: str) -> Iterator[Float32[np.ndarray, " samples"]]:
        """Speak a text, sentence by sentence, with a short pause after each.

        Args:
            text: English; other letters are left out.

        Yields:
            Samples in [-1, 1], `SPEECH_RATE` of them a second; what holds no word yields nothing.

        Raises:
            CameoError: If a sentence cannot be read out.
        """
        for sentence in self._voice.split_sentences(text):
            try:
                sounds = [self._voice.ids(phonemes) for phonemes in self._voice.phonemize(sentence)]
            except (LookupError, ValueError) as error:  # such as a number of hundreds of digits
                start = sentence[:40] + ("..." if len(sentence) > 40 else "")
                raise CameoError(f"The text {start!r} cannot be read out; write it in words.") from error
            for sound in sounds:
                spoken = self._voice.from_ids(sound, 1.0, self._noise)
                if len(spoken):
                    yield spoken.astype(np.float32)
                    yield _PAUSE


def spoken(text: str, seed: int = 0) -> IO[bytes]:
    """Speak a text into a temporary WAV file, which is gone once it is closed, or nobody holds it any more.

    Raises:
        InputError: If there is nothing to say, or too much, or hibari-tts is not installed.
        CameoError: If it cannot be read out.
    """
    if len(text) > MAX_CHARACTERS:
        raise InputError(f"The text has {len(text)} characters; say at most {MAX_CHARACTERS} at a time.")
    file = tempfile.NamedTemporaryFile(prefix="cameo3d-", suffix=".wav")  # noqa: SIM115  # the caller's
    some = False
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, SPEECH_RATE, 0, "NONE", ""))
        for samples in Speaker(seed).say(text):
            sound.writeframes((samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
            some = True
    if not some:
        raise InputError("The text holds no English word; write what the person should say.")
    file.flush()
    return file
