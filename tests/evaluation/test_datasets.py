import numpy as np
import pytest

from cameo3d.errors import InputError
from cameo3d.evaluation.datasets import Item, as_video, find_items, frame_rate_of, frames_of
from cameo3d.media.images import write_image
from cameo3d.media.video import VideoWriter, probe_video


def write_pictures(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        write_image(folder / name, np.full((8, 8, 3), 10 * index, np.uint8))


def summary(folder):
    return [(item.name, item.kind) for item in find_items(folder)]


def test_pictures_directly_in_the_folder_are_photos_though_they_are_numbered(tmp_path):
    write_pictures(tmp_path, ["0.jpg", "1.jpg", "2.png"])
    assert summary(tmp_path) == [("0", "photo"), ("1", "photo"), ("2", "photo")]


def test_a_subfolder_of_numbered_pictures_is_a_clip(tmp_path):
    write_pictures(tmp_path / "Clip_a", ["00000000.png", "00000001.png"])
    write_pictures(tmp_path / "people", ["ann.png", "bob.png"])
    (tmp_path / "talk.mp4").write_bytes(b"video")
    assert summary(tmp_path) == [
        ("talk", "clip"),
        ("Clip_a", "clip"),
        ("people-ann", "photo"),
        ("people-bob", "photo"),
    ]


def test_names_that_differ_in_the_suffix_only_keep_it(tmp_path):
    write_pictures(tmp_path, ["a.png", "a.jpg", "b.png"])
    assert [name for name, _ in summary(tmp_path)] == ["a.jpg", "a.png", "b"]


def test_hidden_files_are_passed_over(tmp_path):
    write_pictures(tmp_path, ["a.png", ".b.png"])
    write_pictures(tmp_path / ".cache", ["c.png"])
    assert summary(tmp_path) == [("a", "photo")]


def test_a_folder_without_data_is_refused(tmp_path):
    with pytest.raises(InputError, match="neither photos nor clips"):
        find_items(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        find_items(tmp_path / "missing")


def test_frames_of_a_folder_come_in_order_of_their_numbers(tmp_path):
    write_pictures(tmp_path / "clip", ["9.png", "10.png", "11.png"])
    (clip,) = find_items(tmp_path)
    assert [int(frame[0, 0, 0]) for frame in frames_of(clip)] == [0, 10, 20]
    assert frame_rate_of(clip) == 25.0


def test_a_folder_of_frames_becomes_a_video_while_it_is_needed(tmp_path):
    folder = tmp_path / "clip"
    folder.mkdir()
    for index in range(3):
        write_image(folder / f"{index}.png", np.full((16, 32, 3), 80 * index, np.uint8))
    with as_video(Item("clip", folder, "clip")) as path:
        info = probe_video(path)
        assert (info.width, info.height, info.frame_count) == (32, 16, 3)
    assert not path.exists()


def test_a_video_file_stays_where_it_is(tmp_path):
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, (16, 16), 25) as writer:
        writer.write(np.zeros((16, 16, 3), np.uint8))
    with as_video(Item("clip", path, "clip")) as same:
        assert same == path
