"""Run an evaluation: case by case in parallel, each stored at once, so that it can go on where it stopped."""

import hashlib
import json
import logging
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import cv2
import numba
import torch

from cameo3d.errors import CameoError, InputError, OutputError
from cameo3d.evaluation.datasets import Item, find_items
from cameo3d.evaluation.measures import Figures, Measure
from cameo3d.evaluation.metrics.fid import figures_of_sets
from cameo3d.evaluation.metrics.tables import chosen, meters_for, set_meters_for
from cameo3d.evaluation.pairs import Pair, choose_pairs, read_pairs
from cameo3d.evaluation.protocols import files_of, staged
from cameo3d.evaluation.results import CaseResult, load_case, load_sets, rank, save_case, save_sets, stamp_of
from cameo3d.evaluation.settings import Settings, differences
from cameo3d.evaluation.thumbnails import Shots
from cameo3d.media.files import replacing, shown
from cameo3d.media.images import write_image
from cameo3d.weights.user_files import own_networks

logger = logging.getLogger(__name__)

STANDOUTS = 4
"""So many of the worst and of the best cases keep their pictures."""
SHEET = 24
"""So many cases, evenly spread over all, keep theirs for the contact sheet."""


@dataclass(frozen=True)
class Evaluation:
    """All that a report tells; what each frame has is left in the stored cases."""

    folder: Path
    settings: Settings
    pairs: list[Pair]
    results: list[CaseResult]
    """One for each pair, in their order."""
    together: list[tuple[Measure, Figures]]
    """What is measured of all cases together."""


def evaluate(
    settings: Settings, folder: Path, jobs: int, say: Callable[[str], None] = lambda line: None
) -> Evaluation:
    """Measure all cases that are not yet measured in a folder.

    Args:
        settings: What to do.
        folder: Where cases and, later, the report are stored; it is made if need be.
        jobs: How many processes work at the same time; 1 works in this one.
        say: Told about every case when it is done.

    Raises:
        InputError: If the data cannot be used, or the folder holds figures of other settings.
        OutputError: If the folder cannot be written, or holds other files.
    """
    pairs = _agreed_pairs(settings, folder)
    done = {pair.name: result for pair in pairs if (result := _known(pair, settings, folder)) is not None}
    pending = [pair for pair in pairs if pair.name not in done]
    if done:
        say(f"{len(done)} of {len(pairs)} cases are already measured in {shown(folder)}")
    for result in _measured(pending, settings, folder, min(jobs, len(pending))):
        done[result.name] = result
        say(f"{len(done)}/{len(pairs)} {_line(result)}")
        _drop_pictures(pairs, done, folder)
    results = [done[pair.name] for pair in pairs]
    return Evaluation(folder, settings, pairs, results, _joined(results, folder))


def case_path(folder: Path, name: str, suffix: str) -> Path:
    """Where a case is stored."""
    safe = re.sub(r"[^\w.-]", "_", name)
    if safe != name or len(safe) > 120:
        safe = f"{safe[:100]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    return folder / "cases" / f"{safe}{suffix}"


def measure_case(pair: Pair, settings: Settings, folder: Path) -> CaseResult:
    """Measure one case and store it; what goes wrong with it is its result."""
    start, result = time.perf_counter(), CaseResult(pair.name, str(pair.source.path), _path(pair.driver))
    try:
        result = _figures_of(pair, settings, folder, result)
    except CameoError as error:
        result = replace(result, skipped=_one_line(str(error)))
    except Exception as error:  # one broken case must not stop thousands; the report names it
        logger.exception("The case %s failed.", pair.name)
        result = replace(result, skipped=_one_line(f"Unexpected {type(error).__name__}: {error}"))
    result = replace(result, seconds=round(time.perf_counter() - start, 3))
    save_case(result, stamp_of(files_of(pair, settings)), case_path(folder, pair.name, ".json"))
    return result.without_frames()


