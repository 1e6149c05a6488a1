"""What runs in a worker process: one task after the other, each answered with progress and an outcome."""

import contextlib
import json
import logging
import os
import resource
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

from cameo3d.app.server.children import follow_parent
from cameo3d.errors import CameoError

logger = logging.getLogger(__name__)

Tell = Callable[[float], None]
"""Called with how much of a task is done, from 0 to 1."""
Perform = Callable[[dict, Tell], list[str]]
"""Carries out a task and returns its notices. Raises CameoError where the user can do something about it."""

_TELL_SECONDS = 0.2


def work(connection: Connection, perform: Perform, memory_bytes: int) -> None:
    """Carry out tasks until the service ends.

    Args:
        connection: Tasks come in as JSON; `{"progress": 0..1}` and in the end `{"error": sentence or null,
            "notices": [...]}` go out.
        perform: What carries them out.
        memory_bytes: An allocation beyond twice this fails; 0 sets no limit.
    """
    next_message = follow_parent(connection)
    os.umask(0o077)
    if memory_bytes:
        # The service watches what is resident; this stops an allocation that is faster than its look.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_DATA, (2 * memory_bytes, 2 * memory_bytes))
    while True:
        task = json.loads(next_message())
        connection.send_bytes(json.dumps(outcome(perform, task, _teller(connection))).encode())


def outcome(perform: Perform, task: dict, tell: Tell) -> dict:
    """Carry out a task; returns `error`, a sentence or None, and `notices`."""
    try:
        return {"error": None, "notices": perform(task, tell)}
    except CameoError as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": "The job needs more memory than the service gives to one; send smaller files."}
    except Exception:  # a defect costs one job, not the worker
        logger.exception("A job failed.")
        return {"error": "The job failed for a reason that it should not; the service's log says more."}


def _teller(connection: Connection) -> Tell:
    told = 0.0

    def tell(progress: float) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= _TELL_SECONDS:
            told = now
            connection.send_bytes(json.dumps({"progress": progress}).encode())

    return tell
