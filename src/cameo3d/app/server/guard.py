"""What stands before every request: who calls, how large and how slow the body is, and security headers."""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cameo3d.app.server.failures import Refusal, failure
from cameo3d.app.server.settings import Settings

COOKIE = "cameo3d_token"
"""A cookie that may stand in for the header, since a browser cannot send the header with a WebSocket."""
OPEN_PATHS = frozenset({"/v1/health"})
"""What answers without a token."""
_BYTES_PER_SECOND = 16 * 1024
_READ_SECONDS = 60.0
"""So long an answer waits for a client who does not read it."""
_HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""Sent with every answer that does not set its own."""


class Guard:
    """ASGI middleware that lets through what may pass, and cuts off what takes too much or too long."""

    def __init__(self, app: ASGIApp, settings: Settings, open_paths: Collection[str], answers: Counter[int]):
        self._app, self._settings, self._open = app, settings, OPEN_PATHS | set(open_paths)
        self._answers = answers
        """Counts answers by their status."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if scope["type"] == "websocket":
            if refusal is None:
                await self._app(scope, receive, send)
            else:
                await receive()
                await send({"type": "websocket.close", "code": 1008, "reason": refusal.sentence[:120]})
            return
        guarded = self._guarded(send)
        if refusal is None:
            body = _Body(receive, self._settings)
            await self._app(scope, body.receive, guarded)
        else:
            answer = failure(refusal.status_code, refusal.sentence, refusal.headers)
            await answer(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers, settings = Headers(scope=scope), self._settings
        host = headers.get("host", "")
        # Without a token, a web page that renames itself to this machine (DNS rebinding) would get in.
        if settings.token is None and _name(host) not in {"localhost", "127.0.0.1", "::1", settings.host}:
            return Refusal(403, "This service answers only under the name of this machine.")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host and origin not in settings.origins:
            return Refusal(403, "Pages of another origin may not call this service; see --origins.")
        if scope["path"] not in self._open and not self._knows_token(headers):
            return Refusal(
                401, "Send the header Authorization: Bearer TOKEN.", {"www-authenticate": "Bearer"}
            )
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > settings.limits.body_mib << 20:
            return _too_large(settings)
        return None

    def _knows_token(self, headers: Headers) -> bool:
        token = self._settings.token
        if token is None:
            return True
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            given = _cookie(headers.get("cookie", ""))
        return secrets.compare_digest(given.strip().encode(), token.encode())

    def _guarded(self, send: Send) -> Send:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._answers[message["status"]] += 1
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            async with asyncio.timeout(_READ_SECONDS):
                await send(message)

        return guarded


class _Body:
    """The body of one request on its way in."""

    def __init__(self, receive: Receive, settings: Settings) -> None:
        self._receive, self._settings = receive, settings
        self._count, self._complete, self._began = 0, False, time.monotonic()

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()  # whoever asks now waits for the client to leave
        grace = self._settings.limits.upload_grace_seconds
        left = self._began + grace + self._count / _BYTES_PER_SECOND - time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(left, grace))):
                message = await self._receive()
        except TimeoutError:
            self._complete = True
            raise Refusal(408, "The upload came too slowly and was cut off; send it again.") from None
        self._count += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._count > self._settings.limits.body_mib << 20:
            self._complete = True
            raise _too_large(self._settings)
        return message


def _too_large(settings: Settings) -> Refusal:
    return Refusal(413, f"The request is larger than {settings.limits.body_mib} MiB; send smaller files.")


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
