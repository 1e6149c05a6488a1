"""`/v1/live`: one WebSocket, one head, in a process of its own (docs/live.md)."""

import asyncio
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, WebSocket
from starlette.websockets import WebSocketDisconnect

from cameo3d.app.server.children import Child, ChildGone, follow_parent
from cameo3d.app.server.failures import Refusal
from cameo3d.app.server.service import Service, service_of
from cameo3d.errors import CameoError

router = APIRouter()
_START_SECONDS = 10.0
_SLOW_SECONDS = 5.0
"""A viewer who does not read for so long is cut off."""
_FORMATS = ("h264", "mp4", "webrtc")
_MICROPHONES = ("hear", "say")
_BACKGROUNDS = ("keep", "#")
_heads: set[Child] = set()


@dataclass(frozen=True)
class _Start:
    """What a viewer begins with, checked."""

    avatar: str
    """Path of the avatar file."""
    format: Any
    background: str
    seed: int
    offer: str
    microphone: Any


def most_heads() -> int:
    """Heads that may be live at a time: one a core, so that each keeps a share that can be watched."""
    return max(1, os.cpu_count() or 1)


@router.websocket("/v1/live")
async def live(socket: WebSocket, service: Annotated[Service, Depends(service_of)]) -> None:
    """Let one head live for one viewer."""
    await socket.accept()
    try:
        start = await _start(socket, service)
        if len(_heads) >= most_heads():
            raise Refusal(503, f"All {most_heads()} live heads are taken; close one, or come back later.")
    except Refusal as refusal:
        await _end(socket, refusal.sentence)
        return
    except WebSocketDisconnect:
        return
    child = await Child.start(let_live, start)
    _heads.add(child)
    try:
        inward = asyncio.create_task(_inward(socket, child))
        outward = asyncio.create_task(_outward(socket, child))
        done, rest = await asyncio.wait((inward, outward), return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        sentence = next((sentence for task in done if (sentence := task.result())), None)
        if sentence is not None:
            await _end(socket, sentence)
    finally:
        _heads.discard(child)
        await child.kill()


async def _start(socket: WebSocket, service: Service) -> _Start:
    """The viewer's first message: which avatar, and how."""
    try:
        async with asyncio.timeout(_START_SECONDS):
            words: Any = json.loads(await socket.receive_text())
        kind, avatar = words.get("format", "h264"), words["avatar"]
        background, seed = words.get("background", "keep"), words.get("seed", 0)
        offer, microphone = words.get("offer", ""), words.get("microphone", "hear")
        checked = words["do"] == "start" and kind in _FORMATS and isinstance(avatar, str)
        checked &= isinstance(background, str) and background.startswith(_BACKGROUNDS)
        checked &= isinstance(seed, int) and 0 <= seed < 2**32
        checked &= isinstance(offer, str) and microphone in _MICROPHONES
        if not checked:
            raise ValueError
    except TimeoutError:
        raise Refusal(408, "The first message did not come; send the start within ten seconds.") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Refusal(
            422,
            'Begin with {"do": "start", "avatar": ID, "format": "h264", "mp4", "webrtc"}; see docs/live.md.',
        ) from None
    return _Start(_avatar_of(service, avatar), kind, background, seed, offer, microphone)


def _avatar_of(service: Service, avatar: str) -> str:
    job = service.queue.get(avatar)
    if job.kind != "avatar" or job.state != "done" or job.result_path is None:
        raise Refusal(409, "That is no finished avatar; make one with POST /v1/avatars.")
    return str(job.result_path)


async def _inward(socket: WebSocket, child: Child) -> str | None:
    with suppress(WebSocketDisconnect, ChildGone):
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return None
            text, data = message.get("text"), message.get("bytes")
            await child.send(b"b" + data if data is not None else b"t" + (text or "").encode())
    return None


async def _outward(socket: WebSocket, child: Child) -> str | None:
    try:
        while True:
            message = await child.receive()
            async with asyncio.timeout(_SLOW_SECONDS):
                if message[:1] == b"b":
                    await socket.send_bytes(message[1:])
                else:
                    await socket.send_text(message[1:].decode())
    except TimeoutError:
        return "The viewer did not read for five seconds and was cut off."
    except ChildGone as gone:
        return None if gone.exitcode == 0 else "The live head ended by itself; start it again."
    except (WebSocketDisconnect, RuntimeError):
        return None


async def _end(socket: WebSocket, sentence: str) -> None:
    """Say why it ends, and end it."""
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        async with asyncio.timeout(_SLOW_SECONDS):
            await socket.send_text(json.dumps({"event": "error", "error": sentence, "final": True}))
            await socket.close(1000)


def let_live(connection: Connection, start: _Start) -> None:
    """What the child does."""
    next_message = follow_parent(connection)

    def send(message: str | bytes) -> None:
        connection.send_bytes(b"b" + message if isinstance(message, bytes) else b"t" + message.encode())

    import threading

    import torch

    from cameo3d.live.conversation import Conversation
    from cameo3d.live.head import LiveHead
    from cameo3d.live.session import LiveSession
    from cameo3d.models.avatar import Avatar
    from cameo3d.models.kinds import label_of
    from cameo3d.models.voice.contract import Delivery
    from cameo3d.pipeline.animate import model_for
    from cameo3d.pipeline.backgrounds import read_background
    from cameo3d.pipeline.options import DEFAULT_MODEL
    from cameo3d.provenance.origin import origin_of

    torch.set_num_threads(1)  # the networks of a frame are too small to be shared out
    try:
        model, source = model_for(start.avatar, DEFAULT_MODEL)
        assert isinstance(source, Avatar), "the service keeps avatars"
        origin = origin_of(label_of(source), start.seed, avatar=Path(start.avatar))
        head = LiveHead(model, source, origin.identity, read_background(start.background))
        session = LiveSession(head.avatar.person, delivery=Delivery(seed=start.seed))
        head.draw(session.next().motion)  # what is compiled or laid out once, before the clock begins
        conversation = Conversation(
            session, head, send, origin, start.format, typed_speech(start.seed), start.offer, start.microphone
        )
    except CameoError as error:
        send(json.dumps({"event": "error", "error": str(error), "final": True}))
        return

    def read() -> None:
        while True:
            message = next_message()
            conversation.take(message[1:] if message[:1] == b"b" else message[1:].decode())

    threading.Thread(target=read, name="live messages", daemon=True).start()
    conversation.run()


def typed_speech(seed: int) -> Any:
    """What says typed text, one sentence at a time; None if it is not installed."""
    import importlib.util

    if importlib.util.find_spec("hibari") is None:
        return None
    from cameo3d.pipeline.text import SPEECH_RATE, Speaker

    speakers: list[Speaker] = []

    def speak(text: str) -> Any:
        if not speakers:
            speakers.append(Speaker(seed))  # half a second, at the first text
        return ((samples, SPEECH_RATE) for samples in speakers[0].say(text))

    return speak
