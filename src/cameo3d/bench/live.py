"""A live head as its viewer gets it: delays, frame rate, drift and memory, in real time."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float32, UInt8

from cameo3d.bench.relief import Figure, Report, machine, portrait_path
from cameo3d.live.conversation import Conversation
from cameo3d.live.head import LiveHead
from cameo3d.live.pace import Drawn
from cameo3d.live.protocol import Kind, Message, sound_bytes
from cameo3d.live.session import LiveSession
from cameo3d.media.audio import read_audio
from cameo3d.media.images import read_image
from cameo3d.models.voice.contract import FRAME_RATE
from cameo3d.pipeline.animate import load_model
from cameo3d.provenance.origin import Origin
from cameo3d.values.sound import SAMPLE_RATE

_PIECE = SAMPLE_RATE // 25
_FACE_SECONDS, _WARM_SECONDS = 10.0, 2.0
_PIECE_SECONDS = _PIECE / SAMPLE_RATE
_FACES_A_SECOND = 25
_PATIENCE_SECONDS = 20.0
_SPOKEN = 3
"""How often the first words and an interruption are timed."""


def measure_live(photo: Path | None, seconds: float, say: Callable[[str], None]) -> Report:
    """Measure a live relief on this machine, through its protocol, without a browser.

    Args:
        photo: Photo to use; by default the astronaut's portrait.
        seconds: How long the head speaks and idles by turns.
        say: Told what is being measured.

    Raises:
        CameoError: If the photo cannot be used.
    """
    torch.set_num_threads(1)
    photo = photo or portrait_path()
    model = load_model("relief")
    start = time.perf_counter()
    head = LiveHead(model, model.encode(photo), 0)
    session = LiveSession(head.avatar.person)
    head.draw(session.next().motion)
    woken = time.perf_counter() - start
    report = measure_conversation(session, head, read_image(photo, 480), _voice(), seconds, say)
    first = Figure("photo to first picture", round(woken, 2), "s", "lower", None)
    return Report("live", machine(), (first, *report))


def measure_conversation(
    session: LiveSession,
    head: Drawn,
    face: UInt8[np.ndarray, "height width 3"],
    voice: Float32[np.ndarray, " samples"],
    seconds: float,
    say: Callable[[str], None],
    face_seconds: float = _FACE_SECONDS,
) -> tuple[Figure, ...]:
    """Measure one head.

    Args:
        session: What moves.
        head: What draws it.
        face: What a webcam would see.
        voice: Speech, 16000 samples a second, that begins at once.
        seconds: How long it speaks and idles by turns.
        say: Told what is being measured.
        face_seconds: How long it follows the webcam.
    """
    viewer = _Viewer()
    conversation = Conversation(session, head, viewer.take, Origin("relief", ()))
    with _running(conversation):
        time.sleep(min(_WARM_SECONDS, seconds))
        say(f"measuring a webcam, {face_seconds:g} s")
        viewer.show_faces(conversation, face, face_seconds)
        say("measuring a voice and an interruption")
        delays = [viewer.time_words(conversation, voice) for _ in range(_SPOKEN)]
        say(f"measuring {seconds:g} s of speech and silence")
        before, began, first = _resident_megabytes(), time.perf_counter(), viewer.count
        viewer.pictures.clear()
        viewer.sounds.clear()
        _speak_by_turns(conversation, voice, seconds)
        spent, after = time.perf_counter() - began, _resident_megabytes()
        pictures, sounds = dict(viewer.pictures), dict(viewer.sounds)
        restarts = viewer.restarts
    shown = len(pictures)
    late = sorted(when - sounds[index] for index, when in pictures.items() if index in sounds)
    steps = list(sounds.items())
    drift = (steps[-1][1] - steps[0][1]) - (steps[-1][0] - steps[0][0]) / FRAME_RATE
    gaps = [b[1] - a[1] for a, b in pairwise(steps)]
    faces = sorted(viewer.face_delays)
    return (
        Figure("pictures", round(shown / spent, 2), "frames/s", "higher", 24.5),
        Figure("webcam to picture sent, median", _ms(faces, 0.5), "ms", "lower", 130.0),
        Figure("webcam to picture sent, 95 of 100", _ms(faces, 0.95), "ms", "lower", None),
        Figure("voice to its sound sent", _ms([one[0] for one in delays], 0.5), "ms", "lower", 420.0),
        Figure("voice to its picture sent", _ms([one[1] for one in delays], 0.5), "ms", "lower", 480.0),
        Figure("interruption to silence", _ms([one[2] for one in delays], 1.0), "ms", "lower", 100.0),
        Figure("picture after its sound, 95 of 100", _ms(late, 0.95), "ms", "lower", 120.0),
        Figure("drift of the sound's clock", round(1000 * abs(drift), 1), "ms", "lower", 40.0),
        Figure("longest wait for sound", _ms(gaps, 1.0), "ms", "lower", 100.0),
        Figure("sound that broke", float(restarts), "", "lower", 1.0),
        Figure("memory at the end", round(after, 1), "MB", "lower", None),
        Figure("memory, end to start", round(after / before, 4), "", "lower", 1.05),
        Figure("processes of the machine that want a core", round(os.getloadavg()[0], 1), "", "lower", None),
        Figure("seconds measured", round(spent, 1), "s", "higher", None),
        Figure("messages", float(viewer.count - first), "", "higher", None),
    )


class _Viewer:
    """Notes when messages come."""

    def __init__(self) -> None:
        self.pictures: dict[int, float] = {}
        self.sounds: dict[int, float] = {}
        self.face_delays: list[float] = []
        self.count, self.restarts = 0, 0
        self._faces: dict[int, float] = {}
        self._loud: tuple[int, float] | None = None
        self._last_loud = 0.0

    def take(self, message: str | bytes) -> None:
        now = time.perf_counter()
        self.count += 1
        if isinstance(message, str):
            words = json.loads(message)
            self.restarts = words.get("restarts", self.restarts)
            return
        index = int.from_bytes(message[4:8], "little")
        if message[0] == Kind.PICTURE:
            self.pictures[index] = now
            sent = self._faces.pop(int.from_bytes(message[2:4], "little"), None)
            if sent is not None:
                self.face_delays.append(now - sent)
        elif message[0] == Kind.SOUND:
            self.sounds[index] = now
            if any(message[8:]):
                self._loud = self._loud or (index, now)
                self._last_loud = now

    def show_faces(self, conversation: Conversation, face: np.ndarray, seconds: float) -> None:
        """Show a webcam's pictures of a head that moves a little, and note how long each takes."""
        side = face.shape[1]
        for number in range(1, round(seconds * _FACES_A_SECOND) + 1):
            shift = 0.02 * side * np.sin(number / 8)
            moved = np.array([[1, 0, shift], [0, 1, 0]])
            picture = cv2.warpAffine(face, moved, face.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
            jpeg = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()
            self._faces[number] = time.perf_counter()
            conversation.take(Message(Kind.FACE, number, jpeg).pack())
            time.sleep(1 / _FACES_A_SECOND)

    def time_words(self, conversation: Conversation, voice: np.ndarray) -> tuple[float, float, float]:
        """Say something, 40 ms at a time.

        Returns:
            Seconds to its sound, to its picture, and from an interruption to silence.
        """
        self._loud, began = None, time.perf_counter()
        for start in range(0, SAMPLE_RATE, _PIECE):
            conversation.take(
                Message(Kind.SAY, SAMPLE_RATE, sound_bytes(voice[start : start + _PIECE])).pack()
            )
            time.sleep(_PIECE_SECONDS)
        end = began + _PATIENCE_SECONDS
        while self._loud is None and time.perf_counter() < end:
            time.sleep(0.02)
        loud = self._loud
        more = Message(Kind.SAY, SAMPLE_RATE, sound_bytes(voice[:SAMPLE_RATE]))  # so that a word is cut off
        conversation.take(more.pack())
        time.sleep(_PIECE_SECONDS)
        while time.perf_counter() - self._last_loud > _PIECE_SECONDS and time.perf_counter() < end:
            time.sleep(0.005)
        stopped = time.perf_counter()
        conversation.take('{"do": "interrupt"}')
        time.sleep(0.6)
        if loud is None:
            raise RuntimeError(f"Sound that was pushed did not come out within {_PATIENCE_SECONDS:g} s.")
        shown = [when for index, when in sorted(self.pictures.items()) if index >= loud[0]]
        return loud[1] - began, (shown or [time.perf_counter()])[0] - began, self._last_loud - stopped


@contextmanager
def _running(conversation: Conversation) -> Iterator[None]:
    thread = threading.Thread(target=conversation.run)
    thread.start()
    try:
        yield
    finally:
        conversation.stop()
        thread.join()


def _speak_by_turns(conversation: Conversation, voice: np.ndarray, seconds: float) -> None:
    end = time.perf_counter() + seconds
    turn = len(voice) / SAMPLE_RATE + 3
    while (left := end - time.perf_counter()) > 0:
        conversation.take(Message(Kind.SAY, SAMPLE_RATE, sound_bytes(voice)).pack())
        time.sleep(min(turn, left))


def _voice() -> Float32[np.ndarray, " samples"]:
    """The demo's voice from its first loud sample on."""
    path = Path(str(resources.files("cameo3d").joinpath("assets", "demo_voice.flac")))
    samples = np.concatenate(list(read_audio(path, SAMPLE_RATE)))
    return samples[int(np.argmax(np.abs(samples) > 0.02)) :]


def _ms(seconds: list[float], share: float) -> float:
    """A share of the delays is no longer than this, milliseconds; infinite if nothing came."""
    if not seconds:
        return float("inf")
    ordered = sorted(seconds)
    return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)


def _resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
