import json
import shutil

import numpy as np
import pytest

from cameo3d.app.cli import main
from cameo3d.media.images import read_image
from cameo3d.media.video import VideoWriter


@pytest.fixture
def data(tmp_path, astronaut_path):
    """The astronaut as photo, and a clip in which she moves a little."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "clips").mkdir()
    shutil.copy(astronaut_path, tmp_path / "photos/eileen.png")
    (tmp_path / "photos/broken.png").write_bytes(b"no picture")
    photo = read_image(astronaut_path)
    with VideoWriter(tmp_path / "clips/talk.mp4", (512, 512), 25) as writer:
        for step in range(4):
            writer.write(np.roll(photo, step, axis=1))
    return tmp_path


def test_a_photo_is_reconstructed_and_a_broken_one_is_listed(data, capsys):
    words = ["evaluate", "reconstruction", "--data", str(data / "photos"), "--model", "relief"]
    main([*words, "--report", str(data / "report"), "--jobs", "1"])
    told = capsys.readouterr()
    assert str(data / "report/report.html") in told.out
    assert "broken skipped" in told.out
    content = json.loads((data / "report/report.json").read_text())
    figures = {row["measure"]["name"]: row["mean"] for row in content["table"]}
    assert figures["psnr"] > 30  # 34.1 dB measured
    assert content["machine"]["device"] == "cpu"

    main([*words, "--report", str(data / "report"), "--jobs", "1"])
    assert "1 of 2 cases are already measured" in capsys.readouterr().err


def test_a_clip_drives_its_own_first_frame(data):
    words = ["evaluate", "self", "--data", str(data / "clips"), "--model", "relief", "--jobs", "1"]
    main([*words, "--report", str(data / "report"), "--frames", "2"])
    content = json.loads((data / "report/report.json").read_text())
    figures = {row["measure"]["name"]: row["mean"] for row in content["table"]}
    assert content["cases"][0]["frame_count"] == 2
    assert figures["psnr"] > 25  # 31.0 dB measured
    assert "</html>" in (data / "report/report.html").read_text()


def test_no_measured_case_is_a_failure(data, capsys):
    (data / "photos/eileen.png").unlink()
    words = ["evaluate", "reconstruction", "--data", str(data / "photos"), "--model", "relief"]
    with pytest.raises(SystemExit) as stop:
        main([*words, "--report", str(data / "report"), "--jobs", "1"])
    assert stop.value.code == 1
    assert "None of 1 cases could be measured" in capsys.readouterr().err


def test_a_clip_without_sound_drives_no_voice(data, capsys):
    words = ["evaluate", "voice", "--data", str(data / "clips"), "--model", "relief", "--jobs", "1"]
    with pytest.raises(SystemExit):
        main([*words, "--report", str(data / "report")])
    assert 'talk.mp4" has no sound' in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--model", "relief", "--outputs", "x"], [], ["--model", "relief", "--limit", "0"]]
)
def test_misuse_is_refused(data, words):
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", "self", "--data", str(data), "--report", str(data / "report"), *words])
    assert stop.value.code == 2
    assert not (data / "report").exists()
