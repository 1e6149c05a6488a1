"""Many sources to many shards, in several processes; bad sources are listed with their reasons."""

import csv
import json
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from functools import partial
from pathlib import Path

from cameo3d.data.portraits.cluster import spread
from cameo3d.data.portraits.eg3d_synthesis import Eg3dSynthesis, draw_person, made_up_people
from cameo3d.data.portraits.preparing import Preparation, prepare
from cameo3d.data.portraits.shards import Clip, write_shard
from cameo3d.data.portraits.sources import Source, find_sources
from cameo3d.data.portraits.synthesis import Synthesis, synthesise
from cameo3d.errors import CameoError, InputError, OutputError, WeightsError
from cameo3d.media.files import make_folder, replacing, shown

How = Preparation | Synthesis | Eg3dSynthesis
"""What is made: what sources show, views that the relief draws of them, or people that EG3D makes up."""
SKIPPED = "skipped.csv"
_SETTINGS = "preparation.json"


def prepare_folder(
    folder: Path,
    out: Path,
    how: How,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
    ray: str | None = None,
) -> tuple[int, int]:
    """Prepare all photos and clips of a folder.

    What is there already, or is listed in `skipped.csv`, is left; delete it to try again.

    Args:
        folder: Photos and clips; to make up people, EG3D's checkpoint.
        out: Folder of the shards; it is made if need be.
        how: The same for all shards of a folder.
        jobs: Processes that work at the same time.
        progress: Called with how many sources are done, and of how many.
        ray: Address of a Ray cluster whose machines work, see `cluster.spread`; None for this process's own.

    Returns:
        Number of shards and of skipped sources.

    Raises:
        InputError: If there is nothing to prepare, or the shards there were prepared in another way.
        OutputError: If the folder cannot be written.
    """
    folder, out = folder.resolve(), out.resolve()  # the same on every machine
    sources = made_up_people(folder, how) if isinstance(how, Eg3dSynthesis) else find_sources(folder)
    make_folder(out)
    _check_settings(out / _SETTINGS, how)
    skipped = _read_skipped(out / SKIPPED)
    left = [x for x in sources if x.name not in skipped and not _path(out, x).is_file()]
    done = len(sources) - len(left)
    for source, reason in _worked(left, out, how, jobs, ray):
        done += 1
        if reason:
            skipped[source.name] = reason
            with (out / SKIPPED).open("a", newline="", encoding="utf8") as file:
                csv.writer(file).writerow((source.name, reason))
        if progress:
            progress(done, len(sources))
    return sum(_path(out, x).is_file() for x in sources), len(skipped)


def _worked(
    sources: list[Source], out: Path, how: How, jobs: int, ray: str | None
) -> Iterator[tuple[Source, str]]:
    if ray is not None and sources:
        yield from spread(sources, partial(_alone, out=out, how=how), ray, jobs)
        return
    if jobs == 1 or len(sources) < 2:
        for source in sources:
            yield source, _work(source, _path(out, source), how)
        return
    # Fresh processes, since the detectors' threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_one_thread) as pool:
        futures = {pool.submit(_work, source, _path(out, source), how): source for source in sources}
        for future in as_completed(futures):
            yield futures[future], future.result()


def _work(source: Source, path: Path, how: How) -> str:
    """Write one shard; the reason if it could not be made."""
    try:
        write_shard(_made(source, how), path)
    except (OutputError, WeightsError):
        raise
    except CameoError as error:
        return str(error)
    return ""


def _made(source: Source, how: How) -> Clip:
    if isinstance(how, Eg3dSynthesis):
        return draw_person(source, how)
    return synthesise(source, how) if isinstance(how, Synthesis) else prepare(source, how)


def _alone(source: Source, out: Path, how: How) -> str:
    _one_thread()
    return _work(source, _path(out, source), how)


def _one_thread() -> None:
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def _path(out: Path, source: Source) -> Path:
    return out / f"{source.name}.safetensors"


def _check_settings(path: Path, how: How) -> None:
    if not path.is_file():
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(asdict(how), indent=1), "utf8")
        return
    if json.loads(path.read_text("utf8")) != asdict(how):
        raise InputError(
            f"The shards in {shown(path.parent)} were prepared with other options; choose another --out."
        )


def _read_skipped(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf8") as file:
        return {row[0]: row[1] for row in csv.reader(file) if len(row) == 2}
