import os
import shutil
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest
from made_person import made_person

from cameo3d import __version__
from cameo3d.app.cli import main
from cameo3d.media.audio import read_audio
from cameo3d.media.images import read_image
from cameo3d.media.video import probe_video, read_frames
from cameo3d.pipeline.orbit import orbit_motion
from cameo3d.values.motion_files import load_motion

COMMANDS = (
    *(
        "animate",
        "track",
        "create",
        "orbit",
        "edit",
        "demo",
        "studio",
        "live",
        "bench",
        "evaluate",
        "weights",
        "data",
        "train",
        "doctor",
    ),
)


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photo(here, astronaut_path) -> Path:
    return Path(shutil.copy(astronaut_path, here / "me.png")).relative_to(here)


@pytest.fixture(scope="session")
def avatar_file(tmp_path_factory, astronaut_path) -> Path:
    path = tmp_path_factory.mktemp("avatar") / "me.avatar"
    main(["create", str(astronaut_path), "--out", str(path)])
    return path


@pytest.fixture
def avatar(here, avatar_file) -> Path:
    return Path(shutil.copy(avatar_file, here / "me.avatar")).relative_to(here)


def write_motion(path: Path, frame_count: int) -> Path:
    orbit_motion(made_person(), frame_count / 25, 0.2, 0.1).save(path)
    return path


@pytest.fixture
def motion(here) -> Path:
    return write_motion(here / "motion.csv", 4).relative_to(here)


def failure(capsys, *words: object) -> tuple[int | str | None, str]:
    """Exit code and standard error of a command that fails."""
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    return stop.value.code, capsys.readouterr().err


def expected_failure(capsys, *words: object) -> str:
    """The one sentence of a command that fails as it should."""
    code, shown = failure(capsys, *words)
    assert code == 1
    assert shown.startswith("cameo3d: ")
    assert shown.count("\n") == 1
    return shown


def test_the_version_is_told(capsys):
    main(["--version"])
    assert capsys.readouterr().out == f"cameo3d {__version__}\n"


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    shown = capsys.readouterr().out
    assert stop.value.code == 0
    assert all(command in shown for command in COMMANDS)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["animat"],
        ["animate", "me.png"],
        ["animate", "me.png", "--video", "a.mp4", "--motion", "a.csv"],
        ["animate", "me.png", "--voice", "a.wav", "--motion", "a.csv"],
        ["animate", "me.png", "--voice", "a.wav", "--absolute"],
        ["animate", "me.png", "--voice", "a.wav", "--temperature", "1.5"],
        ["animate", "me.png", "--voice", "a.wav", "--mouth-amplitude", "nan"],
        ["animate", "me.png", "--voice", "a.wav", "--blink", "often"],
        ["animate", "me.png", "--voice", "a.wav", "--from-first", "--pose", "still"],
        ["animate", "me.png", "--motion", "a.csv", "--relative", "--absolute"],
        ["animate", "me.png", "--motion", "a.csv", "--from-first", "--absolute"],
        ["animate", "me.png", "--motion", "a.csv", "--smooth", "1.5"],
        ["animate", "me.png", "--motion", "a.csv", "--smooth", "nan"],
        ["animate", "me.png", "--motion", "a.csv", "--model", "other"],
        ["animate", "me.png", "--motion", "a.csv", "--compare", "--background", "transparent"],
        ["animate", "me.png", "--motion", "a.csv", "--compare", "all"],
        ["orbit", "me.png", "--seconds", "0"],
        ["orbit", "me.png", "--yaw", "90"],
    ],
)
def test_misuse_exits_with_2_and_says_why(here, capsys, words):
    code, shown = failure(capsys, *words)
    assert code == 2
    assert shown
    assert os.listdir(here) == []


def test_a_missing_driver_is_named(capsys):
    _, shown = failure(capsys, "animate", "me.png")
    assert "--video" in shown
    assert "--motion" in shown
    assert "--voice" in shown


def test_missing_inputs_are_told_before_any_work(photo, capsys):
    assert '"no.png" does not exist' in expected_failure(capsys, "create", "no.png")
    assert '"no.mp4" does not exist' in expected_failure(capsys, "animate", photo, "--video", "no.mp4")
    assert '"no.csv" does not exist' in expected_failure(capsys, "animate", photo, "--motion", "no.csv")
    assert '"no.wav" does not exist' in expected_failure(capsys, "animate", photo, "--voice", "no.wav")
    assert '"no.csv" does not exist' in expected_failure(
        capsys, "animate", photo, "--motion", "no.csv", "--pose", "no.csv"
    )


