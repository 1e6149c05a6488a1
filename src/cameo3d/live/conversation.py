"""What is said over a live connection, whatever carries it: messages in, messages out (docs/live.md)."""

import json
import logging
import tempfile
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Float32

from cameo3d.errors import CameoError, InputError
from cameo3d.live.encoding import CODEC, FragmentedMp4
from cameo3d.live.faces import Faces, picture_of
from cameo3d.live.pace import Drawn, Pace
from cameo3d.live.protocol import Kind, Message, samples_of
from cameo3d.live.session import LiveSession
from cameo3d.live.sinks import Mp4, Plain
from cameo3d.live.voice_line import SOUND_RATE
from cameo3d.models.voice.contract import FRAME_RATE
from cameo3d.pipeline.adjusting import added_weights
from cameo3d.pipeline.adjustments import Adjustments, parsed
from cameo3d.provenance.disclosure import FULL_DISCLOSURE
from cameo3d.provenance.origin import Origin
from cameo3d.provenance.writing import write_still
from cameo3d.values.motion_files import load_motion
from cameo3d.values.sound import SAMPLE_RATE

if TYPE_CHECKING:
    from cameo3d.live.webrtc import WebRtc

logger = logging.getLogger(__name__)

Send = Callable[[str | bytes], None]
Speak = Callable[[str], Iterable[tuple[Float32[np.ndarray, " samples"], int]]]
"""From a sentence to pieces of sound with their sample rate."""
Format = Literal["h264", "mp4", "webrtc"]
Microphone = Literal["hear", "say"]
"""What a viewer's microphone does over WebRTC: the head listens to it, or speaks with it."""

_STATE_SECONDS = 0.5
_MOST_CHARACTERS = 10_000
_ADJUSTED = ("only", "strength", "set", "gaze", "head")
_SETTABLE = ", ".join(("sway", *_ADJUSTED))


