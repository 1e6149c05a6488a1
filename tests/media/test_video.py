import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext
from making import add_pictures, add_sound, bursts, decoded_sound, gray_frames, make_video, onsets

from cameo3d.errors import InputError, OutputError
from cameo3d.media.video import (
    Codec,
    FrameFolderWriter,
    VideoWriter,
    codec_for,
    probe_video,
    read_frames,
)

FLASH = 140


def levels(path: Path, frame_rate: float | None = None) -> list[int]:
    return [int(frame[24, 32, 1]) for frame in read_frames(path, frame_rate)]


def test_probing_tells_what_reading_gives(clip: Path):
    info = probe_video(clip)
    assert (info.width, info.height, info.frame_rate, info.has_audio) == (64, 48, 25, True)
    assert info.frame_count == len(levels(clip)) == 50
    assert info.duration_seconds == pytest.approx(2.0)
    assert info.start_seconds == pytest.approx(0.0)


@pytest.mark.parametrize("rate", [24, 25, 30, 60])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm", "avi", "ts"])
def test_constant_rate_comes_out_frame_for_frame(tmp_path: Path, suffix: str, rate: int):
    codec = {"webm": "libvpx", "avi": "mpeg4"}.get(suffix, "libx264")
    ramp = [20 + 5 * index for index in range(40)]
    # AVI counts frames, so that it takes no finer clock.
    path = make_video(
        tmp_path / f"x.{suffix}",
        gray_frames(ramp),
        rate,
        codec=codec,
        ticks=rate if suffix == "avi" else 1000,
    )
    assert float(probe_video(path).frame_rate) == pytest.approx(rate, rel=1e-3)
    np.testing.assert_allclose(levels(path), ramp, atol=4)


def test_variable_rate_is_held_by_presentation_time(tmp_path: Path):
    # 10 frames a second, then a pause of a second, then 25 frames a second.
    times = [0.0, 0.1, 0.2, 1.2, 1.24, 1.28, 1.32]
    path = make_video(tmp_path / "x.mkv", gray_frames([20, 50, 80, 110, 140, 170, 200]), times=times)
    read = levels(path, 25)
    assert len(read) in (34, 35)  # the file does not say exactly how long the last picture stays
    for slot, level in enumerate(read):
        time = slot / 25
        shown = max(index for index, start in enumerate(times) if start <= time + 0.0101)
        assert level == pytest.approx(20 + 30 * shown, abs=4)


def test_a_damaged_time_stamp_does_not_repeat_a_picture_for_years(tmp_path: Path):
    times = [0.0, 0.04, 0.08, 1e6, 1e6 + 0.04]
    path = make_video(tmp_path / "x.mkv", gray_frames([20, 60, 100, 140, 180]), times=times)
    np.testing.assert_allclose(levels(path), [20, 60, 100, 140, 180], atol=4)


