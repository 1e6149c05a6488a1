"""The bench's figures as a table."""

from rich.console import Console
from rich.table import Table

from cameo3d.bench.relief import Figure, Report


def show_table(report: Report, earlier: Report | None) -> None:
    """Print figures and goals, and how they relate to those of an earlier run.

    Args:
        report: What was measured now.
        earlier: What was measured before; None leaves the comparison out.
    """
    console = Console()
    console.print(", ".join(f"{name} {value}" for name, value in report.machine.items()), highlight=False)
    table = Table("stage", title=f"cameo3d bench {report.subject}")
    for heading in ("value", "goal", *(("earlier", "now / earlier") if earlier else ())):
        table.add_column(heading, justify="right")
    before = {figure.name: figure for figure in earlier.figures} if earlier else {}
    for figure in report.figures:
        cells = [figure.name, _shown(figure.value, figure.unit), _goal(figure)]
        if earlier:
            old = before.get(figure.name)
            cells += [_shown(old.value, old.unit), f"{figure.value / old.value:.2f}"] if old else ["", ""]
        table.add_row(*cells)
    console.print(table)


def _goal(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    met = figure.value <= figure.goal if figure.better == "lower" else figure.value >= figure.goal
    sign = "<=" if figure.better == "lower" else ">="
    return f"{sign} {figure.goal:g}{'' if met else ' missed'}"


def _shown(value: float, unit: str) -> str:
    return f"{value:.4g} {unit}".rstrip()
