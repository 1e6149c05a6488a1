"""The tables of the page."""

from collections.abc import Iterable, Sequence
from html import escape

from cameo3d.evaluation.measures import Measure
from cameo3d.evaluation.published import PublishedTable
from cameo3d.evaluation.report.plots import number
from cameo3d.evaluation.results import CaseResult
from cameo3d.evaluation.summary import LeftOut, Row

_BETTER = {"lower": "lower &darr;", "higher": "higher &uarr;", "near": "near the real &asymp;"}


def figures_table(rows: Sequence[Row], total: int) -> str:
    """Means with their spread, one row a measure."""
    has_reference = any(row.reference is not None for row in rows)
    heads = ["measure", "better", *("mean", "&plusmn; sd", "median", "lowest", "highest", "cases")]
    if has_reference:
        heads.insert(4, "real clips")
    lines = []
    for row in rows:
        unit = "" if row.measure.unit in ("1", "none", "") else f" {escape(row.measure.unit)}"
        cells = [
            f"<td><code>{escape(row.measure.name)}</code></td>",
            f'<td class="soft">{_BETTER[row.measure.better]}</td>',
            f'<td class="num mean">{number(row.mean)}{unit}</td>',
            _number_cell(row.deviation if row.count > 1 else None),
            *([_number_cell(row.reference)] if has_reference else []),
            *(_number_cell(value) for value in (row.median, row.lowest, row.highest)),
            f'<td class="num">{row.count} of {total}</td>',
        ]
        lines.append("".join(cells))
    return table(heads, lines, numbers_from=2)


def together_table(known: Sequence[tuple[Measure, float]], total: int) -> str:
    """Figures of all cases together."""
    lines = [
        f"<td><code>{escape(measure.name)}</code></td>"
        f'<td class="soft">{_BETTER[measure.better]}</td>'
        f'<td class="num mean">{number(value)}</td><td class="num">{total}</td>'
        for measure, value in known
    ]
    return table(["measure", "better", "all together", "cases"], lines, numbers_from=2)


def published_table(published: PublishedTable, ours: Sequence[tuple[Measure, float]], subject: str) -> str:
    """A paper's rows below ours, column by column, where we have a measure of that kind."""
    cells = [f'<td class="first">{escape(subject)} (this run)</td>']
    for column in published.columns:
        same = [pair for pair in ours if pair[0].name.split("[")[0] == column]
        words = "<br>".join(f"{number(value)} <code>{_variant(one)}</code>" for one, value in same)
        cells.append(f'<td class="num">{words or "&ndash;"}</td>')
    lines = [
        "".join(
            [
                f'<td class="first">{escape(name)}</td>',
                *(f'<td class="num">{value:g}</td>' for value in values),
            ]
        )
        for name, values in published.rows
    ]
    heads = ['<span class="first">method</span>', *(column.upper() for column in published.columns)]
    body = f'<tr class="ours">{"".join(cells)}</tr>' + "".join(f"<tr>{line}</tr>" for line in lines)
    return _wide(_heads(heads, 1), body)


def measures_table(measures: Iterable[Measure]) -> str:
    """What each figure is, in words."""
    lines = [
        "".join(
            f"<td>{cell}</td>"
            for cell in (
                f"<code>{escape(measure.name)}</code>",
                *(
                    escape(text)
                    for text in (
                        *(measure.unit, measure.network, measure.crop),
                        *(measure.resolution, measure.mask, measure.normalisation),
                    )
                ),
            )
        )
        for measure in measures
    ]
    heads = ["measure", "unit", "network", "crop", "resolution", "mask", "normalisation and means"]
    return table(heads, lines, numbers_from=len(heads))


def reasons_table(head: str, reasons: Iterable[tuple[str, str]]) -> str:
    """Names, each with a sentence."""
    lines = [f"<td><code>{escape(name)}</code></td><td>{escape(why)}</td>" for name, why in reasons]
    return table([head, "why"], lines, numbers_from=2)


def left_out_table(left_out: Sequence[LeftOut]) -> str:
    """Measures that no case has, and why."""
    return reasons_table("measure", ((one.measure.name, one.why) for one in left_out))


def skipped_table(results: Sequence[CaseResult]) -> str:
    """Cases that were skipped, and why."""
    return reasons_table("case", ((one.name, one.skipped) for one in results if one.skipped))


def table(heads: Sequence[str], lines: Sequence[str], numbers_from: int) -> str:
    """A table that scrolls if it is too wide."""
    return _wide(_heads(heads, numbers_from), "".join(f"<tr>{line}</tr>" for line in lines))


def _wide(heads: str, body: str) -> str:
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def _heads(heads: Sequence[str], numbers_from: int) -> str:
    return "".join(
        f'<th class="num">{head}</th>' if index >= numbers_from else f"<th>{head}</th>"
        for index, head in enumerate(heads)
    )


def _number_cell(value: float | None) -> str:
    return f'<td class="num">{"" if value is None else number(value)}</td>'


def _variant(measure: Measure) -> str:
    return escape(f"[{measure.name.split('[', 1)[1]}") if "[" in measure.name else ""
