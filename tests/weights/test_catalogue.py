import json

from cameo3d.app.cli import main
from cameo3d.weights.catalogue import catalogue


def test_every_entry_says_what_it_is_for_where_it_comes_from_and_under_which_terms(monkeypatch, tmp_path):
    monkeypatch.setenv("CAMEO3D_WEIGHTS", str(tmp_path))
    entries = catalogue()
    assert len({entry.name for entry in entries if entry.kind != "package"}) == sum(
        entry.kind != "package" for entry in entries
    )
    assert all(entry.use and entry.licence and entry.origin for entry in entries)
    assert {entry.kind for entry in entries} == {"shipped", "package", "imported", "own file"}


def test_shipped_files_are_within_the_budget():
    sizes = [entry.size for entry in catalogue() if entry.kind == "shipped"]
    known = [size for size in sizes if size is not None]
    assert len(known) == len(sizes)
    assert max(known) <= 25e6
    assert sum(known) <= 80e6


def test_an_own_file_is_found_in_the_folder_of_weights(monkeypatch, tmp_path):
    monkeypatch.setenv("CAMEO3D_WEIGHTS", str(tmp_path))
    (tmp_path / "networks").mkdir()
    (tmp_path / "networks" / "alex.pth").write_bytes(bytes(3))
    there = [entry for entry in catalogue() if entry.kind == "own file" and entry.path]
    assert [(entry.name, entry.size) for entry in there] == [("alex.pth", 3)]


def test_the_list_is_shown_as_text_and_as_json(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("CAMEO3D_WEIGHTS", str(tmp_path))
    main(["weights", "list"])
    text = capsys.readouterr().out
    main(["weights", "list", "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == [entry.name for entry in catalogue()]
    assert all(row["name"] in text for row in rows)
