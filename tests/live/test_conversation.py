import json
import threading
from typing import Literal

import numpy as np
import pytest
from made_person import made_person

from cameo3d.live.conversation import Conversation
from cameo3d.live.protocol import KEY, Kind, Message, samples_of, sound_bytes
from cameo3d.live.session import LiveSession
from cameo3d.provenance.origin import Origin


class Head:
    width = height = 64
    last: np.ndarray | None = None

    def draw(self, motion):
        self.last = np.full((64, 64, 3), 90, np.uint8)
        return self.last


class Viewer:
    def __init__(self, speak=None, kind: Literal["h264", "mp4"] = "h264"):
        self.messages = []
        self.session = LiveSession(made_person())
        origin = Origin("relief", ())
        self.conversation = Conversation(self.session, Head(), self.messages.append, origin, kind, speak)

    @property
    def words(self):
        return [json.loads(message) for message in self.messages if isinstance(message, str)]

    @property
    def errors(self):
        return [words["error"] for words in self.words if words["event"] == "error"]

    def media(self, kind):
        return [m for m in self.messages if isinstance(m, bytes) and m[0] == kind]


def test_a_viewer_hears_every_moment_and_sees_a_key_first():
    viewer = Viewer()
    viewer.conversation.run(15)
    ready = viewer.words[0]
    assert (ready["event"], ready["codec"], ready["sound_rate"]) == ("ready", "avc1.42c01f", 48000)
    sounds, pictures = viewer.media(Kind.SOUND), viewer.media(Kind.PICTURE)
    assert [int.from_bytes(sound[4:8], "little") for sound in sounds] == list(range(15))
    assert all(len(sound) == 8 + 2 * 1920 for sound in sounds)
    assert pictures
    assert pictures[0][1] & KEY


def test_a_viewer_without_webcodecs_gets_one_mp4():
    viewer = Viewer(kind="mp4")
    viewer.conversation.run(10)
    assert viewer.media(Kind.MP4)[0][12:16] == b"ftyp"


def test_what_is_pushed_is_spoken_and_an_interruption_flushes():
    viewer = Viewer()
    tone = np.sin(np.arange(48000) / 20).astype(np.float32) * 0.5
    viewer.conversation.take(Message(Kind.SAY, 48000, sound_bytes(tone)).pack())
    assert viewer.session.voice.queued_seconds == pytest.approx(1.0)
    viewer.conversation.take('{"do": "interrupt"}')
    assert viewer.session.voice.queued_seconds == 0
    assert viewer.words[-1] == {"event": "flush"}


def test_text_is_spoken_sentence_by_sentence_and_not_after_an_interruption():
    said, go_on = [], threading.Event()

    def speak(text):
        said.append(text)
        go_on.wait(5)
        yield np.full(16000, 0.1, np.float32), 16000

    viewer = Viewer(speak)
    for text in ("One.", "Two."):
        viewer.conversation.take(json.dumps({"do": "say", "text": text}))
    for _ in range(100):
        if said:
            break
        threading.Event().wait(0.01)
    viewer.conversation.take('{"do": "interrupt"}')
    go_on.set()
    threading.Event().wait(0.2)
    assert said == ["One."]
    assert viewer.session.voice.queued_seconds == 0


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("nonsense", "JSON"),
        ("[" * 100_000, "JSON"),
        ('{"do": "dance"}', "one of look"),
        ('{"do": "look", "x": "far"}', "number x"),
        ('{"do": "look", "x": 1e400, "y": 0}', "number x"),
        ('{"do": "say", "text": "Hello"}', "pip install"),
        ('{"do": "say"}', "1 to 10000"),
        ('{"do": "play", "csv": "a,b\\n1,2"}', "motion"),
        ('{"do": "set", "head": "sideways"}', "--head"),
        ('{"do": "set", "hat": 1}', "nothing to set"),
        ('{"do": "set", "set": "mouthSmiel=1"}', "mouthSmiel"),
        (b"\x10", "8 bytes"),
        (b"\x63" + bytes(7), "kind 99"),
        (Message(Kind.SAY, 16000, b"abc").pack(), "even number"),
        (Message(Kind.SAY, 5, b"ab").pack(), "8000 to 96000"),
        (Message(Kind.HEAR, 8000, b"ab").pack(), "16000"),
    ],
)
def test_wrong_messages_are_answered_with_a_sentence(message, sentence):
    viewer = Viewer()
    viewer.conversation.take(message)
    assert len(viewer.errors) == 1
    assert sentence in viewer.errors[0]


@pytest.mark.parametrize(
    "picture",
    [b"", b"no jpeg", b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03" + bytes(20)],
    ids=["empty", "text", "bomb"],
)
def test_wrong_webcam_pictures_are_answered_with_a_sentence(picture):
    viewer = Viewer()
    viewer.conversation.take(Message(Kind.FACE, 1, picture).pack())
    viewer.conversation.run(4)
    assert any("JPEG" in error for error in viewer.errors)


def test_sound_survives_its_message():
    samples = np.array([-1, -0.5, 0, 0.25, 1], np.float32)
    np.testing.assert_allclose(samples_of(sound_bytes(samples)), samples, atol=1e-4)
