import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluation_meters import BrightnessMeter

from cameo3d.errors import InputError, OutputError
from cameo3d.evaluation import runner
from cameo3d.evaluation.protocols import view_angles
from cameo3d.evaluation.results import badness, load_case, rank
from cameo3d.evaluation.runner import case_path, evaluate
from cameo3d.media.images import write_image
from cameo3d.media.video import VideoWriter

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def measured(monkeypatch) -> list[str]:
    """Names of the cases that are really measured, not read."""
    names, measure = [], runner.measure_case
    monkeypatch.setattr(
        runner, "measure_case", lambda pair, *rest: names.append(pair.name) or measure(pair, *rest)
    )
    return names


def write_clip(path: Path, levels: list[int]) -> None:
    with VideoWriter(path, (32, 32), 25) as writer:
        for level in levels:
            writer.write(np.full((32, 32, 3), level, np.uint8))


def test_outputs_are_matched_by_name_and_a_missing_one_is_skipped_with_its_reason(photos, settings_for):
    results = evaluate(settings_for(photos), photos / "report", 1).results
    assert [result.figures[0][1].value for result in results[:7]] == [30.0 * k for k in range(7)]
    assert "There is no output for p7" in results[7].skipped


def test_a_rerun_measures_only_what_is_missing(photos, settings_for, measured):
    first = evaluate(settings_for(photos), photos / "report", 1)
    case_path(photos / "report", "p3", ".json").unlink()
    write_image(photos / "outputs/p7.png", np.zeros((20, 30, 3), np.uint8))
    measured.clear()
    again = evaluate(settings_for(photos), photos / "report", 1)
    assert measured == ["p3", "p7"]
    assert again.results[:3] == first.results[:3]
    assert not again.results[7].skipped


def test_all_cases_together_are_measured_from_what_each_has_stored(photos, settings_for, measured):
    (_, figures) = evaluate(settings_for(photos), photos / "report", 1).together[0]
    assert figures.value == pytest.approx(9.0, abs=1e-3)  # two equal clouds, 3 levels apart
    measured.clear()
    case_path(photos / "report", "p4", ".npz").unlink()
    again = evaluate(settings_for(photos), photos / "report", 1)
    assert measured == ["p4", "p7"]
    assert again.together[0][1] == figures


def test_an_output_that_has_changed_is_measured_again(photos, settings_for, measured):
    evaluate(settings_for(photos), photos / "report", 1)
    write_image(photos / "outputs/p2.png", np.full((20, 30, 3), 77, np.uint8))
    measured.clear()
    results = evaluate(settings_for(photos), photos / "report", 1).results
    assert measured == ["p2", "p7"]
    assert results[2].figures[0][1].value == 77.0


def test_figures_of_other_settings_are_not_mixed_in(photos, settings_for):
    evaluate(settings_for(photos, limit=2), photos / "report", 1)
    with pytest.raises(
        InputError, match=r"other settings .seed 0 there, 4 here; version '1' there, '2' here"
    ):
        evaluate(settings_for(photos, limit=2, seed=4, version="2"), photos / "report", 1)


def test_pairs_of_the_first_run_stay_though_the_data_grows(photos, settings_for):
    evaluate(settings_for(photos, limit=3), photos / "report", 1)
    before = (photos / "report/pairs.json").read_bytes()
    write_image(photos / "data/p9.png", np.zeros((20, 30, 3), np.uint8))
    evaluation = evaluate(settings_for(photos, limit=3), photos / "report", 1)
    assert (photos / "report/pairs.json").read_bytes() == before
    assert len(evaluation.pairs) == len(json.loads(before)["pairs"]) == 3


def test_a_folder_with_other_files_is_not_written_to(photos, settings_for):
    with pytest.raises(OutputError, match="holds other files"):
        evaluate(settings_for(photos), photos / "data", 1)


def test_a_broken_clip_is_skipped_with_one_sentence(tmp_path, settings_for):
    for folder in ("data", "outputs"):
        (tmp_path / folder).mkdir()
    write_clip(tmp_path / "data/a.mp4", [10] * 6)
    write_clip(tmp_path / "outputs/a.mp4", [20] * 6)
    (tmp_path / "data/b.mp4").write_bytes(b"no video at all")
    write_clip(tmp_path / "outputs/b.mp4", [20] * 6)
    good, broken = evaluate(settings_for(tmp_path, protocol="self"), tmp_path / "report", 1).results
    assert not good.skipped
    assert good.frame_count == 6
    assert "b.mp4" in broken.skipped


