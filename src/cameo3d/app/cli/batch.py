"""`cameo3d batch`: animate thousands."""

import os
import sys
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from cameo3d.app.cli.shared import check_files, say, usage


def batch(
    table: Annotated[Positional[Path], arg(metavar="JOBS.jsonl|JOBS.csv")],
    out: Annotated[Path, arg(metavar="FOLDER")],
    workers: int = 0,
    shard: Annotated[str | None, arg(metavar="3/16")] = None,
    row_seconds: float = 3600.0,
    ray: Annotated[str | None, arg(metavar="ADDRESS")] = None,
) -> None:
    """Animate what the rows of a table name, one video each; docs/service.md describes the table.

    What is complete in the folder is left alone, so run it again after a stop. A row that fails is listed and
    skipped; the exit code is then 1.

    Args:
        table: A JSON object a line, or CSV with a head line: `photo` or `avatar`; one of `voice`, `video`,
            `motion` and `text`; and, if wanted, `name`, `format` and any option of animate.
        out: Folder for the videos and the report, a JSON object a line.
        workers: Rows at a time, each in its own process; 0 means one for every two cores.
        shard: Which share of the rows this machine takes; by default read from the environment of a
            Kubernetes indexed job or a Slurm array, else all.
        row_seconds: A row that takes longer is given up.
        ray: Take the rows to a Ray cluster at this address, or to a `local` one.
    """
    if workers < 0 or not row_seconds > 0:
        raise usage("--workers and --row-seconds should not be negative.")
    check_files(None, False, table=table)
    from cameo3d.app.batch.rows import shard_of
    from cameo3d.app.batch.running import Batch, run
    from cameo3d.app.progress import progress_bar

    workers = workers or max(1, (os.cpu_count() or 1) // 2)
    rows = Batch(table, out, shard_of(shard))
    with progress_bar("Rows") as advance:

        def settled(batch: Batch) -> None:
            advance(sum(batch.counts.values()), None)

        if ray is None:
            run(rows, workers, row_seconds, settled)
        else:
            from cameo3d.app.batch.on_ray import run as run_on_ray

            run_on_ray(rows, ray, workers, row_seconds, settled)
    for failed in rows.failed:
        say(f"row {failed.row}{f' ({failed.name})' if failed.name else ''}: {failed.error}")
    print(", ".join(f"{count} {state}" for state, count in rows.counts.items()))
    if rows.failed:
        sys.exit(1)
