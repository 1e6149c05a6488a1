import asyncio
import json
import threading
from typing import Literal

import numpy as np
import pytest
from made_person import made_person

from cameo3d.errors import InputError
from cameo3d.live.conversation import Conversation
from cameo3d.live.session import LiveSession
from cameo3d.provenance.origin import Origin

aioice = pytest.importorskip("aioice.ice")
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription  # noqa: E402
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack  # noqa: E402


class Head:
    width = height = 64
    last: np.ndarray | None = None

    def draw(self, motion):
        self.last = np.full((64, 64, 3), (200, 60, 60), np.uint8)
        return self.last


@pytest.fixture(autouse=True)
def _only_this_machine(monkeypatch):
    """The connection needs no network card."""
    monkeypatch.setattr(aioice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


async def viewer_sees(seconds=30.0, microphone: Literal["hear", "say"] = "hear", frames=3):
    """A viewer connects with webcam and microphone; what came, and what the head was told."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTrack(AudioStreamTrack())
    peer.addTrack(VideoStreamTrack())
    came = {"audio": [], "video": []}
    tasks, enough = [], asyncio.Event()

    async def read(track):
        while not enough.is_set():
            came[track.kind].append(await track.recv())
            if min(map(len, came.values())) >= frames:
                enough.set()

    peer.on("track", lambda track: tasks.append(asyncio.ensure_future(read(track))))
    await peer.setLocalDescription(await peer.createOffer())
    words, seen = [], []
    session = LiveSession(made_person())
    heard = threading.Event()
    session.hear = lambda samples: heard.set()
    session.say = lambda samples, sample_rate: words.append(("said", sample_rate))
    conversation = Conversation(
        session,
        Head(),
        lambda message: words.append(json.loads(message)),
        Origin("relief", ()),
        "webrtc",
        offer=peer.localDescription.sdp,
        microphone=microphone,
    )
    conversation._faces.show = lambda read, number=0: seen.append(read())
    thread = threading.Thread(target=conversation.run)
    thread.start()
    await peer.setRemoteDescription(RTCSessionDescription(words[0]["answer"], "answer"))
    await asyncio.wait_for(enough.wait(), seconds)
    for _ in range(100):
        if heard.is_set() or microphone == "say":
            break
        await asyncio.sleep(0.02)
    await peer.close()
    await asyncio.to_thread(thread.join, seconds)
    for task in tasks:
        task.cancel()
    return came, words, seen, heard.is_set(), thread.is_alive()


def test_a_viewer_sees_and_hears_the_head_and_the_head_hears_them():
    came, words, _, heard, runs = asyncio.run(viewer_sees())
    assert words[0]["format"] == "webrtc"
    picture = came["video"][-1].to_ndarray(format="rgb24")
    assert picture.shape == (64, 64, 3)
    assert abs(picture.reshape(-1, 3).mean(0) - (200, 60, 60)).max() < 12
    assert came["audio"][0].sample_rate == 48000
    assert heard
    assert not runs, "the head ends when its viewer has left"


def test_a_microphone_may_speak_for_the_head():
    _, words, _, heard, _ = asyncio.run(viewer_sees(microphone="say", frames=30))
    assert ("said", 48000) in words
    assert not heard


@pytest.mark.parametrize(
    "offer", ["", "m=audio m=video", "v=0\r\nm=audio 9 X\r\nm=video 9 X\r\n", "x" * 100_000]
)
def test_what_is_no_offer_is_refused_in_a_sentence(offer):
    with pytest.raises(InputError, match="offer"):
        Conversation(
            LiveSession(made_person()), Head(), lambda _: None, Origin("relief", ()), "webrtc", offer=offer
        )
