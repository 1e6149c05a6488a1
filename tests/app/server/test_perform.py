import os
import wave
from pathlib import Path

import numpy as np
import pytest

from cameo3d.app.server.perform import perform
from cameo3d.errors import CameoError, InputError
from cameo3d.media.images import write_image
from cameo3d.media.video import probe_video
from cameo3d.values import Motion


@pytest.fixture
def folder(tmp_path, monkeypatch, astronaut_path, demo_motion_path) -> Path:
    """A job's folder with a photo and a motion of three frames."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo1").write_bytes(astronaut_path.read_bytes())
    Motion.load(demo_motion_path).part(0, 3).save(tmp_path / "motion.csv")
    return tmp_path


def run(folder: Path, kind: str, limits: tuple[float, float] = (50.0, 600.0), **task) -> list[float]:
    """Carry out a job; returns the progress that it told."""
    told: list[float] = []
    most = {"megapixels": limits[0], "seconds": limits[1]}
    notices = perform(
        {"kind": kind, "folder": str(folder), "limits": most, "options": {}, **task}, told.append
    )
    assert notices == []
    return told


def test_a_job_makes_an_avatar_and_animates_it(folder, capsys):
    run(folder, "avatar", photos=["photo1"], out="result.avatar")
    told = run(folder, "animation", avatar="result.avatar", motion="motion.csv", out="result.mp4")
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert probe_video(folder / "result.mp4").frame_count == 3
    assert capsys.readouterr() == ("", "")


def test_an_avatar_file_is_taken_as_it_is_and_anything_else_refused(folder):
    run(folder, "avatar", photos=["photo1"], out="mine")
    made = (folder / "mine").read_bytes()
    run(folder, "avatar", avatar="mine", out="result.avatar")
    assert (folder / "result.avatar").read_bytes() == made
    with pytest.raises(InputError, match="photo1"):
        run(folder, "avatar", avatar="photo1", out="other.avatar")


def test_messages_are_those_of_the_command_line_and_name_no_folder(folder):
    (folder / "photo1").write_bytes(b"\x89PNG\r\n\x1a\n")
    wrong: list[tuple[dict, str]] = [
        ({"motion": "motion.csv"}, 'The picture "photo1" is not a picture'),
        ({"voice": "photo1", "options": {"absolute": True}}, "a voice has no pose to take over"),
        ({"video": "motion.csv"}, 'The video "motion.csv"'),
    ]
    for task, said in wrong:
        with pytest.raises(CameoError) as error:
            run(folder, "animation", photos=["photo1"], out="result.mp4", **task)
        assert said in str(error.value)
        assert str(folder) not in str(error.value)
        assert not (folder / "result.mp4").exists()


def test_what_has_too_many_pixels_or_lasts_too_long_is_refused(folder):
    task = {"photos": ["photo1"], "motion": "motion.csv", "out": "result.mp4"}
    with pytest.raises(InputError, match=r"512x512 pixels; the service takes at most 0\.1 megapixels"):
        run(folder, "animation", (0.1, 600.0), **task)
    with pytest.raises(InputError, match=r"motion has 3 frames; the service takes at most 2\.4"):
        run(folder, "animation", (50.0, 0.04), **task)
    with wave.open("voice", "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 16000 * 3))
    with pytest.raises(InputError, match="The file voice has 3 s; the service takes at most 2 s"):
        run(folder, "animation", (50.0, 2.0), photos=["photo1"], voice="voice", out="result.mp4")
    write_image(folder / "background.png", np.zeros((1000, 1000, 3), np.uint8))
    os.rename("background.png", "background")
    with pytest.raises(InputError, match="1000x1000"):
        run(folder, "animation", (0.5, 600.0), background="background", **task)