def test_wrong_paths_are_told_before_libraries_load():
    program = """
import sys
from cameo3d.app.cli import main
for words in sys.argv[1:]:
    try:
        main(words.split())
    except SystemExit as end:
        assert end.code == (2 if words.startswith("verify") else 1)
    heavy = {"torch", "cv2", "numba", "av", "scipy"} & set(sys.modules)
    assert not heavy, f"{words} loads {heavy}"
"""
    commands = [
        "animate no.png --text hello",
        f"animate {__file__} --video no.mp4",
        f"animate {__file__} --text hello --out {__file__}",
        *(f"{name} no.png" for name in ("create", "orbit", "edit", "mesh", "faces", "track")),
        "live no.png --virtual-camera",
        "verify no.png",
        "batch no.csv --out new",
        "evaluate self --data no --report new --model relief",
        "train voice --data no --speech no --out new",
        "train goha.adversarial --start no.pt --out new",
    ]
    quiet = "weights list"
    done = subprocess.run([sys.executable, "-c", program, quiet, *commands], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("; check the path.") == len(commands) - 1
    assert "already exists" in done.stderr


def test_outputs_are_checked_before_any_input_is_read(here, capsys):
    (here / "old.mp4").write_text("old")
    (here / "folder.mp4").mkdir()
    for name in ("bad.png", "bad.csv"):
        (here / name).write_text("neither picture nor motion")
    words = ("animate", "bad.png", "--motion", "bad.csv", "--out")
    assert "--overwrite" in expected_failure(capsys, *words, "old.mp4")
    assert "folder does not exist" in expected_failure(capsys, *words, "none/new.mp4")
    assert "name it .mp4" in expected_failure(capsys, *words, "new.txt")
    assert "is a folder" in expected_failure(
        capsys, *words, here.with_suffix(".mp4").mkdir() or f"{here}.mp4"
    )
    assert (here / "old.mp4").read_text() == "old"


def test_transparency_needs_a_format_that_keeps_it(here, capsys):
    for name in ("bad.png", "bad.csv"):
        (here / name).write_text("neither picture nor motion")
    words = ("animate", "bad.png", "--motion", "bad.csv", "--background", "transparent", "--out", "me.mp4")
    shown = expected_failure(capsys, *words)
    assert all(choice in shown for choice in (".mov", ".webm", "folder"))


def test_an_input_is_never_replaced(here, photo, capsys):
    driver = here / "driver.mp4"
    driver.write_bytes(b"x")
    words = ("animate", photo, "--video", driver, "--out", "driver.mp4", "--overwrite")
    assert "also an input" in expected_failure(capsys, *words)
    assert driver.read_bytes() == b"x"


def test_wrong_kinds_of_input_are_told_in_one_sentence(here, photo, avatar, capsys):
    (here / "text.png").write_text("hello")
    (here / "bad.avatar").write_bytes(avatar.read_bytes()[:5000])
    expected_failure(capsys, "create", "text.png")
    expected_failure(capsys, "animate", "bad.avatar", "--motion", "text.png")
    expected_failure(capsys, "animate", avatar, "--motion", "text.png")
    expected_failure(capsys, "track", "text.png")
    expected_failure(capsys, "animate", avatar, "--video", photo)
    assert "#rrggbb" in expected_failure(
        capsys, "animate", avatar, "--motion", "text.png", "--background", "#12345"
    )


def test_a_motion_file_moves_a_photo(here, photo, motion, capsys):
    main(["animate", str(photo), "--motion", str(motion), "--background", "#203040"])
    assert capsys.readouterr() == ("me_animated.mp4\n", "")
    info = probe_video(here / "me_animated.mp4")
    assert (info.width, info.height, info.frame_rate, info.frame_count) == (512, 512, 25, 4)
    assert not info.has_audio


def test_a_photo_is_retouched(here, photo, capsys):
    main(["edit", str(photo), "--set", "mouthSmile=0.4,browInnerUp=0.3", "--gaze", "camera", "--head=-4,0,0"])
    assert capsys.readouterr().out == "me_edited.png\n"
    before, after = read_image(photo), read_image(here / "me_edited.png")
    assert before.shape == after.shape
    assert np.abs(before[:200].astype(float) - after[:200]).mean() > 1
    code, _ = failure(capsys, "verify", "me_edited.png")
    assert code == 0
    assert ".png, .jpg" in expected_failure(capsys, "edit", photo, "--set", "jawOpen=1", "--out", "me.mp4")


def test_an_existing_output_is_replaced_only_on_demand(here, avatar, motion, capsys):
    (here / "me_animated.mp4").write_text("old")
    words = ["animate", str(avatar), "--motion", str(motion)]
    assert "--overwrite" in expected_failure(capsys, *words)
    main([*words, "--overwrite"])
    assert probe_video(here / "me_animated.mp4").frame_count == 4


def test_what_the_user_changes_reaches_the_frames_from_flags_and_from_the_motion_file(here, avatar, motion):
    plain, flags = (
        ["animate", str(avatar), "--no-mark", "--motion"],
        ["--gaze", "camera", "--head=-6,2,0", "--loop"],
    )
    main([*plain, str(motion), "--set", "jawOpen=0.5", *flags, "--only", "pose", "--out", "flags.mp4"])
    stated = "# set: jawOpen=0.5\n# gaze: camera\n# head: -6,2,0\n# loop: yes\n# only: pose\n"
    title, rest = motion.read_text().split("\n", 1)
    (here / "stated.csv").write_text(f"{title}\n{stated}{rest}")
    main([*plain, "stated.csv", "--out", "stated.mp4"])
    main([*plain, "stated.csv", "--out", "small.mp4", "--crop-scale", "0.8", "--only", "everything"])
    frames = [list(read_frames(here / f"{name}.mp4")) for name in ("flags", "stated", "small")]
    for one, other in zip(frames[0], frames[1], strict=True):
        np.testing.assert_array_equal(one, other)
    assert frames[2][0].shape == (512, 512, 3)
    assert np.abs(frames[2][0].astype(float) - frames[1][0]).mean() > 3


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--only=chin", "no part 'chin'"),
        ("--strength=9", "between 0 and 4"),
        ("--set=jawOpn=1", "did you mean jawOpen"),
        ("--gaze=up", "driver|camera|YAW,PITCH"),
        ("--head=1,2", "YAW,PITCH,ROLL"),
        ("--crop-scale=0", "between 0.4 and 4"),
    ],
)
def test_changes_that_cannot_be_meant_are_told(avatar, motion, capsys, flag, words):
    code, shown = failure(capsys, "animate", avatar, "--motion", motion, flag)
    assert code in (1, 2)
    assert words in " ".join(shown.replace("│", " ").split())


