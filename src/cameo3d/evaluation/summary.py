"""All cases together: one row of the table for each measure."""

import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from cameo3d.evaluation.measures import Measure
from cameo3d.evaluation.results import CaseResult


@dataclass(frozen=True)
class Row:
    """One measure over all cases that have a value of it."""

    measure: Measure
    mean: float
    """Every case counts the same, however long it is."""
    deviation: float
    """Standard deviation of the cases; 0 for a single one."""
    median: float
    lowest: float
    highest: float
    count: int
    reference: float | None
    """Mean of what the real clips have."""


@dataclass(frozen=True)
class LeftOut:
    """A measure that no case has a value of."""

    measure: Measure
    why: str


def summarise(results: Iterable[CaseResult]) -> tuple[list[Row], list[LeftOut]]:
    """Rows in the order of the table, and the measures without any value with the reason met most often."""
    values: dict[Measure, list[float]] = {}
    references: dict[Measure, list[float]] = {}
    reasons: dict[Measure, Counter[str]] = {}
    for result in results:
        for measure, figures in result.figures:
            known = values.setdefault(measure, [])
            if figures.value is None:
                reasons.setdefault(measure, Counter())[figures.why] += 1
                continue
            known.append(figures.value)
            if figures.reference is not None:
                references.setdefault(measure, []).append(figures.reference)
    rows = [_row(measure, known, references.get(measure, [])) for measure, known in values.items() if known]
    left_out = [
        LeftOut(measure, reasons[measure].most_common(1)[0][0])
        for measure, known in values.items()
        if not known
    ]
    return rows, left_out


def _row(measure: Measure, values: list[float], references: list[float]) -> Row:
    return Row(
        measure,
        statistics.fmean(values),
        statistics.stdev(values) if len(values) > 1 else 0.0,
        statistics.median(values),
        min(values),
        max(values),
        len(values),
        statistics.fmean(references) if references else None,
    )