def _figures_of(pair: Pair, settings: Settings, folder: Path, result: CaseResult) -> CaseResult:
    with staged(pair, settings) as stage:
        meters = chosen(meters_for(settings.protocol, stage.case, own_networks()), settings.measures)
        gatherers = chosen(set_meters_for(settings.protocol, stage.case, own_networks()), settings.measures)
        if not meters and not gatherers:
            raise InputError(
                f"The protocol {settings.protocol} has no measure {settings.measures!r}; "
                "docs/evaluation.md names them all."
            )
        shots, count = Shots(stage.case.photo), 0
        for sight in stage.sights:
            count += 1
            for meter in (*meters, *gatherers):
                meter.add(sight.moment)
            shots.add(sight)
    if count == 0:
        raise InputError(f"The case {pair.name} has no frames; give a longer clip.")
    write_image(case_path(folder, pair.name, ".jpg"), shots.strip())
    if any(not one.why for one in gatherers):
        save_sets([one.sets() for one in gatherers], case_path(folder, pair.name, ".npz"))
    together = tuple((one.measure, one.why) for one in gatherers)
    figures = tuple((meter.measure, _rounded(meter.figures(), count)) for meter in meters)
    rate = stage.case.frame_rate
    return replace(result, frame_count=count, frame_rate=rate, figures=figures, together=together)


def _joined(results: list[CaseResult], folder: Path) -> list[tuple[Measure, Figures]]:
    """Measures of all cases together, read one after the other."""
    measured = [result for result in results if not result.skipped]
    joined = []
    for index, (measure, why) in enumerate(measured[0].together if measured else ()):
        paths = (case_path(folder, result.name, ".npz") for result in measured)
        sets = (load_sets(path, index) for path in paths)
        joined.append((measure, Figures(None, why) if why else figures_of_sets(sets)))
    return joined


def _rounded(figures: Figures, count: int) -> Figures:
    """Five digits for each frame; and no figure of how a single frame moves."""
    if figures.per_frame is None:
        still = count == 1 and figures.value is not None
        return Figures(None, "A single frame does not move.") if still else figures
    frames = [None if value is None else float(f"{value:.5g}") for value in figures.per_frame]
    return replace(figures, per_frame=frames)


def _agreed_pairs(settings: Settings, folder: Path) -> list[Pair]:
    """The pairs of an earlier run with the same settings, or new ones, stored."""
    path = folder / "pairs.json"
    if path.exists():
        return _stored_pairs(path, settings)
    data = Path(settings.data)
    items = find_items(data)
    if settings.photos is not None:
        others = [item for item in find_items(Path(settings.photos)) if item.kind == "photo"]
        items = others + [item for item in items if item.kind == "clip"]
    if settings.pairs is not None:
        pairs = read_pairs(Path(settings.pairs), data, items, settings.limit)
    else:
        pairs = choose_pairs(settings.protocol, items, settings.seed, settings.limit)
    try:
        if folder.exists() and any(folder.iterdir()):
            raise OutputError(f"The folder {shown(folder)} holds other files; give a new one with --report.")
        (folder / "cases").mkdir(parents=True)
    except OSError as error:
        raise OutputError(f"The folder {shown(folder)} cannot be made; choose another.") from error
    content = {"settings": asdict(settings), "pairs": [asdict(pair) for pair in pairs]}
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, default=str, indent=1) + "\n", "utf8")
    return pairs


def _stored_pairs(path: Path, settings: Settings) -> list[Pair]:
    try:
        content = json.loads(path.read_text("utf8"))
        stored = content["settings"]
        pairs = [
            Pair(one["name"], _item(one["source"]), _item(one["driver"]) if one["driver"] else None)
            for one in content["pairs"]
        ]
        unlike = differences(settings, stored)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"The list of pairs {shown(path)} is damaged; give a new --report folder."
        ) from error
    if unlike:
        raise InputError(
            f"The folder {shown(path.parent)} holds figures of other settings ({'; '.join(unlike)}); "
            "give a new --report folder."
        )
    return pairs


