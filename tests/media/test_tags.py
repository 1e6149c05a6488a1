from pathlib import Path

import numpy as np
import pytest
from making import gray_frames, make_video
from PIL import Image

from cameo3d.errors import InputError
from cameo3d.media.images import write_image
from cameo3d.media.tags import AI_TAG, read_tag
from cameo3d.media.video import Codec, FrameFolderWriter, VideoWriter


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_every_picture_says_that_it_is_generated(tmp_path: Path, suffix: str):
    path = tmp_path / f"x{suffix}"
    write_image(path, np.zeros((8, 8, 3), np.uint8))
    assert read_tag(path) == AI_TAG
    assert b"compositeWithTrainedAlgorithmicMedia" in path.read_bytes()


@pytest.mark.parametrize(
    ("name", "codec"),
    [("x.mp4", "h264"), ("x.mov", "prores4444"), ("x.webm", "vp9-alpha"), ("x.mkv", "h264")],
)
def test_every_video_says_that_it_is_generated(tmp_path: Path, name: str, codec: Codec):
    with VideoWriter(tmp_path / name, (32, 32), 25, codec=codec) as writer:
        writer.write(np.zeros((32, 32, 3 if codec == "h264" else 4), np.uint8))
    assert read_tag(tmp_path / name) == AI_TAG


def test_every_frame_of_a_folder_says_that_it_is_generated(tmp_path: Path):
    with FrameFolderWriter(tmp_path / "frames") as writer:
        writer.write(np.zeros((8, 8, 4), np.uint8))
    assert read_tag(tmp_path / "frames" / "frame_000000.png") == AI_TAG
    with Image.open(tmp_path / "frames" / "frame_000000.png") as image:
        assert image.info["Comment"] == AI_TAG


def test_other_files_have_no_tag(tmp_path: Path):
    Image.new("RGB", (8, 8)).save(tmp_path / "x.png")
    assert read_tag(tmp_path / "x.png") is None
    assert read_tag(make_video(tmp_path / "x.mp4", gray_frames([0]))) is None
    (tmp_path / "x.txt").write_text("hello")
    with pytest.raises(InputError):
        read_tag(tmp_path / "x.txt")
