"""Single cases on the page: the worst, the best, and a sheet of many."""

import base64
from collections.abc import Sequence
from html import escape

from cameo3d.evaluation.measures import Measure, Picture
from cameo3d.evaluation.protocols import PITCHES_DEGREES, YAWS_DEGREES, view_angles
from cameo3d.evaluation.report.plots import line_plot, number
from cameo3d.evaluation.results import CaseResult, load_case, rank
from cameo3d.evaluation.runner import STANDOUTS, Evaluation, case_path, on_sheet
from cameo3d.evaluation.thumbnails import middle_output
from cameo3d.media.images import encode_image, read_image

_PLOTS = 9
"""So many measures are drawn frame by frame."""
_TOP = {"reconstruction": "truth", "self": "truth", "cross": "driver", "voice": "real clip", "free-view": ""}


def standouts(evaluation: Evaluation) -> str:
    """The worst and the best cases with pictures and plots."""
    ranked = rank(evaluation.results)
    if len(ranked) <= 2 * STANDOUTS:
        tagged = [("only", result) for result in ranked]
        tagged[:1] = [("worst", ranked[0])] if len(ranked) > 1 else tagged[:1]
        tagged[-1:] = [("best", ranked[-1])] if len(ranked) > 1 else tagged[-1:]
    else:
        tagged = [("worst", result) for result in ranked[:STANDOUTS]]
        tagged += [("best", result) for result in ranked[-STANDOUTS:][::-1]]
    still = all(result.frame_count == 1 for result in ranked)
    cases = "".join(_case(evaluation, result, tag) for tag, result in tagged)
    return f'<div class="{"cases still" if still else "cases"}">{cases}</div>' if cases else ""


def contact_sheet(evaluation: Evaluation) -> str:
    """One output of each of many cases, evenly spread over all."""
    figures = []
    for pair in on_sheet(evaluation.pairs):
        path = case_path(evaluation.folder, pair.name, ".jpg")
        if path.exists():
            name = escape(pair.name)
            shot = picture_tag(middle_output(read_image(path)), pair.name)
            figures.append(f'<figure>{shot}<figcaption title="{name}">{name}</figcaption></figure>')
    return f'<div class="sheet">{"".join(figures)}</div>'


def view_plots(evaluation: Evaluation) -> str:
    """Means of all cases against the angle, one plot a measure, one line a pitch; of `free-view` only."""
    sums: dict[Measure, list[list[float]]] = {}
    for result in rank(evaluation.results):
        whole, _ = load_case(case_path(evaluation.folder, result.name, ".json"))
        for measure, figures in whole.figures:
            if figures.per_frame is not None and len(figures.per_frame) == len(view_angles()):
                views = sums.setdefault(measure, [[] for _ in view_angles()])
                for values, value in zip(views, figures.per_frame, strict=True):
                    values += [] if value is None else [value]
    plots = []
    for measure, views in sums.items():
        at = {angle: sum(v) / len(v) if v else None for angle, v in zip(view_angles(), views, strict=True)}
        lines = [(f"pitch {pitch}", [at[yaw, pitch] for yaw in YAWS_DEGREES]) for pitch in PITCHES_DEGREES]
        plots.append(line_plot(measure.name, lines, YAWS_DEGREES, "degrees of yaw"))
    return f'<div class="grid">{"".join(plots)}</div>' if plots else ""


def picture_tag(picture: Picture, words: str) -> str:
    """A picture within the page itself."""
    data = base64.b64encode(encode_image(picture, ".jpg")).decode()
    return f'<img alt="{escape(words)}" src="data:image/jpeg;base64,{data}">'


def _case(evaluation: Evaluation, result: CaseResult, tag: str) -> str:
    whole, _ = load_case(case_path(evaluation.folder, result.name, ".json"))
    values = " &middot; ".join(
        f"{escape(measure.name)} {number(figures.value)}"
        for measure, figures in whole.figures
        if figures.value is not None
    )
    label = f'<span class="tag {tag}">{tag}</span>' if tag != "only" else ""
    path = case_path(evaluation.folder, result.name, ".jpg")
    strip = ""
    if path.exists():
        top = _TOP[evaluation.settings.protocol]
        keys = f"source, then {top + ' above output' if top else 'outputs'}, evenly spread over the clip"
        if result.frame_count == 1:
            keys = f"source, {top}, output"
        shot = picture_tag(read_image(path), result.name)
        strip = f'<div class="strip">{shot}</div><div class="keys">{keys}</div>'
    plots = "".join(_plots(whole, evaluation.settings.protocol == "free-view"))
    return (
        f'<div class="case"><div class="head">{label}<h3>{escape(result.name)}</h3>'
        f'<span class="values">{_length(result)}</span></div>{strip}'
        f'<p class="values">{values}</p><div class="grid">{plots}</div></div>'
    )


def _length(result: CaseResult) -> str:
    return "" if result.frame_count == 1 else f"{result.frame_count} frames"


def _plots(result: CaseResult, views: bool) -> Sequence[str]:
    """Measures frame by frame: over time, or over views."""
    if result.frame_count < 3:
        return []
    rate = 1.0 if views else result.frame_rate or 1.0
    times = [index / rate for index in range(result.frame_count)]
    drawn = [(measure, figures.per_frame) for measure, figures in result.figures if figures.per_frame]
    return [
        line_plot(_title(measure), [("", frames)], times, "views" if views else "s")
        for measure, frames in drawn[:_PLOTS]
        if len(frames) == len(times)
    ]


def _title(measure: Measure) -> str:
    return measure.name if measure.unit in ("1", "none", "") else f"{measure.name} in {measure.unit}"
