"""A live head over WebRTC: pictures and sound go out, a viewer's webcam and microphone come in (aiortc)."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from fractions import Fraction
from functools import partial
from typing import Any, Literal

import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription  # pyright: ignore[reportMissingImports]
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack  # pyright: ignore[reportMissingImports]
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from jaxtyping import Float32, UInt8

from cameo3d.errors import InputError
from cameo3d.live.faces import Read
from cameo3d.live.protocol import sound_bytes
from cameo3d.live.session import Moment
from cameo3d.live.voice_line import SOUND_RATE
from cameo3d.models.voice.contract import FRAME_RATE
from cameo3d.values.sound import SAMPLE_RATE

_MOST_OFFER = 1 << 16
"""Characters of a session description."""
_ANSWER_SECONDS = 5.0
_PIECE = SOUND_RATE // 50
"""Samples of a packet of Opus: 20 ms."""
_MOST_WAITING = {"audio": 12, "video": 2}
"""Frames that wait while the network is busy; older ones are left out."""


class WebRtc:
    """Sink of a peer connection, which lives in a thread of its own.

    No STUN or TURN server is asked, so the viewer must reach this machine at one of its own addresses.

    Args:
        offer: The viewer's session description (SDP), with all its candidates, one track of sound and one of
            pictures.
        hear: Listens to the viewer's microphone, mono at `SAMPLE_RATE`; None if it speaks for the head.
        say: Speaks with the viewer's microphone: mono samples, and how many a second.
        see: Takes pictures of the viewer's webcam.
        gone: Called when the connection has ended.

    Raises:
        InputError: If the offer cannot be answered.
    """

    def __init__(
        self,
        offer: str,
        hear: Callable[[Float32[np.ndarray, " samples"]], None] | None,
        say: Callable[[Float32[np.ndarray, " samples"], int], None],
        see: Callable[[Read], None],
        gone: Callable[[], None],
    ) -> None:
        if len(offer) > _MOST_OFFER or not all(f"m={kind}" in offer for kind in _MOST_WAITING):
            raise InputError(
                "WebRTC needs an offer, a session description of at most 64 KiB with one track of sound and "
                "one of pictures; see docs/live.md."
            )
        self._listen = partial(_listened, hear=hear, say=say)
        self._see, self._gone = see, gone
        self._reformatter = VideoReformatter()
        self._late: deque[np.ndarray] = deque()
        self._sent = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="live webrtc", daemon=True)
        self._thread.start()
        try:
            self.answer: str = self._wait(self._begin(offer))
            """Our own session description."""
        except Exception as error:  # whatever a library finds wrong with a stranger's text
            self.close()
            raise InputError(f"The WebRTC offer cannot be answered ({error}).") from error

    def ask_key(self) -> None:
        """A viewer's own receiver asks for keys."""

    def close(self) -> None:
        """End the connection."""
        if not self._loop.is_running():
            return
        self._wait(self._peer.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def sound(self, index: int, samples: Float32[np.ndarray, " samples"]) -> None:
        """Send the sound of a moment one moment later, together with its picture."""
        self._late.append(samples)
        if len(self._late) < 2:
            return
        data = sound_bytes(self._late.popleft())
        for start in range(0, len(data), 2 * _PIECE):
            frame = AudioFrame("s16", "mono", _PIECE)
            frame.planes[0].update(data[start : start + 2 * _PIECE])
            frame.sample_rate = SOUND_RATE
            frame.pts, frame.time_base = self._sent, Fraction(1, SOUND_RATE)
            self._sent += _PIECE
            self._loop.call_soon_threadsafe(self._sounds.put, frame)

    def picture(self, moment: Moment, rgb: UInt8[np.ndarray, "height width 3"]) -> None:
        """Send the picture of a moment."""
        frame = self._reformatter.reformat(
            VideoFrame.from_ndarray(np.ascontiguousarray(rgb), "rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU601,  # which receivers assume
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )
        frame.pts, frame.time_base = moment.index, Fraction(1, round(FRAME_RATE))
        self._loop.call_soon_threadsafe(self._pictures.put, frame)

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_ANSWER_SECONDS)

    async def _begin(self, offer: str) -> str:
        self._peer = peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._sounds, self._pictures = _Outgoing("audio"), _Outgoing("video")
        readers: set[asyncio.Task[None]] = set()

        def arrived(track: MediaStreamTrack) -> None:
            take = self._show if track.kind == "video" else self._listen()
            readers.add(asyncio.create_task(_read(track, take)))

        def changed() -> None:
            if peer.connectionState in ("failed", "closed"):
                self._gone()

        peer.on("track", arrived)
        peer.on("connectionstatechange", changed)
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        for track in (self._sounds, self._pictures):
            peer.addTrack(track)
        await peer.setLocalDescription(await peer.createAnswer())
        return peer.localDescription.sdp

    def _show(self, frame: VideoFrame) -> None:
        self._see(partial(frame.to_ndarray, format="rgb24"))


class _Outgoing(MediaStreamTrack):
    """Frames that wait to be sent."""

    def __init__(self, kind: Literal["audio", "video"]) -> None:
        super().__init__()
        self.kind = kind
        self._waiting: asyncio.Queue[Any] = asyncio.Queue(_MOST_WAITING[kind])

    def put(self, frame: AudioFrame | VideoFrame) -> None:
        if self._waiting.full():
            self._waiting.get_nowait()
        self._waiting.put_nowait(frame)

    async def recv(self) -> AudioFrame | VideoFrame:
        if self.readyState != "live":
            raise MediaStreamError
        return await self._waiting.get()


async def _read(track: MediaStreamTrack, take: Callable[[Any], None]) -> None:
    """Hand on what comes in, until it ends."""
    try:
        while True:
            take(await track.recv())
    except MediaStreamError:
        pass


def _listened(
    hear: Callable[[Float32[np.ndarray, " samples"]], None] | None,
    say: Callable[[Float32[np.ndarray, " samples"], int], None],
) -> Callable[[AudioFrame], None]:
    """What takes the frames of one microphone."""
    rate = SAMPLE_RATE if hear is not None else SOUND_RATE
    resampler = AudioResampler(format="flt", layout="mono", rate=rate)

    def take(frame: AudioFrame) -> None:
        for part in resampler.resample(frame):
            samples = part.to_ndarray()[0]
            if hear is not None:
                hear(samples)
            else:
                say(samples, rate)

    return take
