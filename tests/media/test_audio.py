from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from making import add_sound, bursts, gray_frames, make_video, onsets

from cameo3d.errors import InputError
from cameo3d.media.audio import AudioInfo, probe_audio, read_audio


def write_sound(path: Path, samples: np.ndarray, sample_rate: int, codec: str) -> Path:
    """`samples` are float32, "channels samples"."""
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(samples)]
    with av.open(str(path), "w") as container:
        stream = add_sound(container, codec, sample_rate, layout)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples, np.float32), "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, 0, Fraction(1, sample_rate)
        for piece in av.AudioResampler(stream.codec_context.format, layout, sample_rate).resample(frame):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("wav", "pcm_s16le"), ("flac", "flac"), ("mp3", "libmp3lame"), ("m4a", "aac"), ("ogg", "libopus")],
)
def test_common_sound_files_keep_their_tones_and_length(tmp_path: Path, suffix: str, codec: str):
    sound = bursts([0.3, 1.5], 2.0, 48000)[None].repeat(2, 0)
    path = write_sound(tmp_path / f"x.{suffix}", sound, 48000, codec)
    assert probe_audio(path) == AudioInfo(48000, 2)
    samples = np.concatenate(list(read_audio(path)))
    assert samples.dtype == np.float32
    # mp3 and aac fill their last frame, mp3 adds a delay: at most 2 * 1152 samples at 48 kHz.
    assert len(samples) == pytest.approx(32000, abs=16000 * 2304 / 48000 + 1)
    np.testing.assert_allclose(onsets(samples, 16000), [0.3, 1.5], atol=0.003)
    assert np.abs(samples).max() == pytest.approx(0.8, abs=0.1)


def test_the_sample_rate_can_be_kept_and_surround_is_mixed_down(tmp_path: Path):
    sound = np.zeros((6, 22050), np.float32)
    path = write_sound(tmp_path / "x.wav", sound, 44100, "pcm_s16le")
    assert probe_audio(path) == AudioInfo(44100, 2)
    assert sum(map(len, read_audio(path, 44100))) == 22050


@pytest.mark.parametrize(("sound_start", "picture_start"), [(0.0, 0.5), (0.5, 0.0), (0.3, 0.3)])
def test_the_first_sample_of_a_videos_sound_belongs_to_its_first_picture(
    tmp_path: Path, sound_start: float, picture_start: float
):
    times = [picture_start + index / 25 for index in range(50)]
    path = make_video(
        tmp_path / "x.mkv",
        gray_frames([0] * 50),
        times=times,
        sound=bursts([0.8], 1.5),
        sound_start=sound_start,
    )
    samples = np.concatenate(list(read_audio(path)))
    expected = 0.8 + sound_start - picture_start
    np.testing.assert_allclose(onsets(samples, 16000), [expected], atol=0.002)


def test_a_gap_in_the_time_stamps_becomes_silence(tmp_path: Path):
    path = tmp_path / "x.mkv"
    with av.open(str(path), "w") as container:
        stream = add_sound(container, "pcm_s16le", 16000)
        for start in (0, 24000):
            frame = av.AudioFrame.from_ndarray(np.full((1, 4096), 16000, np.int16), "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 16000, start, Fraction(1, 16000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    samples = np.concatenate(list(read_audio(path)))
    assert len(samples) == pytest.approx(24000 + 4096, abs=20)
    np.testing.assert_allclose(onsets(samples, 16000), [0, 1.5], atol=0.002)


def test_sound_that_is_not_there_is_an_error(tmp_path: Path):
    silent = make_video(tmp_path / "x.mp4", gray_frames([0] * 5))
    assert probe_audio(silent) is None
    with pytest.raises(InputError, match="no audio stream"):
        next(read_audio(silent))
    path = write_sound(tmp_path / "x.wav", np.zeros((1, 16), np.float32), 16000, "pcm_s16le")
    path.write_bytes(path.read_bytes()[:-32])
    with pytest.raises(InputError, match=r"no sound at all|not a media file"):
        next(read_audio(path))
    (tmp_path / "empty.wav").touch()
    with pytest.raises(InputError, match="0 bytes"):
        read_audio(tmp_path / "empty.wav")


def test_a_cut_sound_file_gives_what_is_left(tmp_path: Path):
    path = write_sound(tmp_path / "x.mp3", bursts([0.3], 2.0)[None], 16000, "libmp3lame")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 8000 < sum(map(len, read_audio(path))) < 24000
