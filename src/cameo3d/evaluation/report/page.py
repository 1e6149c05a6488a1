"""The report: one page that needs nothing else, and the same as JSON."""

import json
from dataclasses import asdict
from html import escape

from cameo3d.bench.relief import machine
from cameo3d.evaluation.measures import Measure
from cameo3d.evaluation.published import PUBLISHED
from cameo3d.evaluation.report.cases import contact_sheet, standouts, view_plots
from cameo3d.evaluation.report.plots import dot_plot
from cameo3d.evaluation.report.style import CSS
from cameo3d.evaluation.report.tables import (
    figures_table,
    left_out_table,
    measures_table,
    published_table,
    skipped_table,
    together_table,
)
from cameo3d.evaluation.results import CaseResult, leading_measure
from cameo3d.evaluation.runner import Evaluation
from cameo3d.evaluation.summary import LeftOut, Row, summarise
from cameo3d.imaging.contact_sheets import pick
from cameo3d.media.files import replacing

_DOTS = 300
"""Dots in a plot; more would make the page heavy."""
_TITLES = {
    "reconstruction": "Portrait reconstruction",
    "self": "Same-identity reenactment",
    "cross": "Cross-identity reenactment",
    "voice": "Driven by a voice",
    "free-view": "Seen from all around",
}
_STORIES = {
    "reconstruction": "Each photo becomes an avatar, which is drawn in the photo's own pose and expression.",
    "self": "The first frame of each clip becomes an avatar, and the clip drives it; the truth is the clip.",
    "cross": "Each photo becomes an avatar, and another person drives it; nobody knows the true picture.",
    "voice": "The first frame of each clip becomes an avatar, and the clip's sound drives it.",
    "free-view": "Each photo becomes an avatar, which turns to a grid of angles from there.",
}


def write_report(evaluation: Evaluation) -> None:
    """Write report.json and report.html next to the cases, replacing earlier ones."""
    with replacing(evaluation.folder / "report.json") as temporary:
        temporary.write_text(json.dumps(as_json(evaluation), indent=1, allow_nan=False) + "\n", "utf8")
    with replacing(evaluation.folder / "report.html") as temporary:
        temporary.write_text(page(evaluation), "utf8")


def as_json(evaluation: Evaluation) -> dict[str, object]:
    """Everything but single frames, which are in the cases' own files."""
    rows, left_out = _summary(evaluation)
    return {
        "settings": asdict(evaluation.settings),
        "machine": machine(),
        "table": [asdict(row) for row in rows],
        "together": [{"measure": asdict(one), "value": value} for one, value in _known_together(evaluation)],
        "left_out": [asdict(one) for one in left_out],
        "published_on_other_data": [
            asdict(table) for table in PUBLISHED if table.protocol == evaluation.settings.protocol
        ],
        "cases": [_case_json(result) for result in evaluation.results],
    }


def page(evaluation: Evaluation) -> str:
    """The whole page as HTML."""
    settings, results = evaluation.settings, evaluation.results
    rows, left_out = _summary(evaluation)
    together = _known_together(evaluation)
    measured = [result for result in results if not result.skipped]
    sections = [
        _section(
            "Figures",
            "Mean over cases, each a mean over its frames; sd is the standard deviation of the cases.",
            figures_table(rows, len(results)) if rows else "",
        ),
        _section("Against the angle", "Means of all cases.", view_plots(evaluation))
        if settings.protocol == "free-view"
        else "",
        _section("All together", "", together_table(together, len(measured))) if together else "",
        *_published(evaluation, [*((row.measure, row.mean) for row in rows), *together]),
        _section(
            "Every case",
            f"One dot a case, at most {_DOTS}; the line is the mean. Point at a dot for its name.",
            _dots(measured, rows),
        )
        if len(measured) > 1
        else "",
        _section("Cases", _ranked_by(measured), standouts(evaluation)),
        _section(
            "Contact sheet",
            "The middle output of cases that are evenly spread over all.",
            contact_sheet(evaluation),
        )
        if len(measured) > 1
        else "",
        _section(
            "What each measure is",
            _OTHER_NUMBERS,
            measures_table([row.measure for row in rows] + [one for one, _ in together]),
        ),
        _section("Measures left out", "", left_out_table(left_out)) if left_out else "",
        _section("Cases skipped", "", skipped_table(results)) if len(measured) < len(results) else "",
        _section("Settings and machine", "", _facts(evaluation)),
    ]
    title = f"{_TITLES[settings.protocol]}: {settings.subject}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{CSS}</style></head><body><main>"
        f"{_header(evaluation, title, measured)}{''.join(sections)}</main></body></html>\n"
    )


