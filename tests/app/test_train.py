import pytest

from cameo3d.app.cli import main


def test_training_without_data_that_may_be_learned_from_is_refused(tmp_path, capsys):
    talking, speech = tmp_path / "talking", tmp_path / "speech"
    for folder in (talking, speech):
        folder.mkdir()
        (folder / "index.csv").write_text("file,speaker,licence_class,audio,av_sync\na.mp4,x,B,yes,ok\n")
    with pytest.raises(SystemExit) as stop:
        main(
            ["train", "voice", "--data", str(talking), "--speech", str(speech), "--out", str(tmp_path / "o")]
        )
    assert stop.value.code == 1
    assert "no clip of licence class A" in capsys.readouterr().err


def test_training_without_an_index_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", "voice", "--data", str(tmp_path), "--speech", str(tmp_path), "--out", str(tmp_path)])
    assert stop.value.code == 1
    assert "index.csv" in capsys.readouterr().err


def test_the_face_correction_asks_for_an_index_as_well(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", "face_correction", "--data", str(tmp_path), "--out", str(tmp_path / "out")])
    assert stop.value.code == 1
    assert "index.csv" in capsys.readouterr().err


def test_what_a_shipped_stage_cannot_change_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["train", "voice", "--data", "a", "--speech", "b", "--out", str(tmp_path), "--steps", "20"])
    assert "takes no --steps" in capsys.readouterr().err
