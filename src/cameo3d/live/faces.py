"""Watches a viewer's webcam for a live head."""

import threading
from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import UInt8

from cameo3d.errors import CameoError, InputError
from cameo3d.live.session import LiveSession
from cameo3d.live.webcam import WebcamFace

_MOST_PIXELS = 1 << 21
"""Of a webcam's picture."""


Read = Callable[[], UInt8[np.ndarray, "height width 3"]]
"""Gives a picture; raises InputError if it is none."""


class Faces:
    """Looks at the newest webcam picture in a thread of its own; those that come too fast are left out.

    Args:
        session: What follows the face.
        fail: Told, in a sentence, what is wrong with a picture.
    """

    def __init__(self, session: LiveSession, fail: Callable[[str], None]) -> None:
        self._session, self._fail = session, fail
        self._newest: tuple[Read, int] | None = None
        self._news, self._is_over, self._recentres = threading.Condition(), False, False
        self._thread: threading.Thread | None = None
        self.sees = False
        """Whether the last picture showed a face."""

    def start(self) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self._look, name="live webcam", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        with self._news:
            self._is_over = True
            self._news.notify()
        if self._thread is not None:
            self._thread.join()

    def show(self, read: Read, number: int = 0) -> None:
        """Take a picture, decoded only if there is time to look; `number` comes back as its echo."""
        with self._news:
            self._newest = (read, number)
            self._news.notify()

    def recentre(self) -> None:
        """Take the face of the next pictures as the neutral one."""
        self._recentres = True

    def _look(self) -> None:
        face: WebcamFace | None = None
        while (newest := self._wait()) is not None:
            read, number = newest
            try:
                face = face or WebcamFace()
                if self._recentres:
                    face.recentre()
                    self._recentres = False
                seen = face.see(read())
            except CameoError as error:
                self._fail(str(error))
                continue
            self.sees = seen is not None
            if seen is not None:
                self._session.follow(*seen, number)

    def _wait(self) -> tuple[Read, int] | None:
        with self._news:
            while self._newest is None and not self._is_over:
                self._news.wait()
            newest, self._newest = self._newest, None
            return None if self._is_over else newest


def picture_of(jpeg: bytes) -> UInt8[np.ndarray, "height width 3"]:
    """A webcam's picture.

    Raises:
        InputError: If it is no JPEG, or too large.
    """
    size = _jpeg_size(jpeg)
    if size is None or size[0] * size[1] > _MOST_PIXELS:
        raise InputError("A webcam's picture is a JPEG of at most two megapixels; send another.")
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise InputError("A webcam's picture could not be decoded; send a JPEG.")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Height and width that a JPEG's header tells, so that a bomb is never decoded."""
    if data[:2] != b"\xff\xd8":
        return None
    place = 2
    while place + 9 < len(data) and data[place] == 0xFF:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return (
                int.from_bytes(data[place + 5 : place + 7], "big"),
                int.from_bytes(data[place + 7 : place + 9], "big"),
            )
        place += 2 + length
    return None
