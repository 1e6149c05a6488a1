import numpy as np
import pytest
from made_person import made_person

from cameo3d.bench.live import measure_conversation
from cameo3d.live.session import LiveSession


class Head:
    width = height = 64
    last: np.ndarray | None = None

    def draw(self, motion):
        return np.full((64, 64, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def figures():
    voice = (np.sin(np.arange(32000) / 9) * 0.5).astype(np.float32)
    nobody = np.zeros((32, 32, 3), np.uint8)
    found = measure_conversation(LiveSession(made_person()), Head(), nobody, voice, 1.0, lambda _: None, 0.2)
    return {figure.name: figure.value for figure in found}


def test_no_sound_comes_out_before_the_voice_model_has_looked_ahead(figures):
    assert figures["voice to its sound sent"] >= 200
    assert figures["voice to its picture sent"] >= 200


def test_a_face_that_is_never_seen_is_no_delay(figures):
    assert figures["webcam to picture sent, median"] == float("inf")


def test_seconds_and_messages_are_counted(figures):
    assert figures["seconds measured"] >= 1
    assert figures["messages"] > 10
