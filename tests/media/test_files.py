import os
import socket
from pathlib import Path

import pytest

from cameo3d.errors import InputError, OutputError
from cameo3d.media.files import (
    check_input,
    check_output,
    check_output_folder,
    replacing,
    replacing_folder,
    shown,
)


def test_a_plain_file_of_any_name_is_accepted(tmp_path: Path, strange_name: str):
    path = tmp_path / strange_name
    path.write_bytes(b"x")
    assert check_input(path, "photo") == path
    assert check_output(tmp_path / (strange_name + ".png"), overwrite=False)


def test_a_relative_name_with_a_leading_dash_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("-x").write_bytes(b"x")
    check_input(Path("-x"), "photo")


@pytest.mark.parametrize(
    "url", ["http://a.b/c.jpg", "https:/a/b", "rtsp:a", "file:///etc/hosts", "concat:a|b", "s3://bucket/x"]
)
def test_a_url_is_refused_as_one(url: str):
    with pytest.raises(InputError, match="is a URL"):
        check_input(Path(url), "video")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/stdin", "/dev/fd/0", "/dev/../dev/null"])
def test_a_device_path_is_refused(device: str):
    with pytest.raises(InputError, match=r"is a device path|does not exist"):
        check_input(Path(device), "video")
    with pytest.raises(OutputError, match="is a device path"):
        check_output(Path(device), overwrite=True)


def test_what_is_no_file_is_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "empty").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name, message in {
        "fifo": "pipe",
        "empty": "0 bytes",
        "dangling": "does not exist",
        "loop": "cannot be opened",
        "nothing": "does not exist",
        "empty/x": "does not exist",
        ".": "is a folder",
        "zero\0byte": "cannot be opened",
        "long" * 100: "cannot be opened",
    }.items():
        with pytest.raises(InputError, match=message):
            check_input(tmp_path / name, "photo")


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(InputError, match="socket"):
            check_input(Path("s"), "photo")


def test_messages_stay_on_one_line():
    assert shown(Path("a\nb\x1b[1m\udcff")) == '"a\\nb\\x1b[1m\\udcff"'


def test_an_output_needs_a_folder_and_a_free_name(tmp_path: Path):
    there = tmp_path / "there.mp4"
    there.write_bytes(b"old")
    assert check_output(there, overwrite=True) == there
    for path, message in {
        there: "pass --overwrite",
        tmp_path / "missing" / "x.mp4": "create it first",
        there / "x.mp4": "is not a folder",
        tmp_path: "is a folder",
        tmp_path / ("x" * 300): "file name",
        tmp_path / "a\0b": "file name",
    }.items():
        with pytest.raises(OutputError, match=message):
            check_output(path, overwrite=False)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OutputError, match="pipe"):
        check_output(tmp_path / "fifo", overwrite=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused(tmp_path: Path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="read-only"):
        check_output(tmp_path / "x.mp4", overwrite=False)


def test_a_read_only_folder_found_late_is_an_output_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("cameo3d.media.files._create", refuse)
    with pytest.raises(OutputError, match="another folder"), replacing(tmp_path / "x.mp4"):
        pass


def test_a_file_appears_only_when_it_is_complete(tmp_path: Path):
    path = tmp_path / "x.png"
    with replacing(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".png"
        temporary.write_bytes(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["x.png"]
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError, SystemExit])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, failure: type[BaseException]):
    path = tmp_path / "x.png"
    path.write_bytes(b"old")

    def fail_half_way() -> None:
        with replacing(path) as temporary:
            temporary.write_bytes(b"half")
            raise failure

    with pytest.raises(failure):
        fail_half_way()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.png"]


def test_a_full_disk_is_told_in_one_sentence(tmp_path: Path, full_disk: None):
    with pytest.raises(OutputError, match="no space left"), replacing(tmp_path / "x") as temporary:
        temporary.write_bytes(b"something")
    assert os.listdir(tmp_path) == []


def test_reading_problems_inside_the_block_are_not_blamed_on_the_output(tmp_path: Path):
    with pytest.raises(PermissionError), replacing(tmp_path / "x"):
        raise PermissionError(13, "Permission denied", "/somewhere/else")


def test_a_folder_appears_only_when_it_is_complete(tmp_path: Path):
    folder = tmp_path / "frames"
    for content in "ab":
        with replacing_folder(folder) as temporary:
            (temporary / f"frame_{content}.png").touch()
    assert os.listdir(folder) == ["frame_b.png"]
    with pytest.raises(KeyboardInterrupt), replacing_folder(folder):
        raise KeyboardInterrupt
    assert os.listdir(folder) == ["frame_b.png"]
    assert os.listdir(tmp_path) == ["frames"]


def test_a_folder_with_other_files_is_never_replaced(tmp_path: Path):
    folder = tmp_path / "frames"
    check_output_folder(folder, False, "frame_*.png")
    folder.mkdir()
    (folder / "frame_0.png").touch()
    check_output_folder(folder, True, "frame_*.png")
    with pytest.raises(OutputError, match="--overwrite"):
        check_output_folder(folder, False, "frame_*.png")
    (folder / "diary.txt").touch()
    with pytest.raises(OutputError, match="other files"):
        check_output_folder(folder, True, "frame_*.png")
    with pytest.raises(OutputError, match="not a folder"):
        check_output_folder(folder / "diary.txt", True, "frame_*.png")
