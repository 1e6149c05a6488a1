import json
import re

import pytest

from cameo3d.evaluation.measures import Figures, Measure
from cameo3d.evaluation.published import PUBLISHED
from cameo3d.evaluation.report.page import page, write_report
from cameo3d.evaluation.report.plots import dot_plot, line_plot, number
from cameo3d.evaluation.results import CaseResult
from cameo3d.evaluation.runner import evaluate
from cameo3d.evaluation.summary import summarise
from cameo3d.evaluation.thumbnails import CELL, COUNT, Shots


@pytest.fixture
def evaluation(quick, photos, settings_for):
    return evaluate(settings_for(photos), photos / "report", 1)


def test_the_page_needs_no_other_file_and_no_network(evaluation):
    html = page(evaluation)
    assert "http:" not in html
    assert "https:" not in html
    assert set(re.findall(r'(?:src|href)="(.{11})', html)) == {"data:image/"}
    assert not re.search(r"<script|<link|@import|url\(", html)


def test_the_page_tells_figures_reasons_and_published_rows(evaluation):
    html = page(evaluation)
    assert '<td class="num mean">90.00</td>' in html
    assert "Its &lt;network&gt; is not here." in html
    assert "There is no output for p7" in html
    assert html.count("other data, not comparable") == 2
    assert "HeadNeRF" in html


def test_names_in_the_page_are_escaped(evaluation):
    evil = CaseResult("<b>evil</b>", "", "", skipped="<i>why</i>")
    object.__setattr__(evaluation, "results", [*evaluation.results, evil])
    html = page(evaluation)
    assert "<b>evil" not in html
    assert "<i>why" not in html


def test_the_same_is_written_as_json(evaluation):
    write_report(evaluation)
    content = json.loads((evaluation.folder / "report.json").read_text())
    assert content["table"][0]["mean"] == 90.0
    assert content["table"][0]["count"] == 7
    assert content["together"][0]["value"] == pytest.approx(9.0, abs=1e-3)
    assert content["left_out"][0]["measure"]["name"] == "absent"
    assert content["cases"][3]["figures"] == {"brightness": 90.0, "absent": None}
    assert (evaluation.folder / "report.html").stat().st_size > 10_000


def result_of(name, value, reference=None):
    measure = Measure("m", "1", "near", "none", "none", "none", "none", "none")
    return CaseResult(name, "", "", 1, 25.0, 0.0, ((measure, Figures(value, "why", None, reference)),))


def test_the_summary_counts_only_cases_with_a_value():
    rows, left_out = summarise([result_of("a", 1.0, 4.0), result_of("b", 3.0, 6.0), result_of("c", None)])
    assert not left_out
    assert (rows[0].mean, rows[0].median, rows[0].count, rows[0].reference) == (2.0, 2.0, 2, 5.0)
    assert rows[0].deviation == pytest.approx(2**0.5)


def test_a_measure_without_any_value_is_left_out_with_its_reason():
    rows, left_out = summarise([result_of("a", None)])
    assert not rows
    assert left_out[0].why == "why"


def test_published_rows_have_a_value_for_each_column():
    assert {table.protocol for table in PUBLISHED} == {"reconstruction", "self", "cross", "voice"}
    for table in PUBLISHED:
        assert all(len(values) == len(table.columns) for _, values in table.rows)


def test_lines_break_where_frames_have_no_value():
    svg = line_plot("a < b", [("", [0.0, 1.0, None, 1.0, 0.0, None, 0.5])], range(7), "s")
    assert svg.count("<polyline") == 2
    assert svg.count("<circle") == 1
    assert "a &lt; b" in svg


def test_a_plot_of_equal_values_is_no_division_by_zero():
    assert "<polyline" in line_plot("", [("", [2.0, 2.0])], [0, 1], "s")
    assert "<circle" in dot_plot("", [0.0], ["a"], 0.0)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.84671, "0.8467"), (34.1438, "34.14"), (-0.00012, "-0.00012"), (1e-7, "1.00e-07")],
)
def test_numbers_show_four_digits(value, text):
    assert number(value) == text


def test_shots_are_evenly_spread_and_few(quick):
    import numpy as np

    from cameo3d.evaluation.measures import Moment
    from cameo3d.evaluation.protocols import Sight

    shots = Shots(np.zeros((30, 30, 3), np.uint8))
    for index in range(100):
        frame = np.full((30, 40, 3), index, np.uint8)
        shots.add(Sight(Moment(frame, None, None, None), frame))
    strip = shots.strip()
    kept = strip[CELL + CELL // 2, CELL + CELL // 2 :: CELL, 0].tolist()
    assert COUNT / 2 <= len(kept) <= COUNT
    assert len(set(np.diff(kept))) == 1
    assert kept[0] == 0