def _item(stored: dict) -> Item:
    return Item(stored["name"], Path(stored["path"]), stored["kind"])


def _known(pair: Pair, settings: Settings, folder: Path) -> CaseResult | None:
    """What was found before, unless it was skipped or its files have changed."""
    path = case_path(folder, pair.name, ".json")
    if not path.exists():
        return None
    result, stamp = load_case(path)
    gathered = all(why for _, why in result.together) or case_path(folder, pair.name, ".npz").exists()
    if result.skipped or not gathered or stamp != stamp_of(files_of(pair, settings)):
        return None
    return result.without_frames()


def _measured(pairs: list[Pair], settings: Settings, folder: Path, jobs: int) -> Iterator[CaseResult]:
    """Results in the order in which they are ready."""
    if jobs <= 1:
        yield from (measure_case(pair, settings, folder) for pair in pairs)
        return
    waiting = pairs
    while waiting:
        left = set()
        with _pool(jobs) as pool:
            work = {pool.submit(measure_case, pair, settings, folder): pair for pair in waiting}
            for future in as_completed(work):
                try:
                    yield future.result()
                except BrokenProcessPool:
                    left.add(work[future].name)
        # When a process dies, all that had not finished is lost; who killed it was among the first of them.
        lost = [pair for pair in waiting if pair.name in left]
        suspects, waiting = lost[: 2 * jobs + 1], lost[2 * jobs + 1 :]
        yield from (_measured_alone(pair, settings, folder) for pair in suspects)


def _measured_alone(pair: Pair, settings: Settings, folder: Path) -> CaseResult:
    with _pool(1) as pool:
        try:
            return pool.submit(measure_case, pair, settings, folder).result()
        except BrokenProcessPool:
            why = "The process that measured it ended abruptly, perhaps for lack of memory."
            result = CaseResult(pair.name, str(pair.source.path), _path(pair.driver), skipped=why)
            save_case(result, stamp_of(files_of(pair, settings)), case_path(folder, pair.name, ".json"))
            return result


def _pool(jobs: int) -> ProcessPoolExecutor:
    threads = max(1, (os.cpu_count() or 1) // jobs)
    return ProcessPoolExecutor(jobs, get_context("spawn"), _settle_worker, (threads,))


def _settle_worker(threads: int) -> None:
    """Share the cores, die quietly on Ctrl-C, and leave notices about single files to the report."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    logging.basicConfig(level=logging.ERROR)
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    numba.set_num_threads(threads)


def _drop_pictures(pairs: list[Pair], done: dict[str, CaseResult], folder: Path) -> None:
    """Keep the pictures of the worst, the best and the contact sheet only."""
    ranked = rank(list(done.values()))
    keep = {result.name for result in (*ranked[:STANDOUTS], *ranked[-STANDOUTS:])}
    keep |= {pair.name for pair in on_sheet(pairs)}
    for result in ranked:
        if result.name not in keep:
            case_path(folder, result.name, ".jpg").unlink(missing_ok=True)


def on_sheet(pairs: list[Pair]) -> list[Pair]:
    """Pairs that stand on the contact sheet."""
    step = max(1, -(-len(pairs) // SHEET))
    return pairs[::step]


def _one_line(reason: str) -> str:
    return " ".join(reason.split())


def _line(result: CaseResult) -> str:
    if result.skipped:
        return f"{result.name}: skipped. {result.skipped}"
    known = [(measure.name, figures.value) for measure, figures in result.figures]
    shown_figures = ", ".join([f"{name} {value:.4g}" for name, value in known if value is not None][:4])
    return f"{result.name}: {shown_figures} ({result.frame_count} frames, {result.seconds:.1f} s)"


def _path(item: Item | None) -> str:
    return "" if item is None else str(item.path)
