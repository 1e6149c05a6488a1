"""A batch on a Ray cluster: an actor is a process that keeps its libraries loaded and takes row after row."""

import socket
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from cameo3d.app.batch.rows import Row
from cameo3d.app.batch.running import CRASHED, Batch, Outcome
from cameo3d.app.server.perform import perform
from cameo3d.app.server.worker import Perform, outcome
from cameo3d.errors import InputError

_LOOK_SECONDS = 1.0
_REACH_SECONDS = 10.0


class _Worker:
    """What runs in an actor."""

    def __init__(self, job: Perform) -> None:
        self._job = job

    def carry_out(self, task: dict[str, Any]) -> dict[str, Any]:
        return outcome(self._job, task, lambda progress: None)


def run(
    batch: Batch,
    address: str,
    workers: int,
    row_seconds: float,
    settled: Callable[[Batch], None],
    job: Perform = perform,
) -> None:
    """Carry out a batch; table and folder should be on a disk that all machines share.

    Args:
        batch: The batch.
        address: Of the cluster, "auto", or "local" for one that is started here.
        workers: Actors, of one processor each.
        row_seconds: A row that takes longer is given up.
        settled: Called whenever a row has been settled.
        job: What an actor does with a row.

    Raises:
        InputError: If Ray is not installed, or there is no cluster at that address.
    """
    try:
        import ray  # pyright: ignore[reportMissingImports]
        from ray.exceptions import RayActorError  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError as error:
        raise InputError("--ray needs Ray; run pip install 'cameo3d[ray]' on all machines.") from error
    _look_for(address)
    try:
        started_here: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
        ray.init(address, log_to_driver=False, **started_here)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(f"There is no Ray cluster at {address!r} ({error}).") from error
    actor = ray.remote(num_cpus=1)(_Worker)
    idle = [actor.remote(job) for _ in range(workers)]
    running: dict[Any, tuple[Any, Row, float]] = {}

    def collect() -> None:
        ready, waiting = ray.wait(list(running), timeout=_LOOK_SECONDS)
        for each in ready:
            try:
                settle(each, ray.get(each))
            except RayActorError:
                settle(each, CRASHED, replace=True)
        for each in waiting:
            if time.monotonic() - running[each][2] > row_seconds:
                ray.kill(running[each][0])
                settle(each, {"error": f"It took longer than {row_seconds:g} s."}, replace=True)

    def settle(done: Any, message: Mapping[str, Any], replace: bool = False) -> None:
        worker, row, began = running.pop(done)
        batch.settle(Outcome.of(row, time.monotonic() - began, message))
        settled(batch)
        idle.append(actor.remote(job) if replace else worker)

    try:
        for row, task in batch.todo():
            while not idle:
                collect()
            worker = idle.pop()
            running[worker.carry_out.remote(task)] = worker, row, time.monotonic()
        while running:
            collect()
    finally:
        ray.shutdown()


def _look_for(address: str) -> None:
    """Ray itself would try for many minutes."""
    place = urlsplit(address if "://" in address else f"//{address}")
    try:
        port = place.port
    except ValueError:
        port = None
    if port is None:  # "auto" or "local"
        return
    try:
        socket.create_connection((place.hostname or "", port), _REACH_SECONDS).close()
    except OSError as error:
        raise InputError(f"There is no Ray cluster at {address!r} ({error}).") from error