def test_a_lower_rate_drops_frames_and_a_higher_one_repeats_them(tmp_path: Path):
    ramp = [20 + 5 * index for index in range(40)]
    path = make_video(tmp_path / "x.mp4", gray_frames(ramp), 20)
    np.testing.assert_allclose(levels(path, 10), ramp[::2], atol=4)
    doubled = levels(path, 40)
    assert len(doubled) == 80
    assert max(doubled.count(level) for level in doubled) == 2


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation_metadata_is_applied(tmp_path: Path, rotation: int):
    pixels = np.full((48, 64, 3), 20, np.uint8)
    pixels[:24, :32] = 220  # bright in the upper left as stored
    path = make_video(tmp_path / "x.mp4", [pixels] * 3, rotation=rotation)
    frame = next(read_frames(path))
    turned = np.rot90(pixels, rotation // 90)  # FFmpeg counts counterclockwise
    assert frame.shape == turned.shape
    assert np.abs(frame.astype(int) - turned).mean() < 3
    info = probe_video(path)
    assert (info.width, info.height) == (frame.shape[1], frame.shape[0])


def test_square_pixels_come_out_of_oblong_ones(tmp_path: Path):
    path = make_video(tmp_path / "x.mp4", gray_frames([100] * 3), aspect=Fraction(3, 2))
    assert next(read_frames(path)).shape == (48, 96, 3)
    assert probe_video(path).width == 96


def make_changing_video(path: Path, sizes: list[tuple[int, int]]) -> Path:
    """Three pictures of each size, with a bright square in the middle, a quarter as wide as they are high."""
    with av.open(str(path), "w") as container:
        stream = add_pictures(container, "libvpx", 25, *sizes[0])
        container.start_encoding()
        for part, (width, height) in enumerate(sizes):
            encoder = av.CodecContext.create("libvpx", "w")
            assert isinstance(encoder, VideoCodecContext)
            encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
            encoder.time_base, encoder.bit_rate = Fraction(1, 25), 2_000_000
            pixels = np.full((height, width, 3), 60, np.uint8)
            half = height // 8
            pixels[height // 2 - half : height // 2 + half, width // 2 - half : width // 2 + half] = 220
            packets = []
            for index in range(3):
                frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p")
                frame.pts, frame.time_base = 3 * part + index, Fraction(1, 25)
                packets += encoder.encode(frame)
            for packet in [*packets, *encoder.encode(None)]:
                packet.stream = stream
                container.mux(packet)
    return path


def test_pictures_that_change_their_shape_keep_their_proportions(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    path = make_changing_video(tmp_path / "x.webm", [(128, 128), (64, 64), (320, 160), (96, 192)])
    frames = list(read_frames(path))
    assert {frame.shape for frame in frames} == {(128, 128, 3)}
    for index, (width, height) in ((1, (128, 128)), (4, (128, 128)), (7, (128, 64)), (10, (64, 128))):
        bright, filled = frames[index][..., 1] > 140, frames[index][..., 1] > 30
        seen = [int(np.ptp(np.flatnonzero(bright.any(axis)))) + 1 for axis in (0, 1)]
        np.testing.assert_allclose(seen, height / 4, atol=2)
        assert filled.sum() == pytest.approx(width * height, rel=0.03)
    assert caplog.text.count("changes its shape") == 1


def test_odd_sizes_are_read_and_written(tmp_path: Path):
    pixels = (
        np.random.default_rng(0).integers(0, 255, (6, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)[:47, :63]
    )
    path = make_video(tmp_path / "x.mkv", [pixels] * 3, codec="ffv1", pixel_format="yuv444p")
    frame = next(read_frames(path))
    assert frame.shape == (47, 63, 3)
    assert np.abs(frame.astype(int) - pixels).max() < 5
    with VideoWriter(tmp_path / "y.mp4", (63, 47), 25) as writer:
        writer.write(pixels)
    grown = next(read_frames(tmp_path / "y.mp4"))
    assert grown.shape == (48, 64, 3)
    np.testing.assert_allclose(grown[-1].astype(int), grown[-2], atol=30)
    assert np.abs(grown[:47, :63].astype(int) - pixels).mean() < 8


def test_large_frames_are_scaled_down(tmp_path: Path):
    path = make_video(tmp_path / "x.mp4", gray_frames([100] * 2, 640, 320))
    assert next(read_frames(path, max_side=100)).shape == (50, 100, 3)
    assert next(read_frames(path, max_side=1000)).shape == (320, 640, 3)


def test_a_file_without_pictures_is_refused(tmp_path: Path):
    with av.open(str(tmp_path / "x.m4a"), "w") as container:
        stream = add_sound(container, "aac", 16000, "stereo")
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 16000), np.float32), "fltp", "stereo")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match="no video stream"):
        probe_video(tmp_path / "x.m4a")
    with pytest.raises(InputError, match="no video stream"):
        next(read_frames(tmp_path / "x.m4a"))


def test_repeated_frames_do_not_share_memory(tmp_path: Path):
    path = make_video(tmp_path / "x.mp4", gray_frames([100] * 5))
    frames = read_frames(path, 100)
    next(frames)[:] = 0
    assert next(frames)[24, 32, 0] == pytest.approx(100, abs=4)


@pytest.mark.parametrize("color", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 120, 90), (255, 255, 255)])
@pytest.mark.parametrize("name", ["x.mp4", "x.webm"])
def test_colours_survive_writing_and_reading(tmp_path: Path, name: str, color: tuple[int, int, int]):
    frame = np.full((48, 64, 3), color, np.uint8)
    with VideoWriter(tmp_path / name, (64, 48), 25, codec=codec_for(tmp_path / name, False)) as writer:
        writer.write(frame)
    # Eight bits of limited range: at most 1 off.
    np.testing.assert_allclose(next(read_frames(tmp_path / name)), frame, atol=2)
    with av.open(str(tmp_path / name)) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_range, context.pix_fmt) == (1, 1, "yuv420p")
        assert (context.color_primaries, context.color_trc) == (1, 1)


