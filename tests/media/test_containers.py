import logging
import os
import threading
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from making import add_pictures, add_sound, gray_frames, make_video
from PIL import Image

from cameo3d.errors import InputError
from cameo3d.media.audio import read_audio
from cameo3d.media.containers import open_container
from cameo3d.media.video import probe_video, read_frames

PLAYLISTS = {
    "x.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{clip}\n#EXT-X-ENDLIST\n",
    "bom.m3u8": "\ufeff\n #EXTM3U\n{clip}\n",
    "x.ffconcat": "ffconcat version 1.0\nfile '{clip}'\n",
    "x.txt": "file '{clip}'\n",
    "x.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5004 RTP/AVP 96\n",
    "x.mpd": '<?xml version="1.0"?>\n<!-- a comment -->\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
    "x.pls": "[playlist]\nFile1={clip}\n",
    "urls.mp4": "https://a.b/c.mp4\nhttps://a.b/d.mp4\n",
    "x.asx": "<asx version='3'><entry><ref href='{clip}'/></entry></asx>",
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_playlist_is_refused_under_any_name(tmp_path: Path, clip: Path, name: str):
    for path in (tmp_path / name, tmp_path / "x.mp4"):
        path.write_text(PLAYLISTS[name].format(clip=clip))
        with pytest.raises(InputError, match="is a playlist"):
            probe_video(path)
        with pytest.raises(InputError, match="is a playlist"):
            next(read_audio(path))


def test_a_disguised_playlist_reaches_no_other_file(tmp_path: Path, clip: Path):
    path = tmp_path / "x.mp4"
    path.write_bytes(b"\n" * 5000 + PLAYLISTS["x.m3u8"].format(clip=clip).encode())
    with pytest.raises(InputError):
        probe_video(path)


def test_urls_and_devices_are_refused():
    for name in ("http://a.b/c.mp4", "rtsp://a.b/c", "/dev/zero", "/dev/video0"):
        with pytest.raises(InputError):
            read_frames(Path(name))  # at once, not with the first frame
        with pytest.raises(InputError):
            read_audio(Path(name))


def test_pictures_texts_and_rubbish_are_no_video(tmp_path: Path):
    pixels = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    Image.fromarray(pixels).save(tmp_path / "x.jpg")
    (tmp_path / "x.txt").write_text("hello\n" * 100)
    (tmp_path / "x.mp4").write_bytes(pixels.tobytes())
    (tmp_path / "empty.mp4").touch()
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(InputError, match=r"picture or a text|not a media file|0 bytes|no picture"):
            probe_video(path)


def test_a_name_is_never_a_pattern_or_a_protocol(tmp_path: Path, clip: Path, strange_name: str):
    path = tmp_path / strange_name
    path.write_bytes(clip.read_bytes())
    with open_container(path, "video") as container:
        assert len(container.streams.video) == 1


def test_a_file_that_lost_its_index_is_refused(tmp_path: Path, clip: Path):
    path = tmp_path / "x.mp4"
    path.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    with pytest.raises(InputError, match="damaged or not a media file"):
        probe_video(path)


def test_what_a_cut_file_still_holds_is_read_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    noise = np.random.default_rng(0).integers(0, 255, (50, 48, 64, 3), np.uint8)
    path = make_video(tmp_path / "x.mkv", list(noise))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with caplog.at_level(logging.WARNING):
        assert 10 < len(list(read_frames(path))) < 40
    assert "damaged or cut short" in caplog.text


def test_damage_in_the_middle_is_skipped(tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 255, (50, 48, 64, 3), np.uint8)
    path = make_video(tmp_path / "x.mkv", list(noise))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    path.write_bytes(bytes(data))
    assert 20 < len(list(read_frames(path))) <= 50


def test_no_file_and_no_thread_stays_open(tmp_path: Path, clip: Path):
    def open_files() -> int:
        return len(os.listdir("/proc/self/fd"))

    if not Path("/proc/self/fd").exists():
        pytest.skip("this system does not list open files")
    list(read_frames(clip))
    files, threads = open_files(), threading.active_count()
    for _ in range(3):
        list(read_frames(clip))
        next(read_frames(clip))
        next(read_audio(clip))
        probe_video(clip)
    assert open_files() <= files
    assert threading.active_count() <= threads


def test_a_sound_file_with_a_cover_has_no_video(tmp_path: Path):
    path = make_video(tmp_path / "x.mkv", gray_frames([0] * 5), sound=np.zeros(3200))
    assert probe_video(path).has_audio
    with pytest.raises(InputError, match="no video stream"):
        probe_video(_sound_with_cover(tmp_path / "cover.m4a"))


def _sound_with_cover(path: Path) -> Path:
    with av.open(str(path), "w", format="mp4") as container:
        audio = add_sound(container, "aac", 16000, "stereo")
        cover = add_pictures(container, "mjpeg", 1, 32, 32)
        cover.pix_fmt = "yuvj420p"
        cover.disposition = Disposition.attached_pic
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 16000), np.float32), "fltp", "stereo")
        frame.sample_rate = 16000
        container.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")))
        container.mux(cover.encode(None))
        container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    return path