class Conversation:
    """One viewer and one head, from the first message to the last.

    Args:
        session: What moves.
        head: What draws it.
        send: Sends one message, text or bytes; called from several threads, one at a time.
        origin: From what the head was made, for stills.
        format: How pictures and sound are sent.
        speak: Says typed text; None if nothing here can.
        offer: The viewer's session description, for WebRTC.
        microphone: What the viewer's microphone does, for WebRTC.

    Raises:
        InputError: If WebRTC is asked for, and the offer cannot be answered or aiortc is not installed.
    """

    def __init__(
        self,
        session: LiveSession,
        head: Drawn,
        send: Send,
        origin: Origin,
        format: Format = "h264",  # noqa: A002
        speak: Speak | None = None,
        offer: str = "",
        microphone: Microphone = "hear",
    ) -> None:
        self._session, self._head, self._send, self._speak = session, head, send, speak
        self._origin = origin
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._faces = Faces(session, self._fail)
        ready: dict[str, Any] = {"codec": CODEC if format == "h264" else FragmentedMp4.TYPE}
        if format == "webrtc":
            self._out = self._peer(offer, microphone)
            ready = {"answer": self._out.answer}
        else:
            self._out = (Plain if format == "h264" else Mp4)(head.width, head.height, self._tell)
        self._pace = Pace(session, head, self._out)
        self._speaking = threading.Lock()
        self._turn = 0
        """Grows with every interruption, so that text that waits is not spoken after it."""
        self._actions = {
            "look": self._look,
            "interrupt": self._interrupt,
            "say": self._say,
            "play": self._play,
            "set": self._set,
            "recentre": lambda _: self._faces.recentre(),
            "still": self._still,
            "key": lambda _: self._out.ask_key(),
            "stop": lambda _: self._stop.set(),
        }
        self._tell(
            {
                "event": "ready",
                "width": head.width,
                "height": head.height,
                "frame_rate": FRAME_RATE,
                "sound_rate": SOUND_RATE,
                "format": format,
                "text": speak is not None,
                **ready,
            }
        )

    def _peer(self, offer: str, microphone: Microphone) -> "WebRtc":
        try:
            from cameo3d.live.webrtc import WebRtc
        except ModuleNotFoundError as error:
            raise InputError("WebRTC needs aiortc; run pip install 'cameo3d[webrtc]'.") from error
        hear = self._session.hear if microphone == "hear" else None
        return WebRtc(offer, hear, self._session.say, self._faces.show, self._stop.set)

    def run(self, moments: int | None = None) -> None:
        """Send sound and pictures in real time until told to stop."""
        teller = threading.Thread(target=self._tell_state, name="live state", daemon=True)
        teller.start()
        self._faces.start()
        try:
            self._pace.run(self._stop, moments)
        finally:
            self._stop.set()
            self._faces.stop()
            self._out.close()
            teller.join()

    def stop(self) -> None:
        """End `run`."""
        self._stop.set()

    def take(self, message: str | bytes) -> None:
        """Take a message of the viewer; what is wrong with it is told to them, and nothing else happens."""
        try:
            if isinstance(message, bytes):
                self._take_media(Message.unpack(message))
            else:
                self._take_words(message)
        except (CameoError, ValueError) as error:
            self._fail(str(error))

    def _take_media(self, message: Message) -> None:
        match message.kind:
            case Kind.SAY:
                self._session.say(samples_of(message.payload), message.number)
            case Kind.HEAR:
                if message.number != SAMPLE_RATE:
                    raise InputError(
                        f"What is heard has {SAMPLE_RATE} samples a second, got {message.number}."
                    )
                self._session.hear(samples_of(message.payload))
            case _:
                self._faces.show(partial(picture_of, message.payload), message.number)

    def _take_words(self, text: str) -> None:
        if len(text) > 1 << 20:
            raise InputError(f"A live message has at most 1 MiB, got {len(text)} characters.")
        try:
            words: Any = json.loads(text)
            action = self._actions[words["do"]]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise InputError(
                f'A live message is JSON such as {{"do": "interrupt"}}; one of {", ".join(self._actions)}.'
            ) from None
        action(words)

    def _look(self, words: dict[str, Any]) -> None:
        self._session.look_at(_number(words, "x"), _number(words, "y"))

    def _interrupt(self, words: dict[str, Any]) -> None:
        self._turn += 1
        self._session.interrupt()
        self._tell({"event": "flush"})

    def _say(self, words: dict[str, Any]) -> None:
        text = words.get("text")
        if not isinstance(text, str) or not 0 < len(text.strip()) <= _MOST_CHARACTERS:
            raise InputError(f"The text to say has 1 to {_MOST_CHARACTERS} characters.")
        if self._speak is None:
            raise InputError("Nothing here can speak text; run pip install 'cameo3d[text]'.")
        threading.Thread(target=self._speak_text, args=(text, self._turn), daemon=True).start()

    def _speak_text(self, text: str, turn: int) -> None:
        assert self._speak is not None, "asked for before"
        try:
            with self._speaking:  # sentences keep their order
                if turn != self._turn:
                    return
                for samples, rate in self._speak(text):
                    if turn != self._turn:
                        return
                    self._session.say(samples, rate)
        except (CameoError, ValueError) as error:
            self._fail(str(error))

    def _play(self, words: dict[str, Any]) -> None:
        text = words.get("csv")
        if not isinstance(text, str):
            raise InputError("A motion to play comes as the text of a motion file, under csv.")
        with tempfile.TemporaryDirectory(prefix="cameo3d-live-") as folder:
            path = Path(folder) / "motion.csv"
            path.write_text(text, "utf8")
            motion = load_motion(path)
        self._session.play(motion, bool(words.get("relative", True)))

    def _set(self, words: dict[str, Any]) -> None:
        changes: dict[str, Any] = {}
        for name, value in words.items():
            if name == "do":
                continue
            if name == "sway":
                sway = _number(words, name)
                if not 0 <= sway <= 2:
                    raise InputError(f"The sway lies between 0 and 2, got {sway:g}.")
                self._session.sway = sway
            elif name not in _ADJUSTED:
                raise InputError(f"There is nothing to set named {name[:40]!r}; there are {_SETTABLE}.")
            elif value is None:
                changes[name] = getattr(Adjustments(), name)
            else:
                changes[name] = parsed(name, str(value)[:_MOST_CHARACTERS])
        if changes:
            adjustments = replace(self._session.adjustments, **changes)
            added_weights(adjustments)  # names are checked
            self._session.adjustments = adjustments

    def _still(self, words: dict[str, Any]) -> None:
        threading.Thread(target=self._write_still, daemon=True).start()

    def _write_still(self) -> None:
        last = self._head.last
        if last is None:
            return
        try:
            with tempfile.TemporaryDirectory(prefix="cameo3d-live-") as folder:
                path = Path(folder) / "still.png"
                write_still(path, last, self._origin, FULL_DISCLOSURE)
                self._tell(Message(Kind.STILL, 0, path.read_bytes()).pack())
        except CameoError as error:
            self._fail(str(error))

    def _tell_state(self) -> None:
        while not self._stop.wait(_STATE_SECONDS):
            health = self._pace.health
            state = {
                "event": "state",
                "frame_rate": round(health.frames_a_second, 1),
                "late_ms": round(1000 * health.lateness_seconds, 1),
                "draw_ms": round(1000 * health.drawing_seconds, 1),
                "queued_seconds": round(self._session.voice.queued_seconds, 2),
                "left_out": health.left_out,
                "restarts": health.restarts,
                "sees_face": self._faces.sees,
            }
            self._tell(state)

    def _fail(self, sentence: str) -> None:
        self._tell({"event": "error", "error": sentence})

    def _tell(self, message: dict[str, Any] | bytes) -> None:
        with self._lock:
            try:
                self._send(message if isinstance(message, bytes) else json.dumps(message))
            except OSError:  # the viewer left
                self._stop.set()


def _number(words: dict[str, Any], name: str) -> float:
    value = words.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e6 < value < 1e6:
        raise InputError(f"A live message needs a number {name}, got {str(value)[:40]!r}.")
    return float(value)
