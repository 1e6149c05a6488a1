import logging
import threading
from pathlib import Path

import numpy as np
import pytest

from cameo3d.errors import InputError
from cameo3d.media.tags import read_tag
from cameo3d.media.video import read_frames
from cameo3d.media.writing import FrameFolderWriter, VideoWriter
from cameo3d.provenance.disclosure import FULL_DISCLOSURE, Disclosure
from cameo3d.provenance.embedding import Mark
from cameo3d.provenance.label import labelled
from cameo3d.provenance.verifying import NO_PROOF, verify
from cameo3d.provenance.writing import plain_tag, write_frames, write_still

BARE = Disclosure(mark=False, credentials=False)


def write(path: Path, frames, made_of, disclosure=FULL_DISCLOSURE) -> Path:
    height, width = frames[0].shape[:2]
    writer = VideoWriter(path, (width, height), 25, overwrite=True, tag=plain_tag(disclosure))
    assert write_frames(writer, frames, made_of, disclosure)
    return path


def test_a_video_tells_twice_that_it_is_generated(tmp_path, clip, made_of):
    verdict = verify(write(tmp_path / "x.mp4", clip, made_of))
    assert verdict.found
    assert verdict.credentials is not None
    assert verdict.credentials.intact
    assert verdict.mark.identity == made_of.identity
    assert "the one in the credentials" in verdict.line
    assert NO_PROOF not in verdict.lines()


def test_what_is_left_out_is_left_out_and_told_in_the_tag(tmp_path, clip, made_of):
    verdict = verify(write(tmp_path / "x.mp4", clip, made_of, BARE), search=False)
    assert not verdict.found
    assert verdict.credentials is None
    assert verdict.lines()[-1] == NO_PROOF
    assert verdict.tag is not None
    assert "without invisible mark and credentials" in verdict.tag
    assert "without credentials" in plain_tag(Disclosure(credentials=False))


def test_the_same_frames_make_the_same_pictures_and_without_signature_the_same_bytes(tmp_path, clip, made_of):
    first, second = (
        list(read_frames(write(tmp_path / name, clip[:4], made_of))) for name in ("a.mp4", "b.mp4")
    )
    np.testing.assert_array_equal(first, second)
    unsigned = Disclosure(credentials=False)
    files = [write(tmp_path / name, clip[:4], made_of, unsigned).read_bytes() for name in ("c.mp4", "d.mp4")]
    assert files[0] == files[1]


def test_a_video_is_not_lost_because_it_cannot_be_signed(tmp_path, clip, made_of, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CAMEO3D_CREDENTIALS", str(tmp_path / "file" / "credentials"))
    writer = VideoWriter(tmp_path / "x.mp4", (512, 512), 25)
    with caplog.at_level(logging.WARNING):
        assert not write_frames(writer, clip, made_of, FULL_DISCLOSURE)
    assert len(caplog.messages) == 1
    assert "without credentials" in caplog.messages[0]
    assert "\n" not in caplog.messages[0]
    verdict = verify(tmp_path / "x.mp4", search=False)
    assert verdict.credentials is None
    assert verdict.mark.found


def test_frames_of_a_folder_are_signed_and_marked_one_by_one(tmp_path, portrait, made_of):
    frames = [np.dstack([portrait, np.full((512, 512), 255, np.uint8)])] * 2
    writer = FrameFolderWriter(tmp_path / "frames")
    assert write_frames(writer, frames, made_of, FULL_DISCLOSURE)
    verdicts = [verify(path) for path in sorted((tmp_path / "frames").iterdir())]
    assert [verdict.mark.identity for verdict in verdicts] == [made_of.identity] * 2
    assert all(verdict.credentials and verdict.credentials.intact for verdict in verdicts)


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.webp"])
def test_a_still_tells_it_as_well(tmp_path, portrait, made_of, name):
    assert write_still(tmp_path / name, portrait, made_of, FULL_DISCLOSURE)
    verdict = verify(tmp_path / name, search=False)
    assert verdict.mark.found
    assert verdict.credentials is not None
    assert read_tag(tmp_path / name) is not None


def test_a_mark_with_another_id_than_the_credentials_name_is_told(tmp_path, portrait, made_of):
    marked = Mark(made_of.identity ^ 1).apply(portrait)
    write_still(tmp_path / "x.png", marked, made_of, Disclosure(mark=False))
    assert verify(tmp_path / "x.png").found
    facts = verify(tmp_path / "x.png").facts()
    assert facts["mark"]["id"] == f"{made_of.identity ^ 1:08x}"
    assert facts["credentials"]["mark"] is None  # signed without a mark, so it names none


def test_changed_pixels_are_told_and_do_not_hide_the_mark(tmp_path, portrait, made_of):
    path = tmp_path / "x.jpg"
    write_still(path, portrait, made_of, FULL_DISCLOSURE)
    content = bytearray(path.read_bytes())
    content[-200] ^= 1
    path.write_bytes(content)
    verdict = verify(path, search=False)
    assert verdict.found
    assert "do not fit the file" in verdict.line


def test_a_damaged_picture_is_called_damaged(tmp_path, portrait, made_of):
    path = tmp_path / "x.png"
    write_still(path, portrait, made_of, FULL_DISCLOSURE)
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 4 : content.index(b"IDAT") + 40] = bytes(36)
    path.write_bytes(content)
    with pytest.raises(InputError, match="is damaged"):
        verify(path)


def test_a_file_that_is_neither_is_refused(tmp_path):
    (tmp_path / "x.txt").write_text("hello")
    with pytest.raises(InputError):
        verify(tmp_path / "x.txt")


@pytest.mark.parametrize("channels", [3, 4])
def test_the_badge_stands_in_the_lower_right_corner(channels):
    frame = np.zeros((200, 300, channels), np.uint8)
    changed = labelled(frame)
    rows, columns = np.nonzero((changed != frame).any(axis=2))
    assert rows.min() > 170
    assert columns.min() > 260
    assert changed[..., :3].max() > 150
    np.testing.assert_array_equal(frame, 0)


def test_the_badge_fits_into_any_frame():
    for size in ((1, 1), (5, 40), (40, 5)):
        assert labelled(np.zeros((*size, 3), np.uint8)).shape == (*size, 3)


def test_frames_are_drawn_where_ctrl_c_arrives_and_written_elsewhere(tmp_path, clip, made_of):
    drawn_in, written_in = set(), []

    class Writer(VideoWriter):
        def write(self, frame):
            written_in.append(threading.current_thread())
            super().write(frame)

    def frames():
        for frame in clip[:4]:
            drawn_in.add(threading.current_thread())
            yield frame

    assert write_frames(Writer(tmp_path / "x.mp4", (512, 512), 25), frames(), made_of, BARE)
    assert drawn_in == {threading.main_thread()}
    assert len(written_in) == 4
    assert threading.main_thread() not in written_in


def test_what_writing_raises_ends_the_drawing_and_leaves_no_file(tmp_path, clip, made_of):
    drawn = []

    def frames():
        for index in range(100):
            drawn.append(index)
            yield clip[0] if index < 2 else clip[0][:-2]  # another size than the writer's

    with pytest.raises(ValueError, match="shape"):
        write_frames(VideoWriter(tmp_path / "x.mp4", (512, 512), 25), frames(), made_of, BARE)
    assert len(drawn) < 6
    assert not list(tmp_path.iterdir())
