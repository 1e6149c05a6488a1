"""Where a live head's sound and pictures go: messages of H.264 and PCM, or one fragmented MP4."""

import threading
from collections.abc import Callable, Iterable

import numpy as np
from jaxtyping import Float32, UInt8

from cameo3d.live.encoding import FragmentedMp4, PictureEncoder
from cameo3d.live.protocol import KEY, Kind, Message, sound_bytes
from cameo3d.live.session import Moment


class Plain:
    """Sink of H.264 and PCM.

    Args:
        width: Pixels, even.
        height: Pixels, even.
        send: Sends a message.
    """

    def __init__(self, width: int, height: int, send: Callable[[bytes], None]) -> None:
        self._encoder, self._send = PictureEncoder(width, height), send

    def ask_key(self) -> None:
        """Make the next picture one that can be decoded by itself."""
        self._encoder.ask_key()

    def close(self) -> None:
        """Nothing is held."""

    def sound(self, index: int, samples: Float32[np.ndarray, " samples"]) -> None:
        """Send the sound of a moment."""
        self._send(Message(Kind.SOUND, index, sound_bytes(samples)).pack())

    def picture(self, moment: Moment, rgb: UInt8[np.ndarray, "height width 3"]) -> None:
        """Send the picture of a moment."""
        data, is_key = self._encoder.encode(rgb, moment.index)
        self._send(
            Message(Kind.PICTURE, moment.index, data, KEY if is_key else 0, moment.face % 65536).pack()
        )


class Mp4:
    """Sink of fragmented MP4; arguments as of `Plain`."""

    def __init__(self, width: int, height: int, send: Callable[[bytes], None]) -> None:
        self._mp4, self._send, self._count = FragmentedMp4(width, height), send, 0
        self._lock = threading.Lock()

    def ask_key(self) -> None:
        """Every viewer has a stream of their own, which begins with a key."""

    def close(self) -> None:
        """Nothing is held."""

    def sound(self, index: int, samples: Float32[np.ndarray, " samples"]) -> None:
        """Send the sound of a moment."""
        with self._lock:
            self._pass_on(self._mp4.encode_sound(samples))

    def picture(self, moment: Moment, rgb: UInt8[np.ndarray, "height width 3"]) -> None:
        """Send the picture of a moment."""
        with self._lock:
            self._pass_on(self._mp4.encode(rgb, moment.index))

    def _pass_on(self, parts: Iterable[bytes]) -> None:
        for part in parts:
            self._send(Message(Kind.MP4, self._count, part).pack())
            self._count += 1
