import importlib.util
import shutil
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch

from cameo3d.data.voice.festival_speech import VOICES, festival_clips
from cameo3d.data.voice.speech_sounds import UNLABELLED, grid_words, lay_words, name_sounds
from cameo3d.errors import CameoError
from cameo3d.media.audio import read_audio
from cameo3d.models.voice.lite.speech_encoder import SOUNDS
from cameo3d.perception.moonshine import RECOGNISED, STEP_SAMPLES, load_recogniser

SAID = [
    "hello",
    "i",
    "am",
    "a",
    "computer",
    "voice",
    "and",
    "this",
    "is",
    "one",
    "photograph",
    "brought",
    "to",
    "life",
    "by",
    "a",
    "program",
    "the",
    "person",
    "in",
    "the",
    "picture",
    "never",
    "said",
    "any",
    "of",
    "this",
]


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    path = Path(str(resources.files("cameo3d").joinpath("assets", "demo_voice.flac")))
    return np.concatenate(list(read_audio(path, 16000)))


def test_names_of_grid_clips_spell_their_sentences():
    assert grid_words("grid_s1/bbaf2n.mp4") == ["bin", "blue", "at", "f", "two", "now"]
    assert grid_words("grid_a_lwiz9s.mp4")[-2:] == ["nine", "soon"]
    assert grid_words("obama_wa1.mp4") == []


def test_sounds_are_named_from_the_first_word_to_the_last_with_silence_between():
    names = name_sounds(100, [("B", 0.1, 0.2), ("AA", 0.2, 0.3), ("M", 0.5, 0.6)])
    expected = [UNLABELLED] * 10 + [SOUNDS.index("B")] * 10 + [SOUNDS.index("AA")] * 10
    expected += [SOUNDS.index("SIL")] * 20 + [SOUNDS.index("M")] * 10 + [UNLABELLED] * 40
    assert names.tolist() == expected
    assert (name_sounds(3, []) == UNLABELLED).all()


def test_words_are_laid_where_they_are_said(samples):
    pytest.importorskip("pocketsphinx", reason="pocketsphinx lays words over sounds")
    laid = lay_words(samples, ["strange-word", *SAID])
    assert [name for name, _, _ in laid if name != "EH"][:3] == ["HH", "L", "OW"]
    assert len(laid) > 80
    loudness = np.abs(samples[: len(samples) // 160 * 160]).reshape(-1, 160).max(1)
    hissing, open_ = (
        np.concatenate([loudness[round(100 * a) : round(100 * b)] for name, a, b in laid if name in names])
        for names in (("S", "F", "TH"), ("AA", "AE", "AY", "OW"))
    )
    assert np.median(open_) > 2 * np.median(hissing)
    assert lay_words(samples[:16000], SAID * 3) == []


@pytest.mark.skipif(
    importlib.util.find_spec("moonshine_voice") is None or importlib.util.find_spec("onnxruntime") is None,
    reason="moonshine-voice and onnxruntime are not installed",
)
def test_the_recogniser_reads_and_hears(samples):
    recogniser = load_recogniser()
    assert recogniser.words(samples[: 8 * 16000])[:6] == SAID[:6]
    heard = recogniser.hear(samples)
    assert heard.shape == ((len(samples) - 895) // STEP_SAMPLES + 1, RECOGNISED)
    # Where a piece begins within the sound, it is heard with what was before it.
    assert (heard[333:380] - recogniser.hear(samples[333 * STEP_SAMPLES :])[:47]).norm() > 0
    assert recogniser.hear(samples[:100]).shape == (1, RECOGNISED)


def test_without_the_wheel_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    load_recogniser.cache_clear()
    with pytest.raises(CameoError, match="moonshine-voice"):
        load_recogniser()


@pytest.mark.skipif(shutil.which("festival") is None, reason="festival is not installed")
def test_festival_says_when_it_speaks_which_sound():
    pytest.importorskip("pocketsphinx", reason="pocketsphinx's dictionary gives the words")
    clip = next(festival_clips(), None)
    if clip is None:
        pytest.skip(f"none of festival's voices is installed: {', '.join(VOICES)}")
    loudness = clip.samples[: len(clip.samples) // 160 * 160].view(-1, 160).square().mean(1)
    names = clip.sounds[: len(loudness)]
    vowels = torch.isin(names, torch.tensor([SOUNDS.index(name) for name in ("AA", "AE", "AO", "EH", "AH")]))
    stops = torch.isin(names, torch.tensor([SOUNDS.index(name) for name in ("SIL", "P", "B", "T", "F")]))
    assert clip.synthesised
    assert loudness[vowels].mean() > 4 * loudness[stops].mean()
