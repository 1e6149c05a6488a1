import json

import pytest

from cameo3d.app.bench_table import show_table
from cameo3d.bench.relief import Figure, Report, load_report, save_report
from cameo3d.errors import InputError

REPORT = Report(
    "relief", {"device": "cpu", "cores": 2}, (Figure("render", 30.0, "frames/s", "higher", 25.0),)
)


def test_a_report_comes_back_from_its_file(tmp_path):
    save_report(REPORT, tmp_path / "report.json")
    assert load_report(tmp_path / "report.json") == REPORT


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", json.dumps({"subject": 1, "machine": {}, "figures": [3]})]
)
def test_other_files_are_no_reports(tmp_path, content):
    (tmp_path / "report.json").write_text(content + " ")
    with pytest.raises(InputError, match="bench --json"):
        load_report(tmp_path / "report.json")


def test_the_table_shows_how_the_figures_changed(capsys):
    earlier = Report("relief", {}, (Figure("render", 20.0, "frames/s", "higher"),))
    show_table(REPORT, earlier)
    shown = capsys.readouterr().out
    assert "1.50" in shown
    assert ">= 25" in shown
    assert "missed" not in shown
