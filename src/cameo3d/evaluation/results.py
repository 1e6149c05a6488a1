"""What one case came to, and how it is stored."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from cameo3d.errors import InputError
from cameo3d.evaluation.measures import FeatureSets, Figures, Measure
from cameo3d.media.files import replacing, shown

_SIDES = ("output", "real")


@dataclass(frozen=True)
class CaseResult:
    """Figures of one case, or why there are none."""

    name: str
    source: str
    driver: str
    frame_count: int = 0
    frame_rate: float = 0.0
    seconds: float = 0.0
    """How long it took to render and measure."""
    figures: tuple[tuple[Measure, Figures], ...] = ()
    """In the order of the table."""
    together: tuple[tuple[Measure, str], ...] = ()
    """Measures that are taken of all cases together, each with the reason why it cannot be, or ""."""
    skipped: str = ""
    """Why it was left out, in one sentence."""

    def without_frames(self) -> "CaseResult":
        """The same without what each frame has, to be kept by the thousand."""
        slim = tuple((measure, replace(figures, per_frame=None)) for measure, figures in self.figures)
        return replace(self, figures=slim)


def badness(measure: Measure, figures: Figures) -> float:
    """How bad a figure is: larger is worse, and what has no value is best."""
    if figures.value is None:
        return float("-inf")
    if measure.better == "near":
        return 0.0 if figures.reference is None else abs(figures.value - figures.reference)
    return figures.value if measure.better == "lower" else -figures.value


def rank(results: Sequence[CaseResult]) -> list[CaseResult]:
    """Measured cases, the worst first, by the measure that `leading_measure` names."""
    measured = [result for result in results if not result.skipped]
    leading = leading_measure(measured)
    if leading is None:
        return measured
    return sorted(measured, key=lambda result: badness(leading, dict(result.figures)[leading]), reverse=True)


def leading_measure(measured: Sequence[CaseResult]) -> Measure | None:
    """The first measure of the table that every case has a value of."""
    for measure, _ in measured[0].figures if measured else ():
        found = (dict(result.figures).get(measure) for result in measured)
        if all(figures is not None and figures.value is not None for figures in found):
            return measure
    return None


def save_case(result: CaseResult, stamp: list[list[Any]], path: Path) -> None:
    """Write a case as JSON, complete or not at all.

    Args:
        result: What was found.
        stamp: Which files it was found in, see `stamp_of`.
        path: Where to.
    """
    with replacing(path) as temporary:
        content = json.dumps({"stamp": stamp, **asdict(result)}, default=float, allow_nan=False)
        temporary.write_text(content + "\n", "utf8")


def load_case(path: Path) -> tuple[CaseResult, list[list[Any]]]:
    """Read what `save_case` wrote: the case and its stamp.

    Raises:
        InputError: If the file is something else.
    """
    try:
        content = json.loads(path.read_text("utf8"))
        stamp = content.pop("stamp")
        figures = tuple((Measure(**one), Figures(**other)) for one, other in content.pop("figures"))
        together = tuple((Measure(**one), why) for one, why in content.pop("together"))
        return CaseResult(**content, figures=figures, together=together), stamp
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"The case {shown(path)} is damaged; delete it and run again.") from error


def save_sets(sets: Sequence[FeatureSets], path: Path) -> None:
    """Store what a case adds to the measures that are taken of all cases together."""
    arrays = {f"{side}_{index}": getattr(one, side) for index, one in enumerate(sets) for side in _SIDES}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def load_sets(path: Path, index: int) -> FeatureSets:
    """Read what a case adds to one of these measures.

    Raises:
        InputError: If the file is something else.
    """
    try:
        with np.load(path) as stored:
            return FeatureSets(*(stored[f"{side}_{index}"] for side in _SIDES))
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise InputError(f"The case {shown(path)} is damaged; delete it and run again.") from error


def stamp_of(paths: Sequence[Path]) -> list[list[Any]]:
    """Name, size and time of change of files: when they differ, what was measured there no longer holds."""
    stamps = []
    for path in paths:
        if path.exists():
            status = path.stat()
            stamps.append([str(path), status.st_size, status.st_mtime_ns])
        else:
            stamps.append([str(path), 0, 0])
    return stamps
