"""Small pictures, videos and sounds, made on the spot."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest


def gray_frames(levels: Sequence[int], width: int = 64, height: int = 48) -> list[np.ndarray]:
    return [np.full((height, width, 3), level, np.uint8) for level in levels]


def make_video(
    path: Path,
    frames: Sequence[np.ndarray],
    rate: int = 25,
    times: Sequence[float] | None = None,
    sound: np.ndarray | None = None,
    sound_start: float = 0.0,
    sample_rate: int = 16000,
    rotation: int = 0,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    aspect: Fraction | None = None,
    ticks: int = 1000,
) -> Path:
    """Write with plain PyAV; `times` in seconds, in `ticks` a second; `sound` mono in [-1, 1]."""
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=rate)
        video.height, video.width = frames[0].shape[:2]
        video.pix_fmt = pixel_format
        video.codec_context.time_base = Fraction(1, ticks)
        if aspect:
            video.codec_context.sample_aspect_ratio = aspect
        if rotation:
            video.set_display_rotation(rotation)
        audio = None
        if sound is not None:
            audio = container.add_stream("aac" if path.suffix == ".mp4" else "flac", rate=sample_rate)
            audio.codec_context.layout = "mono"
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            time = index / rate if times is None else times[index]
            frame.pts, frame.time_base = round(time * ticks), Fraction(1, ticks)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            samples = (sound * 32000).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
            frame.sample_rate, frame.pts = sample_rate, round(sound_start * sample_rate)
            frame.time_base = Fraction(1, sample_rate)
            for piece in av.AudioResampler(audio.codec_context.format, "mono", sample_rate).resample(frame):
                container.mux(audio.encode(piece))
            container.mux(audio.encode(None))
    return path


def bursts(times: Sequence[float], seconds: float, sample_rate: int = 16000) -> np.ndarray:
    """A tone of 1 kHz for 40 ms at each of some times."""
    clock = np.arange(round(seconds * sample_rate)) / sample_rate
    on = sum(((clock >= time) & (clock < time + 0.04)).astype(float) for time in times)
    return 0.8 * np.sin(2 * np.pi * 1000 * clock) * on


def onsets(samples: np.ndarray, sample_rate: int) -> list[float]:
    """When it becomes loud after at least 0.1 s of quiet, in seconds."""
    loud = np.flatnonzero(np.abs(samples) > 0.2) / sample_rate
    return [float(t) for t, before in zip(loud, [-1.0, *loud[:-1]], strict=True) if t - before > 0.1]


def decoded_sound(path: Path) -> tuple[np.ndarray, int]:
    """The sound as a player hears it, from time zero of the file, by plain PyAV."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        mixer = av.AudioResampler("fltp", "mono", stream.codec_context.sample_rate)
        pieces = []
        for frame in container.decode(stream):
            if not pieces:
                pieces.append(np.zeros(max(0, round(frame.time * frame.sample_rate)), np.float32))
            pieces += [mixed.to_ndarray()[0] for mixed in mixer.resample(frame)]
        return np.concatenate(pieces), stream.codec_context.sample_rate


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds at 25 frames a second: flashes and tones together at 0.4 and 1.8 s."""
    levels = [255 if index in (10, 45) else 20 for index in range(50)]
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return make_video(path, gray_frames(levels), sound=bursts([0.4, 1.8], 2.0))


@pytest.fixture(
    params=["sp ace", 'it\'s "quoted"', "new\nline", "-dash", "größe-写真", "a:b", "concat:x", "%03d"]
)
def strange_name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporary files that the system refuses to write to."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    create: Callable[[Path], None] = lambda path: path.symlink_to("/dev/full")  # noqa: E731
    monkeypatch.setattr("cameo3d.media.files._create", create)