@pytest.mark.parametrize(
    ("name", "codec", "decoder"), [("x.mov", "prores4444", "prores"), ("x.webm", "vp9-alpha", "libvpx-vp9")]
)
def test_alpha_survives_in_transparent_codecs(tmp_path: Path, name: str, codec: Codec, decoder: str):
    frame = np.full((48, 64, 4), (200, 120, 90, 255), np.uint8)
    frame[:, 32:, 3] = 0
    frame[:24, :32, 3] = 128
    with VideoWriter(tmp_path / name, (64, 48), 25, codec=codec_for(tmp_path / name, True)) as writer:
        for _ in range(3):
            writer.write(frame)
    assert codec_for(tmp_path / name, True) == codec
    with av.open(str(tmp_path / name)) as container:
        stream = container.streams.video[0]
        context = av.CodecContext.create(decoder, "r")
        assert isinstance(context, VideoCodecContext)  # the default decoder of VP9 leaves alpha out
        context.extradata = stream.codec_context.extradata
        context.width, context.height = 64, 48
        packets = [packet for packet in container.demux(stream) if packet.size]
        decoded = [picture for packet in packets for picture in context.decode(packet)]
    first = (decoded or context.decode(None))[0].to_ndarray(format="rgba")
    # Largest difference measured at the points below: 2.
    for row, column in ((12, 12), (36, 12), (12, 52)):
        np.testing.assert_allclose(first[row, column, 3], frame[row, column, 3], atol=4)
    np.testing.assert_allclose(first[36, 12, :3], frame[36, 12, :3], atol=4)


def test_frames_of_another_shape_are_a_programmers_error(tmp_path: Path):
    with (
        pytest.raises(ValueError, match="expects frames of shape"),
        VideoWriter(tmp_path / "x.mp4", (64, 48), 25) as w,
    ):
        w.write(np.zeros((48, 64, 4), np.uint8))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("start", [(0.0, 0.0), (0.12, 0.0), (0.0, 0.12), (0.0, 0.5)])
@pytest.mark.parametrize(
    ("name", "sample_rate"), [("out.mp4", 16000), ("out.mp4", 44100), ("out.webm", 22050)]
)
def test_sound_stays_in_step_at_both_ends(
    tmp_path: Path, start: tuple[float, float], name: str, sample_rate: int
):
    picture_start, sound_start = start
    flashes, count = (20, 145), 150
    dark = [255 if index in flashes else 20 for index in range(count)]
    times = [picture_start + index / 25 for index in range(count)]
    heard = [times[index] - sound_start for index in flashes]
    source = make_video(
        tmp_path / "in.mkv",
        gray_frames(dark),
        times=times,
        sound=bursts(heard, 7.0, sample_rate),
        sound_start=sound_start,
        sample_rate=sample_rate,
    )
    out = tmp_path / name
    info = probe_video(source)
    assert info.frame_count == count
    assert info.start_seconds == pytest.approx(picture_start)
    with VideoWriter(out, (64, 48), info.frame_rate, audio=source, codec=codec_for(out, False)) as writer:
        for frame in read_frames(source):
            writer.write(frame)

    with av.open(str(out)) as container:
        pictures = [
            (frame.time, frame.to_ndarray(format="gray")[24, 32]) for frame in container.decode(video=0)
        ]
    seen = [time for time, level in pictures if level > FLASH]
    assert len(pictures) == count
    samples, rate = decoded_sound(out)
    assert rate == (sample_rate if name == "out.mp4" else 48000)
    # One frame is 0.04 s; the largest difference measured was 0.0005 s.
    np.testing.assert_allclose(onsets(samples, rate), seen, atol=0.005)
    assert len(samples) / rate == pytest.approx(count / 25, abs=0.03)  # AAC fills its last frame: 0.016 s


def test_sound_is_cut_or_filled_to_the_length_of_the_frames(tmp_path: Path, clip: Path):
    for count in (25, 100):
        with VideoWriter(tmp_path / f"{count}.mp4", (64, 48), 25, audio=clip) as writer:
            for frame in gray_frames([100] * count):
                writer.write(frame)
        samples, rate = decoded_sound(tmp_path / f"{count}.mp4")
        assert rate == 16000
        assert len(samples) / rate == pytest.approx(count / 25, abs=0.07)  # AAC fills its last 64 ms


def test_an_empty_sound_stream_becomes_silence(tmp_path: Path):
    path = make_video(tmp_path / "x.mkv", gray_frames([100] * 3), sound=np.zeros(0))
    assert probe_video(path).has_audio
    with VideoWriter(tmp_path / "y.mp4", (64, 48), 25, audio=path) as writer:
        for frame in gray_frames([100] * 25):
            writer.write(frame)
    samples, rate = decoded_sound(tmp_path / "y.mp4")
    assert len(samples) / rate == pytest.approx(1, abs=0.07)
    assert np.abs(samples).max() < 0.001


def test_stereo_stays_stereo(tmp_path: Path):
    with av.open(str(tmp_path / "x.wav"), "w") as container:
        stream = add_sound(container, "pcm_s16le", 44100, "stereo")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 88200), np.int16), "s16", "stereo")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
    with VideoWriter(tmp_path / "x.mp4", (64, 48), 25, audio=tmp_path / "x.wav") as writer:
        for frame in gray_frames([100] * 25):
            writer.write(frame)
    with av.open(str(tmp_path / "x.mp4")) as container:
        context = container.streams.audio[0].codec_context
        assert (context.layout.name, context.sample_rate, context.name) == ("stereo", 44100, "aac")


