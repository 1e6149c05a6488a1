"""Preparing sources on a Ray cluster: Ray Data hands them out and brings back what became of each."""

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from cameo3d.data.portraits.sources import Source
from cameo3d.errors import InputError


def spread(
    sources: Sequence[Source], work: Callable[[Source], str], address: str, jobs: int
) -> Iterator[tuple[Source, str]]:
    """Work on every source somewhere, in any order; all machines should share the folders.

    Args:
        sources: What to work on.
        work: What to do; it returns the reason if a source cannot be used.
        address: Of the cluster, "auto", or "local" for one on this machine alone.
        jobs: For "local", processes at the same time.

    Raises:
        InputError: If Ray is not installed, or there is no cluster at that address.
    """
    try:
        import ray  # pyright: ignore[reportMissingImports]
        import ray.data  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError as error:
        raise InputError(
            "--ray needs Ray Data; run pip install 'cameo3d[cluster]' on all machines."
        ) from error
    local = {"num_cpus": jobs, "include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address, log_to_driver=False, **local)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(f"There is no Ray cluster at {address!r} ({error}).") from error

    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    try:
        rows = ray.data.from_items([{"index": index} for index in range(len(sources))])
        each = partial(_worked, sources=sources, work=work)
        # One block for each source: each is done as soon as it is ready, wherever a processor is free.
        for row in rows.repartition(len(sources)).map(each, num_cpus=1).iter_rows():
            yield sources[row["index"]], row["reason"]
    finally:
        ray.shutdown()


def _worked(
    row: dict[str, int], sources: Sequence[Source], work: Callable[[Source], str]
) -> dict[str, object]:
    return {"index": row["index"], "reason": work(sources[row["index"]])}