@pytest.mark.parametrize("name", ["-dash", "two words", 'it\'s "quoted"', "new\nline", "größe-写真"])
def test_names_may_be_strange(here, avatar, motion, name):
    avatar.rename(f"{name}.avatar")
    motion.rename(f"{name}.csv")
    main(["animate", f"--motion=./{name}.csv", "--out", f"./{name}.mp4", "--", f"{name}.avatar"])
    assert sorted(os.listdir(here)) == sorted(f"{name}.{suffix}" for suffix in ("avatar", "csv", "mp4"))


def test_frames_of_the_photo_have_its_size(here, photo, motion):
    main(["animate", str(photo), "--motion", str(motion), "--frame", "photo", "--pose", "still"])
    info = probe_video(here / "me_animated.mp4")
    assert (info.width, info.height) == (512, 512)


def test_transparent_frames_go_to_a_folder(here, avatar, motion):
    main(["animate", str(avatar), "--motion", str(motion), "--background", "transparent", "--out", "frames"])
    assert sorted(os.listdir(here / "frames")) == [f"frame_{index:06d}.png" for index in range(4)]


@pytest.fixture
def driver(here, avatar) -> Path:
    """A video of a turning head, made by the package itself."""
    main(["orbit", str(avatar), "--out", "driver.mp4", "--seconds", "0.4"])
    return Path("driver.mp4")


def test_a_video_drives_and_stands_beside_photo_and_result(here, avatar, driver):
    main(["animate", str(avatar), "--video", str(driver), "--compare", "--out", "me.mp4"])
    info = probe_video(here / "me.mp4")
    assert (info.width, info.height, info.frame_count) == (3 * 512, 512, 10)


def test_a_voice_drives_and_is_heard(here, avatar, caplog):
    with wave.open("say.wav", "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", "NONE"))
        file.writeframes((8000 * np.sin(np.arange(6400) / 9)).astype(np.int16).tobytes())
    main(["animate", str(avatar), "--voice", "say.wav", "--pose", "natural", "--seed", "3", "--mood", "sad"])
    assert 'No voice was heard in the sound "say.wav"' in caplog.text
    info = probe_video(here / "me_animated.mp4")
    assert (info.frame_count, info.has_audio) == (10, True)
    sound = np.concatenate(list(read_audio(here / "me_animated.mp4")))
    assert abs(len(sound) - 6400) < 1100, "a frame of AAC"
    assert 0.15 < sound[1600:4800].std() < 0.2


def test_a_video_without_sound_has_no_voice(here, avatar, driver, capsys):
    shown = expected_failure(capsys, "animate", avatar, "--voice", driver, "--out", "me.mp4")
    assert "no audio stream" in shown
    assert not (here / "me.mp4").exists()


def test_a_tracked_video_becomes_a_motion_file(here, driver):
    main(["track", str(driver)])
    motion = load_motion(here / "driver_motion.csv")
    assert len(motion) == 10
    assert motion.frame_rate == 25


def test_ctrl_c_leaves_nothing_and_exits_with_130(here, avatar):
    write_motion(here / "long.csv", 3000)
    before = set(os.listdir(here))
    words = [sys.executable, "-m", "cameo3d", "animate", avatar, "--motion", "long.csv"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while set(os.listdir(here)) == before and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        shown = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert shown == "cameo3d: Stopped; nothing was written.\n"
    assert set(os.listdir(here)) == before


def test_doctor_finds_nothing_missing(capsys):
    main(["doctor"])
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("ok ", "absent ")) for line in lines)
    assert any("syncnet_v2.model" in line and "licence" in line for line in lines)
    assert any("torch" in line for line in lines)


def test_compiled_stages_are_measured_for_real3d_alone(capsys):
    assert "not for goha" in expected_failure(capsys, "bench", "goha", "--compiled")


def test_relief_is_measured_on_the_cpu_alone(capsys):
    assert "runs on the CPU" in expected_failure(capsys, "bench", "relief", "--device", "cuda")