def test_an_output_of_another_length_or_shape_is_skipped(tmp_path, settings_for):
    for folder in ("data", "outputs"):
        (tmp_path / folder).mkdir()
    for name in "ab":
        write_clip(tmp_path / f"data/{name}.mp4", [10] * 12)
    write_clip(tmp_path / "outputs/a.mp4", [20] * 6)
    with VideoWriter(tmp_path / "outputs/b.mp4", (64, 32), 25) as writer:
        writer.write(np.zeros((32, 64, 3), np.uint8))
    short, wide = evaluate(settings_for(tmp_path, protocol="self"), tmp_path / "report", 1).results
    assert "shorter than what drove it" in short.skipped
    assert "64x32 pixels and the truth 32x32" in wide.skipped


def test_an_unexpected_failure_stops_one_case_only(photos, settings_for, monkeypatch):
    add = BrightnessMeter.add

    def failing(meter, moment):
        if moment.output.mean() == 60:
            raise RuntimeError("a bug")
        add(meter, moment)

    monkeypatch.setattr(BrightnessMeter, "add", failing)
    results = evaluate(settings_for(photos), photos / "report", 1).results
    assert results[2].skipped == "Unexpected RuntimeError: a bug"
    assert [bool(result.skipped) for result in results] == [False, False, True, *[False] * 4, True]


def test_only_so_many_frames_are_looked_at(tmp_path, settings_for):
    for folder in ("data", "outputs"):
        (tmp_path / folder).mkdir()
        write_clip(tmp_path / folder / "a.mp4", list(range(0, 200, 10)))
    (result,) = evaluate(settings_for(tmp_path, protocol="self", frames=5), tmp_path / "report", 1).results
    assert result.frame_count == 5
    stored, _ = load_case(case_path(tmp_path / "report", "a", ".json"))
    assert len(stored.figures[0][1].per_frame or []) == 5


def test_views_are_compared_by_their_place_in_the_grid(photos, settings_for):
    for path in (photos / "outputs").iterdir():
        path.unlink()
    write_clip(photos / "outputs/p0.mp4", [50] * len(view_angles()))
    result = evaluate(settings_for(photos, protocol="free-view"), photos / "report", 1).results[0]
    assert result.frame_count == len(view_angles())


def test_only_cases_that_stand_out_keep_their_pictures(photos, settings_for, monkeypatch):
    monkeypatch.setattr(runner, "STANDOUTS", 2)
    monkeypatch.setattr(runner, "on_sheet", lambda pairs: [])
    evaluate(settings_for(photos), photos / "report", 1)
    kept = sorted(path.stem for path in (photos / "report/cases").glob("*.jpg"))
    assert kept == ["p0", "p1", "p5", "p6"]


def test_cases_are_ranked_the_worst_first(photos, settings_for):
    ranked = rank(evaluate(settings_for(photos), photos / "report", 1).results)
    assert [result.name for result in ranked] == [f"p{k}" for k in range(6, -1, -1)]
    assert badness(*ranked[0].figures[0]) == 180.0


def test_a_damaged_case_is_named(photos, settings_for):
    evaluate(settings_for(photos), photos / "report", 1)
    case_path(photos / "report", "p1", ".json").write_text("{")
    with pytest.raises(InputError, match=r"p1\.json.*damaged; delete it"):
        evaluate(settings_for(photos), photos / "report", 1)


def test_names_that_no_file_can_have_are_stored_apart(tmp_path):
    paths = {case_path(tmp_path, name, ".json").name for name in ("a b", "a_b", "a/b", "x" * 300, "x" * 301)}
    assert len(paths) == 5
    assert all(len(name) < 140 and "/" not in name for name in paths)


def test_a_single_frame_has_no_figure_of_motion(photos, settings_for, monkeypatch):
    whole = BrightnessMeter.figures
    monkeypatch.setattr(BrightnessMeter, "figures", lambda meter: replace(whole(meter), per_frame=None))
    result = evaluate(settings_for(photos, limit=1), photos / "report", 1).results[0]
    assert result.figures[0][1].why == "A single frame does not move."
