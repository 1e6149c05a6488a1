"""A batch on this machine: worker processes that take row after row; one that dies costs one row."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from cameo3d.app.batch.rows import Row, is_in_shard, read_rows, told
from cameo3d.app.server.children import Child, ChildGone, preload
from cameo3d.app.server.perform import PRELOADED, perform
from cameo3d.app.server.worker import Perform, work
from cameo3d.errors import CameoError, OutputError
from cameo3d.media.files import shown

CRASHED: Mapping[str, Any] = {"error": "Its process crashed; check its files."}


@dataclass(frozen=True)
class Outcome:
    """What became of a row; a line of the report."""

    row: int
    name: str
    state: str
    """done, failed, or skipped because its output was there already."""
    seconds: float = 0.0
    error: str | None = None
    notices: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, row: Row, seconds: float, message: Mapping[str, Any]) -> "Outcome":
        """What a worker's last message says."""
        state = "failed" if message["error"] else "done"
        notices = message.get("notices", [])
        return cls(row.number, row.name, state, round(seconds, 2), message["error"], notices)


class Batch:
    """The rows of one shard on their way, and a report of what became of each."""

    def __init__(self, table: Path, out: Path, shard: tuple[int, int]) -> None:
        """Prepare the folder.

        Raises:
            OutputError: If it cannot be written.
        """
        self._table, self.out, self._shard = table, out, shard
        try:
            out.mkdir(parents=True, exist_ok=True)
            name = f"report-{shard[0] + 1}-of-{shard[1]}.jsonl"
            self._report: IO[str] = (out / name).open("w")  # open as long as the batch
        except OSError as error:
            raise OutputError(f"The folder {shown(out)} cannot be written ({error.strerror}).") from error
        self.failed: list[Outcome] = []
        self.counts = {"done": 0, "failed": 0, "skipped": 0}

    def todo(self) -> Iterator[tuple[Row, dict[str, Any]]]:
        """Rows of this shard that are not done, with what a worker is told; others are settled."""
        for row in read_rows(self._table):
            number = row[0] if isinstance(row, tuple) else row.number
            if not is_in_shard(number, *self._shard):
                continue
            if isinstance(row, tuple):
                self.settle(Outcome(number, "", "failed", error=row[1]))
            elif (self.out / row.output).exists():
                self.settle(Outcome(number, row.name, "skipped"))
            else:
                try:
                    yield row, row.task(self.out, self._table.parent)
                except CameoError as error:
                    self.settle(Outcome(number, row.name, "failed", error=told(error)))

    def settle(self, outcome: Outcome) -> None:
        """Write down what became of a row."""
        self.counts[outcome.state] += 1
        if outcome.state == "failed":
            self.failed.append(outcome)
        self._report.write(json.dumps(asdict(outcome)) + "\n")
        self._report.flush()


def run(
    batch: Batch,
    workers: int,
    row_seconds: float,
    settled: Callable[[Batch], None],
    job: Perform = perform,
) -> None:
    """Carry out a batch.

    Args:
        batch: The batch.
        workers: Processes.
        row_seconds: A row that takes longer is given up.
        settled: Called whenever a row has been settled.
        job: What a worker does with a row.
    """
    if job is perform:
        preload(PRELOADED)
    asyncio.run(_run(batch, workers, row_seconds, settled, job))


async def _run(
    batch: Batch, workers: int, row_seconds: float, settled: Callable[[Batch], None], job: Perform
) -> None:
    rows = batch.todo()
    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(_work(batch, rows, row_seconds, settled, job))
    settled(batch)


async def _work(
    batch: Batch,
    rows: Iterator[tuple[Row, dict[str, Any]]],
    row_seconds: float,
    settled: Callable[[Batch], None],
    job: Perform,
) -> None:
    child: Child | None = None
    try:
        for row, task in rows:
            began = time.monotonic()
            message: Mapping[str, Any] = {}
            try:
                child = child or await Child.start(work, job, 0)
                async with asyncio.timeout(row_seconds):
                    await child.send_json(task)
                    while "error" not in message:
                        message = await child.receive_json()
            except ChildGone:
                message, child = CRASHED, None
            except TimeoutError:
                assert child is not None, "it has begun"
                await child.kill()
                message, child = {"error": f"It took longer than {row_seconds:g} s."}, None
            batch.settle(Outcome.of(row, time.monotonic() - began, message))
            settled(batch)
    finally:
        if child is not None:
            await child.kill()