_OTHER_NUMBERS = (
    "Two figures compare only where all of this agrees. Where the framing reaches beyond the border of the "
    "truth, truth and output are both black."
)


def _summary(evaluation: Evaluation) -> tuple[list[Row], list[LeftOut]]:
    """Rows of the table, and what is left out, of single cases or of all together."""
    rows, left_out = summarise(evaluation.results)
    return rows, left_out + [
        LeftOut(measure, figures.why) for measure, figures in evaluation.together if figures.value is None
    ]


def _known_together(evaluation: Evaluation) -> list[tuple[Measure, float]]:
    return [(one, figures.value) for one, figures in evaluation.together if figures.value is not None]


def _header(evaluation: Evaluation, title: str, measured: list[CaseResult]) -> str:
    frames, seconds = sum(one.frame_count for one in measured), sum(one.seconds for one in measured)
    skipped = len(evaluation.results) - len(measured)
    chips = [
        f"<b>{len(measured)}</b> case{'' if len(measured) == 1 else 's'}",
        f"<b>{frames}</b> frame{'' if frames == 1 else 's'}",
        f"<b>{seconds:.0f}</b> s of work",
        f"seed <b>{evaluation.settings.seed}</b>",
        f"cameo3d <b>{escape(evaluation.settings.version)}</b>",
    ]
    shown = "".join(f'<span class="chip">{chip}</span>' for chip in chips)
    if skipped:
        shown += f'<span class="chip bad"><b>{skipped}</b> skipped</span>'
    return (
        f'<header><h1>{escape(title)}</h1><p class="soft">{_STORIES[evaluation.settings.protocol]}</p>'
        f'<div class="chips">{shown}</div></header>'
    )


def _section(title: str, note: str, body: str) -> str:
    if not body:
        return ""
    told = f'<p class="note">{note}</p>' if note else ""
    return f"<section><h2>{title}</h2>{told}{body}</section>"


def _published(evaluation: Evaluation, ours: list[tuple[Measure, float]]) -> list[str]:
    subject = evaluation.settings.subject
    return [
        _section(
            f'{escape(table.title)} <span class="warn">other data, not comparable</span>',
            f"Measured by its authors on {escape(table.data)}, with their networks, crops and reductions.",
            published_table(table, ours, subject),
        )
        for table in PUBLISHED
        if table.protocol == evaluation.settings.protocol
    ]


def _dots(measured: list[CaseResult], rows: list[Row]) -> str:
    plots = []
    for row in rows:
        known = [
            (result.name, figures.value)
            for result in measured
            for measure, figures in result.figures
            if measure == row.measure and figures.value is not None
        ]
        known.sort(key=lambda pair: pair[1])
        names, values = zip(*(known[index] for index in pick(len(known), _DOTS)), strict=True)
        plots.append(dot_plot(row.measure.name, values, names, row.mean))
    return f'<div class="grid">{"".join(plots)}</div>'


def _ranked_by(measured: list[CaseResult]) -> str:
    leading = leading_measure(measured)
    return f"Ranked by <code>{escape(leading.name)}</code>." if leading and len(measured) > 1 else ""


def _facts(evaluation: Evaluation) -> str:
    told = {name.replace("_", " "): value for name, value in asdict(evaluation.settings).items()}
    told |= {name.replace("_", " "): value for name, value in machine().items()}
    items = []
    for name, value in told.items():
        text = ", ".join(value) or "none" if isinstance(value, tuple) else str(value)
        items.append(f"<dt>{escape(name)}</dt><dd>{escape('none' if value is None else text)}</dd>")
    return f"<dl>{''.join(items)}</dl>"


def _case_json(result: CaseResult) -> dict[str, object]:
    figures = {measure.name: figure.value for measure, figure in result.figures}
    references = {
        measure.name: figure.reference for measure, figure in result.figures if figure.reference is not None
    }
    told = {name: value for name, value in asdict(result).items() if name != "figures"}
    return {**told, "figures": figures, "references": references}