def test_sound_is_decoded_no_further_than_the_frames_have_come(tmp_path: Path, clip: Path):
    with VideoWriter(tmp_path / "x.mp4", (64, 48), 25, audio=clip) as writer:
        for frame in gray_frames([100] * 50):
            writer.write(frame)
            assert writer._track is not None
            waiting = writer._track._rest.shape[1]
            assert waiting <= 16384


def test_the_index_stands_before_the_data(tmp_path: Path):
    with VideoWriter(tmp_path / "x.mp4", (64, 48), 30000 / 1001) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8))
    data = (tmp_path / "x.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert writer.frame_rate == Fraction(30000, 1001)


def test_ctrl_c_leaves_the_old_file_and_nothing_else(tmp_path: Path, clip: Path):
    path = tmp_path / "x.mp4"
    path.write_bytes(b"old")

    def interrupt(writer: VideoWriter | FrameFolderWriter) -> None:
        with writer:
            for frame in gray_frames([100] * 30):
                writer.write(frame)
            assert path.read_bytes() == b"old"
            raise KeyboardInterrupt

    for writer in (
        VideoWriter(path, (64, 48), 25, audio=clip, overwrite=True),
        FrameFolderWriter(tmp_path / "frames"),
    ):
        with pytest.raises(KeyboardInterrupt):
            interrupt(writer)
        assert path.read_bytes() == b"old"
        assert os.listdir(tmp_path) == ["x.mp4"]


@pytest.mark.parametrize("name", ["x.mp4", "x.webm", "x.mkv"])
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, full_disk: None, name: str):
    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)

    def fill(path: Path) -> None:
        with VideoWriter(path, (64, 48), 25, codec=codec_for(path, False)) as writer:
            for _ in range(100):
                writer.write(noise)

    with pytest.raises(OutputError, match="no space left"):
        fill(tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_outputs_that_cannot_be_are_refused_before_the_first_frame(tmp_path: Path, clip: Path):
    (tmp_path / "there.mp4").touch()
    silent = make_video(tmp_path / "silent.mkv", gray_frames([0] * 3))
    for name in ("there.mp4", "missing/x.mp4", "x.gif", "x.m4v"):
        with pytest.raises(OutputError):
            VideoWriter(tmp_path / name, (64, 48), 25)
    with pytest.raises(OutputError, match=r"\.mov"):
        VideoWriter(tmp_path / "x.mp4", (64, 48), 25, codec="prores4444")
    for sound in (tmp_path / "nothing.wav", silent):
        with pytest.raises(InputError):
            VideoWriter(tmp_path / "x.mp4", (64, 48), 25, audio=sound)
    for name, transparent in (("x.mp4", True), ("x.gif", False)):
        with pytest.raises(OutputError, match="name it"):
            codec_for(tmp_path / name, transparent)
    with pytest.raises(OutputError, match="no frame"), VideoWriter(tmp_path / "x.mp4", (64, 48), 25):
        pass
    with pytest.raises(OutputError, match="no frame"), FrameFolderWriter(tmp_path / "frames"):
        pass
    assert sorted(os.listdir(tmp_path)) == ["silent.mkv", "there.mp4"]


def test_strange_names_are_written(tmp_path: Path, strange_name: str):
    folder = tmp_path / strange_name
    folder.mkdir()
    with VideoWriter(folder / (strange_name + ".mp4"), (64, 48), 25) as writer:
        writer.write(np.full((48, 64, 3), 100, np.uint8))
    assert len(levels(folder / (strange_name + ".mp4"))) == 1


def test_a_folder_of_frames_keeps_them_exactly(tmp_path: Path):
    from PIL import Image

    frames = np.random.default_rng(0).integers(0, 255, (3, 7, 5, 4), np.uint8)
    with FrameFolderWriter(tmp_path / "frames") as writer:
        for frame in frames:
            writer.write(frame)
        assert not (tmp_path / "frames").exists()
    for index, frame in enumerate(frames):
        with Image.open(tmp_path / "frames" / f"frame_{index:06d}.png") as image:
            np.testing.assert_array_equal(np.asarray(image), frame)
    with pytest.raises(OutputError, match="--overwrite"):
        FrameFolderWriter(tmp_path / "frames")
    with FrameFolderWriter(tmp_path / "frames", overwrite=True) as writer:
        writer.write(frames[0])
    assert os.listdir(tmp_path / "frames") == ["frame_000000.png"]
