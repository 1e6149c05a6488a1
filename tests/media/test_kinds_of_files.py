"""Kinds of sound and video files that phones, recorders and other programs write."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from making import add_sound, make_video

from cameo3d.media.audio import read_audio
from cameo3d.media.video import probe_video, read_frames

SOUNDS = (
    ("tone.wav", "pcm_s24le", 48_000),
    ("tone.wav", "pcm_f64le", 44_100),
    ("tone.wav", "pcm_mulaw", 8_000),
    ("tone.wav", "adpcm_ms", 22_050),
    ("tone.au", "pcm_mulaw", 8_000),
    ("tone.aiff", "pcm_s16be", 44_100),
    ("tone.caf", "alac", 44_100),
    ("tone.m4a", "aac", 44_100),
    ("tone.aac", "aac", 48_000),
    ("tone.mp3", "libmp3lame", 44_100),
    ("tone.opus", "libopus", 48_000),
    ("tone.webm", "libopus", 48_000),
    ("tone.wma", "wmav2", 44_100),
    ("tone.flac", "flac", 96_000),
)
VIDEOS = (
    ("clip.gif", "gif", "rgb8", 25),
    ("clip.apng", "apng", "rgb24", 25),
    ("clip.avi", "mpeg4", "yuv420p", 25),
    ("clip.ts", "mpeg2video", "yuv420p", 25),
    ("clip.mpg", "mpeg2video", "yuv420p", 25),
    ("clip.webm", "libvpx", "yuv420p", 30),
    ("clip.mkv", "libx264", "yuv444p", 60),
    ("clip.mov", "libx264", "yuv420p", 240),
)


@pytest.mark.parametrize(("name", "codec", "rate"), SOUNDS)
def test_sound_of_every_kind_is_heard_whole_and_as_loud(tmp_path: Path, name: str, codec: str, rate: int):
    path = tmp_path / name
    time = np.arange(rate) / rate
    with av.open(path, "w") as container:
        stream = add_sound(container, codec, rate)
        stream.codec_context.bit_rate = 96_000
        frame = av.AudioFrame.from_ndarray(
            (0.3 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)[None], "fltp", "mono"
        )
        frame.sample_rate = rate
        resampler = av.AudioResampler(stream.codec_context.format, "mono", rate)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    heard = np.concatenate(list(read_audio(path)))
    assert len(heard) == pytest.approx(16_000, abs=1_700)
    middle = heard[4_000:12_000]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.08)
    peak = np.abs(np.fft.rfft(middle)).argmax() * 16_000 / len(middle)
    assert peak == pytest.approx(440, abs=3)


@pytest.mark.parametrize(("name", "codec", "pixels", "rate"), VIDEOS)
def test_videos_of_every_kind_are_read_whole_at_their_rate(
    tmp_path: Path, name: str, codec: str, pixels: str, rate: int
):
    path = tmp_path / name
    pictures = []
    for index in range(rate):
        picture = np.full((48, 64, 3), 40, np.uint8)
        picture[:, : 1 + 63 * index // rate] = 200
        pictures.append(picture)
    make_video(path, pictures, rate, codec=codec, pixel_format=pixels, ticks=rate)
    assert probe_video(path).frame_rate == pytest.approx(Fraction(rate), rel=0.01)
    frames = list(read_frames(path, 25, 1000))
    assert len(frames) == pytest.approx(25, abs=1)
    bright = [float((frame[24, :, 1] > 120).mean()) for frame in frames]
    np.testing.assert_allclose(bright, np.arange(len(frames)) / 25, atol=0.08)
