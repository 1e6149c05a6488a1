"""A batch on a Ray cluster: an actor is a process that keeps its libraries loaded and takes row after row."""

import time
from collections.abc import Callable
from typing import Any

from cameo3d.app.batch.rows import Row
from cameo3d.app.batch.running import CRASHED, Batch, Outcome
from cameo3d.app.server.perform import perform
from cameo3d.app.server.worker import outcome
from cameo3d.errors import InputError


class _Worker:
    """What runs in an actor."""

    def carry_out(self, task: dict[str, Any]) -> dict[str, Any]:
        return outcome(perform, task, lambda progress: None)


def run(batch: Batch, address: str, workers: int, settled: Callable[[Batch], None]) -> None:
    """Carry out a batch; table and folder should be on a disk that all machines share.

    Args:
        batch: The batch.
        address: Of the cluster, "auto", or "local" for one that is started here.
        workers: Actors, of one processor each.
        settled: Called whenever a row has been settled.

    Raises:
        InputError: If Ray is not installed, or there is no cluster at that address.
    """
    try:
        import ray  # pyright: ignore[reportMissingImports]
        from ray.exceptions import RayActorError  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError as error:
        raise InputError("--ray needs Ray; run pip install 'cameo3d[ray]' on all machines.") from error
    try:
        ray.init(address, log_to_driver=False, include_dashboard=False) if address == "local" else ray.init(
            address
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(f"There is no Ray cluster at {address!r} ({error}).") from error
    actor = ray.remote(num_cpus=1, max_restarts=-1)(_Worker)
    idle = [actor.remote() for _ in range(workers)]
    running: dict[Any, tuple[Any, Row, float]] = {}

    def collect() -> None:
        (ready,), _ = ray.wait(list(running))
        worker, row, began = running.pop(ready)
        try:
            message = ray.get(ready)
        except RayActorError:  # Ray starts it again
            message = CRASHED
        batch.settle(Outcome.of(row, time.monotonic() - began, message))
        settled(batch)
        idle.append(worker)

    try:
        for row, task in batch.todo():
            if not idle:
                collect()
            worker = idle.pop()
            running[worker.carry_out.remote(task)] = worker, row, time.monotonic()
        while running:
            collect()
    finally:
        ray.shutdown()
