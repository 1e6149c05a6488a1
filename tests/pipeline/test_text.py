import wave

import numpy as np
import pytest

from cameo3d.errors import CameoError
from cameo3d.pipeline.text import SPEECH_RATE, Speaker, spoken

pytest.importorskip("hibari")


def test_a_text_becomes_speech_that_the_seed_repeats():
    with (
        spoken("Hello there. My name is Bob, and I was 42 in 2019.", seed=3) as file,
        wave.open(file.name) as sound,
    ):
        samples = np.frombuffer(sound.readframes(-1), "<i2")
        assert sound.getframerate() == SPEECH_RATE
    assert 2.5 < len(samples) / SPEECH_RATE < 7.0
    assert 3000 < np.abs(samples).max() < 32767
    with (
        spoken("Hello there. My name is Bob, and I was 42 in 2019.", seed=3) as file,
        wave.open(file.name) as sound,
    ):
        assert np.array_equal(np.frombuffer(sound.readframes(-1), "<i2"), samples)


def test_sentences_are_spoken_one_by_one():
    parts = list(Speaker().say("One. Two, three. Four!"))
    assert [bool(part.any()) for part in parts] == [True, False] * 3


@pytest.mark.parametrize("text", ["", " \n", "日本語 🙂", "\x00"])
def test_a_text_without_a_word_is_refused(text):
    with pytest.raises(CameoError, match="no English word"):
        spoken(text)


def test_what_cannot_be_read_out_is_told_by_its_beginning():
    with pytest.raises(CameoError, match="'111"):
        spoken("1" * 500)
    with pytest.raises(CameoError, match="at most"):
        spoken("a " * 60_000)
