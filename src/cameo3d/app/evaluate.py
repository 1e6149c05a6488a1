"""`cameo3d evaluate`: run the cases, write the report, and say where it is."""

from collections.abc import Callable
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cameo3d.errors import InputError
from cameo3d.evaluation.report.page import write_report
from cameo3d.evaluation.runner import Evaluation, evaluate
from cameo3d.evaluation.settings import Settings
from cameo3d.evaluation.summary import summarise


def run(settings: Settings, folder: Path, jobs: int, say: Callable[[str], None]) -> None:
    """Measure what is not yet measured, write report.json and report.html, print the table and the path.

    Args:
        settings: What to do.
        folder: Where the report goes.
        jobs: Processes that work at the same time.
        say: Told about every case.

    Raises:
        CameoError: If the data or the folder cannot be used, or if no case could be measured.
    """
    evaluation = evaluate(settings, folder, jobs, say)
    write_report(evaluation)
    skipped = [result for result in evaluation.results if result.skipped]
    if len(skipped) == len(evaluation.results):
        raise InputError(f"None of {len(skipped)} cases could be measured; the first: {skipped[0].skipped}")
    _show(evaluation)
    print(folder / "report.html")


def _show(evaluation: Evaluation) -> None:
    rows, left_out = summarise(evaluation.results)
    table = Table(title=f"{evaluation.settings.protocol}, {evaluation.settings.subject}", box=SIMPLE)
    table.add_column("measure", no_wrap=True)
    table.add_column("better")
    for heading in ("mean", "sd", "real clips", "cases"):
        table.add_column(heading, justify="right")
    for row in rows:
        reference = "" if row.reference is None else f"{row.reference:.4g}"
        numbers = (f"{row.mean:.4g}", f"{row.deviation:.4g}", reference, str(row.count))
        table.add_row(escape(row.measure.name), row.measure.better, *numbers)
    for measure, figures in evaluation.together:
        if figures.value is not None:
            table.add_row(escape(measure.name), measure.better, f"{figures.value:.4g}", "", "", "all")
    console = Console()
    console.print(table)
    reasons = [(one.measure.name, one.why) for one in left_out]
    reasons += [(one.name, figures.why) for one, figures in evaluation.together if figures.value is None]
    for name, why in reasons:
        console.print(f"{name} left out: {why}", highlight=False, markup=False, soft_wrap=True)
    for result in evaluation.results:
        if result.skipped:
            console.print(
                f"{result.name} skipped: {result.skipped}", highlight=False, markup=False, soft_wrap=True
            )
