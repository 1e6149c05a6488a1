"""A child process with a pipe to it, for asyncio: it can be watched, measured, and killed at any time.

Children are forked from a process that has the heavy libraries loaded (multiprocessing's "forkserver"), so a
killed one is replaced in a moment. Messages are bytes, never pickles: what a hostile file might do to a
child does not reach the service.
"""

import asyncio
import json
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

_CONTEXT = multiprocessing.get_context("forkserver")
_MOST_BYTES = 1 << 26
"""Of one message."""


class ChildGone(Exception):
    """The child ended, whatever the reason; `exitcode` is as of `multiprocessing.Process`."""

    def __init__(self, exitcode: int | None) -> None:
        super().__init__(f"exit code {exitcode}")
        self.exitcode = exitcode


def preload(modules: Sequence[str]) -> None:
    """Say what children have loaded from the start; it counts only before the first one."""
    _CONTEXT.set_forkserver_preload(list(modules))


class Child:
    """A running child process. Made by `start`."""

    def __init__(self, process: Any, connection: Connection) -> None:
        self._process, self._connection = process, connection
        self._messages: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Lock()
        self._loop.add_reader(connection.fileno(), self._read)

    @classmethod
    async def start(cls, target: Callable[..., None], *args: object) -> "Child":
        """Start a process that runs `target(connection, *args)`.

        Args:
            target: A function at the top of a module. It should begin with `follow_parent`.
            args: What can be pickled.
        """
        ours, theirs = _CONTEXT.Pipe()
        process = _CONTEXT.Process(target=target, args=(theirs, *args), daemon=True)
        await asyncio.to_thread(process.start)
        theirs.close()
        return cls(process, ours)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def send(self, message: bytes) -> None:
        """Send a message.

        Raises:
            ChildGone: If it ended.
        """
        try:
            await asyncio.to_thread(self._connection.send_bytes, message)
        except OSError:
            raise ChildGone(await self._ended()) from None

    async def receive(self) -> bytes:
        """The next message.

        Raises:
            ChildGone: If it ended.
        """
        message = await self._messages.get()
        if message is None:
            self._messages.put_nowait(None)
            raise ChildGone(await self._ended())
        return message

    async def send_json(self, value: object) -> None:
        """Send a value as JSON; see `send`."""
        await self.send(json.dumps(value).encode())

    async def receive_json(self) -> Any:
        """The next message, which is JSON; see `receive`."""
        return json.loads(await self.receive())

    def resident_bytes(self) -> int:
        """Memory that it takes; 0 if that cannot be known."""
        return resident_bytes(self.pid)

    async def kill(self) -> None:
        """End it at once, and give its memory back."""
        self._process.kill()
        await self._ended()

    async def _ended(self) -> int | None:
        """Its exit code (the negative number of the signal that ended it), once it has ended."""
        async with self._ending:
            if not self._connection.closed:
                self._loop.remove_reader(self._connection.fileno())
                self._connection.close()
                self._messages.put_nowait(None)
            await asyncio.to_thread(self._process.join, 2.0)
            if self._process.exitcode is None:
                self._process.kill()  # it closed the pipe and lives on
                await asyncio.to_thread(self._process.join)
            return self._process.exitcode

    def _read(self) -> None:
        try:
            self._messages.put_nowait(self._connection.recv_bytes(_MOST_BYTES))
        except (EOFError, OSError):
            self._loop.remove_reader(self._connection.fileno())
            self._messages.put_nowait(None)


def resident_bytes(pid: int) -> int:
    """Memory that a process takes, as the kernel counts it; 0 if that cannot be known."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def follow_parent(connection: Connection) -> Callable[[], bytes]:
    """Called in a child: end with the service, leave Ctrl-C to it, and read its messages.

    Returns:
        What waits for the next message.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    inbox: queue.Queue[bytes] = queue.Queue()

    def read() -> None:
        while True:
            try:
                inbox.put(connection.recv_bytes(_MOST_BYTES))
            except (EOFError, OSError):  # the service is gone, even by kill -9
                os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return inbox.get
