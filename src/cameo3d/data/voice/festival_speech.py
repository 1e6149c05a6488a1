"""Speech of the festival synthesiser, whose voices are cut from recordings of people; only training needs it.

The voices speak eight languages; those other than English say made-up words in their own script, which is all
that an ear for sounds needs.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.io import wavfile

from cameo3d.data.voice.clips import VoiceClip
from cameo3d.data.voice.speech_sounds import pronounced_words
from cameo3d.data.voice.synthetic_speech import made_clip, resampled
from cameo3d.models.voice.lite.speech_encoder import SOUNDS

VOICES = {
    **dict.fromkeys(("kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts"), "english"),
    **dict.fromkeys(("upc_ca_ona_hts", "lp_diphone", "pc_diphone", "hy_fi_mv_diphone"), "latin"),
    **dict.fromkeys(("suo_fi_lj_diphone", "czech_dita", "czech_krb", "czech_machac", "czech_ph"), "latin"),
    **dict.fromkeys(("hindi_NSK_diphone", "marathi_NSK_diphone"), "devanagari"),
    "telugu_NSK_diphone": "telugu",
    "msu_ru_nsh_clunits": "cyrillic",
}
"""The voices of Debian's packages, and what they read."""
_DEVANAGARI = "कगचजतदनपफबमरलवसश", ("", *"ािीुेो")
_SCRIPTS = {
    "latin": ("pbmfvtdnkgszlr", tuple("aeiou")),
    "devanagari": _DEVANAGARI,
    "telugu": tuple(
        tuple("".join(chr(ord(one) + 0x300) for one in letter) for letter in letters)
        for letters in _DEVANAGARI
    ),
    "cyrillic": ("пбмфвтдкгнсзлршж", tuple("аеиоуы")),
}
"""Consonants and vowels of made-up words."""
_NAMES = {
    **{"A": "AA", "E": "EH", "I": "IY", "O": "AO", "U": "UW", "OH": "OW", "OO": "OW", "EE": "EY", "II": "IY"},
    **{"AX": "AH", "RR": "R", "PAU": "SIL", "#": "SIL", "J": "Y"},
}
_INDIC_NAMES = {"TH": "T", "DH": "D", "J": "JH", "UH": "UH"}
_SENTENCES, _RANDOM = 20, 9


def festival_clips() -> Iterator[VoiceClip]:
    """Clips of about seven seconds in every voice of `VOICES` that the system has; always the same ones."""
    if not shutil.which("festival"):
        return
    generator = np.random.default_rng(_RANDOM)
    listed = subprocess.run(
        ["festival", "--pipe"], input="(print (voice.list))", capture_output=True, text=True, check=True
    )
    there = set(re.findall(r"\w+", listed.stdout))
    for voice, script in VOICES.items():
        sentences = [_sentence(script, generator) for _ in range(_SENTENCES)]
        if voice in there:
            yield from _spoken(voice, script, sentences)


def _spoken(voice: str, script: str, sentences: list[str]) -> Iterator[VoiceClip]:
    with tempfile.TemporaryDirectory() as folder:
        program = [f"(voice_{voice})"]
        for number, sentence in enumerate(sentences):
            program.append(
                f'(set! said (utt.synth (Utterance Text "{sentence}")))'
                f'(utt.save.wave said "{folder}/{number}.wav")'
                f'(format t "clip {number}\\n")'
                '(mapcar (lambda (one) (format t "%s %f\\n" (item.name one) (item.feat one "end")))'
                " (utt.relation.items said 'Segment))"
            )
        written = Path(folder) / "program.scm"
        written.write_text("\n".join(program), encoding="utf8")
        told = subprocess.run(["festival", "-b", str(written)], check=True, capture_output=True, text=True)
        for number, part in enumerate(told.stdout.split("clip ")[1:]):
            marks, start = [], 0.0
            for line in part.splitlines()[1:]:
                phone, end = line.split()
                marks.append((start, _name(phone, script)))
                start = float(end)
            rate, samples = wavfile.read(Path(folder) / f"{number}.wav")
            yield made_clip(f"festival_{voice}", number, resampled(samples, rate), marks)


def _sentence(script: str, generator: np.random.Generator) -> str:
    words = [_word(script, generator) for _ in range(int(generator.integers(9, 18)))]
    return " ".join(f"{word}{'' if generator.random() < 0.85 else ','}" for word in words)


def _word(script: str, generator: np.random.Generator) -> str:
    if script == "english":
        return str(generator.choice(pronounced_words()))
    consonants, vowels = _SCRIPTS[script]
    count = int(generator.integers(1, 5))
    return "".join(
        str(generator.choice(list(consonants))) + str(generator.choice(vowels)) for _ in range(count)
    )


def _name(phone: str, script: str) -> str | None:
    """The nearest of `SOUNDS`; None if there is none."""
    name = re.sub(r"[\d~]", "", phone).upper()
    if script in ("devanagari", "telugu"):
        name = _INDIC_NAMES.get(name, name)
    if script == "cyrillic" and len(name) == 2 and name[0] == name[1] and name[0] in "BDFGKLMNPSTVZ":
        name = name[0]
    name = _NAMES.get(name, name) if script != "english" or name in ("AX", "PAU") else name
    return name if name in SOUNDS else None
