from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from making import add_sound, bursts, gray_frames, make_video, onsets

from cameo3d.errors import InputError
from cameo3d.media.audio import AudioInfo, early_seconds, probe_audio, read_audio
from cameo3d.media.mixing import MonoMixer


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


def heard(path: Path, early: bool = False) -> np.ndarray:
    return np.concatenate(list(read_audio(path, early=early)))


@pytest.mark.parametrize(("sound_start", "picture_start"), [(0.0, 1.4), (0.5, 0.0), (0.3, 0.3)])
def test_sound_before_the_first_picture_can_be_had_too(
    tmp_path: Path, sound_start: float, picture_start: float
):
    times = [picture_start + index / 25 for index in range(50)]
    path = make_video(
        tmp_path / "x.mkv",
        gray_frames([0] * 50),
        times=times,
        sound=bursts([0.3, 1.2], 1.5),
        sound_start=sound_start,
    )
    late = max(0.0, sound_start - picture_start)
    samples = heard(path, early=True)
    np.testing.assert_allclose(onsets(samples, 16000), [late + 0.3, late + 1.2], atol=0.002)
    assert len(samples) == pytest.approx(24000 + 16000 * late, abs=20)
    assert early_seconds(path) == pytest.approx(max(0.0, picture_start - sound_start), abs=0.001)


def test_sound_that_is_left_out_before_the_first_picture_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    times = [1.4 + index / 25 for index in range(50)]
    path = make_video(tmp_path / "x.mkv", gray_frames([0] * 50), times=times, sound=bursts([2.0], 3.0))
    heard(path)
    assert caplog.text.count("begins 1.4 s before its pictures") == 1


def write_tracks(
    path: Path, sounds: list[np.ndarray], default: int | None, aside: Disposition | None = None
) -> Path:
    """Mono tracks; `aside` is laid upon the first."""
    with av.open(str(path), "w") as container:
        streams = [add_sound(container, "flac", 16000) for _ in sounds]
        for number, stream in enumerate(streams):
            stream.metadata["title"] = f"Track{number}"
            stream.disposition = Disposition.default if number == default else Disposition(0)
            if number == 0 and aside is not None:
                stream.disposition = Disposition.default | aside
        for stream, sound in zip(streams, sounds, strict=True):
            frame = av.AudioFrame.from_ndarray((sound * 32000).astype(np.int16)[None], "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 16000, 0, Fraction(1, 16000)
            for piece in av.AudioResampler("s16", "mono", 16000).resample(frame):
                container.mux(stream.encode(piece))
            container.mux(stream.encode(None))
    return path


EARLY, LATE, SILENCE = bursts([0.3], 1.0), bursts([0.6], 1.0), np.zeros(16000)


@pytest.mark.parametrize(
    ("sounds", "default", "aside", "onset", "notice"),
    [
        ([EARLY, LATE], None, None, 0.3, 'number 1 ("Track0") is heard'),
        ([EARLY, LATE], 0, None, 0.3, 'number 1 ("Track0") is heard'),
        ([EARLY, LATE], 1, None, 0.6, 'number 2 ("Track1") is heard'),
        ([SILENCE, LATE], 1, None, 0.6, 'number 2 ("Track1") is heard'),
        ([SILENCE, LATE], 0, None, 0.6, 'number 1 ("Track0"), which players take, is silent, so number 2'),
        ([EARLY, LATE], 1, Disposition.visual_impaired, 0.6, "number 2"),
    ],
)
def test_the_track_that_players_take_is_heard_unless_it_alone_is_silent(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    sounds: list[np.ndarray],
    default: int | None,
    aside: Disposition | None,
    onset: float,
    notice: str,
):
    path = write_tracks(tmp_path / "x.mkv", sounds, default, aside)
    np.testing.assert_allclose(onsets(heard(path), 16000), [onset], atol=0.002)
    assert notice in caplog.text


def test_of_silent_tracks_the_usual_one_is_heard(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    assert not heard(write_tracks(tmp_path / "x.mkv", [SILENCE, SILENCE], 1)).any()
    assert "all are silent" in caplog.text


@pytest.mark.parametrize("right", [-1.0, -0.9, 0.0, 0.3, 1.0])
def test_channels_that_cancel_each_other_are_heard_as_the_louder_one(tmp_path: Path, right: float):
    left = bursts([0.3, 1.2], 2.0).astype(np.float32)
    path = write_sound(tmp_path / "x.wav", np.stack((left, right * left)), 16000, "pcm_s16le")
    expected = left if right < -0.5 else left * (1 + right) / 2
    np.testing.assert_allclose(heard(path), expected, atol=0.001)


def test_noise_in_both_channels_is_averaged(tmp_path: Path):
    noise = np.random.default_rng(0).normal(0, 0.1, (2, 32000)).astype(np.float32)
    path = write_sound(tmp_path / "x.wav", noise, 16000, "pcm_s16le")
    np.testing.assert_allclose(heard(path), noise.mean(0), atol=0.001)


@pytest.mark.parametrize("sound", ["opposite", "mixed"])
def test_how_the_sound_is_cut_changes_nothing(sound: str):
    rng = np.random.default_rng(0)
    left = rng.normal(0, 0.1, 48000).astype(np.float32)
    right = -left.copy()
    if sound == "mixed":
        right[20000:] = left[20000:]
    both = np.stack((left, right))
    mixed = [
        np.concatenate([mix(both[:, i : i + size])[0] for i in range(0, 48000, size)])
        for size, mix in ((256, MonoMixer(16000)), (2048, MonoMixer(16000)))
    ]
    np.testing.assert_allclose(mixed[0][:20000], left[:20000], atol=1e-6)
    np.testing.assert_allclose(mixed[0][30000:], mixed[1][30000:], atol=1e-6)
    np.testing.assert_allclose(mixed[1][:20000], left[:20000], atol=1e-6)


def test_a_wav_that_follows_another_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    one = write_sound(tmp_path / "x.wav", np.full((1, 4001), 0.5, np.float32), 16000, "pcm_u8")
    assert len(heard(one)) == 4001
    assert not caplog.text
    data = one.read_bytes()
    (tmp_path / "two.wav").write_bytes(data + data)
    assert len(heard(tmp_path / "two.wav")) == 4001
    assert caplog.text.count("another WAV file after its first") == 1


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_streamed_wav_that_does_not_know_its_length_is_read_whole(tmp_path: Path, size: int):
    path = write_sound(tmp_path / "x.wav", bursts([0.3], 1.0)[None], 16000, "pcm_s16le")
    data = bytearray(path.read_bytes())
    for position in (4, data.index(b"data") + 4):
        data[position : position + 4] = size.to_bytes(4, "little")
    path.write_bytes(bytes(data))
    assert len(heard(path)) == 16000
