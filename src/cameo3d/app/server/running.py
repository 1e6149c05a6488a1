"""The service on a port, with connections that say nothing cut off."""

import asyncio
import contextlib
import logging
import os
import tempfile
import time
from multiprocessing.util import get_temp_dir
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from cameo3d.app.server.settings import Settings
from cameo3d.errors import InputError

_HEADER_SECONDS = 10.0
"""A connection without a complete request is closed after that."""


class _ImpatientProtocol(H11Protocol):
    """HTTP whose connections are closed while no request comes, or only pieces of its headers."""

    _timer: asyncio.TimerHandle | None = None
    _idle_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        if self.transport.get_protocol() is not self:
            return  # it became a WebSocket
        now = time.monotonic()
        if self.cycle is not None and not self.cycle.response_complete:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now
        elif now - self._idle_since >= _HEADER_SECONDS:
            self.transport.close()
            return
        self._timer = self.loop.call_later(_HEADER_SECONDS / 4, self._look)


class _Server(uvicorn.Server):
    """Says where it listens once it does."""

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            print(f"http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)


def configuration(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """How uvicorn serves the app."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=_ImpatientProtocol,
        ws="websockets-sansio",
        ws_max_size=1 << 22,
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=settings.limits.connections,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=3,
    )


def run(app: FastAPI, settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        InputError: If nobody may listen at that address.
        CameoError: If the app cannot start.
    """
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    os.umask(0o077)
    cores = os.cpu_count() or 1
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // settings.worker_count)))
    get_temp_dir()  # of processes, which is removed last, and so may not lie within the next
    tempfile.tempdir = str(settings.data / "uploads")
    server = _Server(configuration(app, settings))
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is how it is stopped
        server.run()
    if not server.started:
        raise InputError(
            f"The service cannot listen at {settings.host}:{settings.port}; another program may, or give a "
            "--port of 1024 or more."
        )
