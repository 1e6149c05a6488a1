import typing
from pathlib import Path

import pytest
from faces_making import case, face, moment

from cameo3d.evaluation.measures import TestProtocol as Protocol
from cameo3d.evaluation.metrics.tables import chosen, meters_for, set_meters_for
from cameo3d.weights.packages import PackageFile
from cameo3d.weights.user_files import FILES, Networks

PROTOCOLS = typing.get_args(Protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_measure_says_what_it_is_and_gives_figures_or_a_reason(protocol, tmp_path):
    meters = [*meters_for(protocol, case(), Networks(tmp_path))]
    names = [meter.measure.name for meter in meters]
    assert len(set(names)) == len(names)
    for meter in meters:
        assert all(vars(meter.measure).values())
        meter.add(moment(face(), face()))
        found = meter.figures()
        assert (found.value is None) == bool(found.why)


def test_missing_networks_are_named_by_their_measures(tmp_path, monkeypatch):
    monkeypatch.setattr(PackageFile, "find", lambda self: None)
    meters = meters_for("self", case(), Networks(tmp_path))
    reasons = {meter.measure.name: meter.figures().why for meter in meters}
    (fid,) = set_meters_for("self", case(), Networks(tmp_path))
    reasons[fid.measure.name] = fid.why
    for file in FILES:
        for name in file.use.split(", "):
            if (
                "[" in name
                and "envelope" not in name
                and name != "av_offset[syncnet]"
                and not name.startswith("sync")
            ):
                assert file.name in reasons[name]
    assert "alexnet" in reasons["lpips[alex, 0 to 1]"]


def test_no_stand_in_bears_a_papers_name(tmp_path):
    names = {
        meter.measure.name
        for protocol in PROTOCOLS
        for meter in meters_for(protocol, case(), Networks(tmp_path))
    }
    assert not names & {"csim", "aed", "apd", "akd", "lmd", "lpips", "fid", "sync_confidence"}
    assert {
        "csim[dlib]",
        "identity_distance[dlib]",
        "aed[arkit]",
        "apd[arkit]",
        "akd[mediapipe]",
        "av_offset[envelope]",
    } <= names


def test_only_protocols_with_a_truth_compare_pixels(tmp_path):
    for protocol in PROTOCOLS:
        names = [meter.measure.name for meter in meters_for(protocol, case(), Networks(tmp_path))]
        assert ("psnr" in names) == (protocol in ("reconstruction", "self"))


def test_measures_are_chosen_by_their_names(tmp_path):
    meters = meters_for("self", case(), Networks(tmp_path))
    assert [x.measure.name for x in chosen(meters, "psnr, l1")] == ["l1", "psnr"]
    assert chosen(meters, "") == meters
    assert chosen(meters, "nothing") == []


def test_empty_sets_are_stored_where_the_network_is_missing(tmp_path):
    (fid,) = set_meters_for("cross", case(), Networks(tmp_path))
    fid.add(moment(face()))
    assert fid.sets().output.size == 0


def test_the_documentation_lists_every_measure_and_file_as_it_is(tmp_path):
    shown = (Path(__file__).parents[3] / "docs" / "evaluation.md").read_text("utf8")
    networks = Networks(tmp_path)
    meters = (*meters_for("self", case(), networks), *set_meters_for("self", case(), networks))
    for row in (vars(meter.measure) for meter in meters):
        assert f"| {' | '.join(row.values())} |" in shown
    for file in FILES:
        assert f"| `{file.name}` | {file.use} | {file.source} | {file.licence} |" in shown
