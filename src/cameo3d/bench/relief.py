"""Speed and memory of the whole way from photo to video, stage by stage."""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from itertools import cycle, islice
from pathlib import Path
from typing import Literal

import av
import numpy as np
import torch

from cameo3d.errors import InputError
from cameo3d.media.audio import read_audio
from cameo3d.media.files import check_input, replacing, shown
from cameo3d.media.video import VideoWriter, probe_video, read_frames
from cameo3d.models.voice.contract import Delivery
from cameo3d.models.voice.lite.voice import LiteVoice
from cameo3d.pipeline.animate import animate, create
from cameo3d.pipeline.animation import Animation
from cameo3d.provenance.disclosure import Disclosure
from cameo3d.values.motion_files import load_motion
from cameo3d.values.sound import SAMPLE_RATE

REPEATS = 3
"""Each timing is the median of so many in one run."""
SHORT_SECONDS, LONG_SECONDS = 6, 60
"""Lengths of output at which memory is compared."""


@dataclass(frozen=True)
class Figure:
    """One thing measured."""

    name: str
    value: float
    unit: str
    better: Literal["lower", "higher"]
    goal: float | None = None


@dataclass(frozen=True)
class Report:
    """What one run of the bench measured, and on what."""

    subject: str
    machine: dict[str, str | int]
    figures: tuple[Figure, ...]


def measure_relief(photo: Path | None, video: Path | None, say: Callable[[str], None]) -> Report:
    """Measure the relief model on this machine.

    Args:
        photo: Photo to use; by default the astronaut's portrait.
        video: Driving video; by default one that the demo's motion makes of the photo.
        say: Told what is being measured.

    Raises:
        CameoError: If photo or video cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix="cameo3d-bench-") as name:
        return _Bench(Path(name), photo or portrait_path(), say).run(video)


class _Bench:
    def __init__(self, folder: Path, photo: Path, say: Callable[[str], None]) -> None:
        self.folder, self.photo, self.say = folder, photo, say
        self.figures: list[Figure] = []

    def run(self, video: Path | None) -> Report:
        self.say("measuring imports")
        self._add("import cameo3d", _import_seconds("cameo3d"), "s", goal=1.0)
        self._add("import all that animate needs", _import_seconds("cameo3d.pipeline.animate"), "s")

        self.say("measuring photo to avatar")
        start = time.perf_counter()
        avatar = create(self.photo)
        self._add("photo to avatar, first", time.perf_counter() - start, "s", goal=3.0)
        self._add("photo to avatar, again", median_seconds(lambda: create(self.photo)), "s")

        self.say("measuring rendering")
        motion = load_motion(demo_motion())
        animation = animate(avatar, motion=motion)
        self._add("first frame", seconds(lambda: next(iter(animation))), "s")
        self._add("render", len(motion) / median_seconds(lambda: exhaust(animation)), "frames/s", goal=25.0)
        out = self.folder / "rendered.mp4"
        self._add("render, encode", len(motion) / median_seconds(lambda: _write(animation, out)), "frames/s")

        self.say("measuring a video as driver")
        short = _looped(video or out, self.folder / "short.mp4", SHORT_SECONDS)
        long = _looped(video or out, self.folder / "long.mp4", LONG_SECONDS)
        driven = self.folder / "driven.mp4"
        frame_count = probe_video(short).frame_count or 1
        taken = median_seconds(lambda: _write(animate(avatar, video=short), driven))
        self._add("track, render, encode", frame_count / taken, "frames/s", goal=10.0)
        duration = frame_count / probe_video(short).frame_rate
        self._add("real-time factor of the same", duration / taken, "x", goal=0.4)
        self._add("voice to motion, real-time factor", _voice_factor(), "x", goal=20.0)

        self.say("measuring memory, a few minutes")
        at_short, at_long = self._peak_megabytes(short), self._peak_megabytes(long)
        self._add(f"peak memory at {SHORT_SECONDS} s", at_short, "MB")
        self._add(f"peak memory at {LONG_SECONDS} s", at_long, "MB")
        self._add("ratio of the two", at_long / at_short, "", goal=1.05)
        return Report("relief", machine(), tuple(self.figures))

    def _add(self, name: str, value: float, unit: str, goal: float | None = None) -> None:
        better = "higher" if unit in ("frames/s", "x") else "lower"
        self.figures.append(Figure(name, round(value, 4), unit, better, goal))

    def _peak_megabytes(self, video: Path) -> float:
        # A process of its own: memory that was once needed here would count there.
        words = ["-m", "cameo3d.bench.peak_memory", self.photo, video, self.folder / "memory.mp4"]
        result = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
        return float(result.stdout)


def save_report(report: Report, path: Path) -> None:
    """Write a report as JSON, replacing a file of that name."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(asdict(report), indent=2) + "\n", "utf8")


def load_report(path: Path) -> Report:
    """Read a report that `save_report` wrote.

    Raises:
        InputError: If it is something else.
    """
    try:
        content = json.loads(check_input(path, "report").read_text("utf8"))
        figures = tuple(Figure(**figure) for figure in content["figures"])
        return Report(str(content["subject"]), dict(content["machine"]), figures)
    except (ValueError, TypeError, KeyError) as error:
        message = f"The report {shown(path)} is not one that `cameo3d bench --json` wrote; give another file."
        raise InputError(message) from error


def _write(animation: Animation, path: Path) -> None:
    animation.save(path, overwrite=True, disclosure=Disclosure(mark=False, credentials=False))


def _looped(video: Path, path: Path, seconds: int) -> Path:
    """The same pictures over and over, for so many seconds."""
    info = probe_video(video)
    frames = cycle_frames(video)
    with VideoWriter(path, (info.width, info.height), info.frame_rate) as writer:
        for frame in islice(frames, round(seconds * info.frame_rate)):
            writer.write(frame)
    return path


def cycle_frames(video: Path) -> Iterable:
    """The frames of a video, and again from its start, without end and without keeping them."""
    return (frame for path in cycle([video]) for frame in read_frames(path))


def _import_seconds(module: str) -> float:
    program = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    words = [sys.executable, "-c", program]
    runs = [subprocess.run(words, capture_output=True, text=True, check=True) for _ in range(REPEATS)]
    return statistics.median(float(run.stdout) for run in runs)


def median_seconds(action: Callable[[], object]) -> float:
    """Median of `REPEATS` runs."""
    return statistics.median(seconds(action) for _ in range(REPEATS))


def seconds(action: Callable[[], object]) -> float:
    """How long something takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def exhaust(frames: Iterable) -> None:
    """Draw all frames and keep none."""
    for _ in frames:
        pass


def portrait_path() -> Path:
    """The astronaut's portrait."""
    return Path(str(resources.files("skimage").joinpath("data", "astronaut.png")))


def demo_motion() -> Path:
    """The motion of the demo."""
    return Path(str(resources.files("cameo3d").joinpath("assets", "demo_motion.csv")))


def _voice_factor(repeats: int = 6) -> float:
    """How many times faster than it sounds the demo's voice, said over and over, becomes motion."""
    path = Path(str(resources.files("cameo3d").joinpath("assets", "demo_voice.flac")))
    samples = np.tile(np.concatenate(list(read_audio(path, SAMPLE_RATE))), repeats)

    def speak() -> None:
        stream = LiteVoice().start(Delivery())
        for start in range(0, len(samples), SAMPLE_RATE):
            stream.push(samples[start : start + SAMPLE_RATE])
        stream.finish()

    speak()
    return len(samples) / SAMPLE_RATE / median_seconds(speak)


def machine() -> dict[str, str | int]:
    """Device, processor, threads, system and versions, to stand next to figures."""
    libraries = ("cameo3d", "torch", "opencv-contrib-python-headless", "numba", "numpy", "av")
    return {
        "device": "cpu",
        "dtype": "float32",
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: _version(name) for name in libraries},
        "ffmpeg": av.ffmpeg_version_info,
    }


def _version(name: str) -> str:
    """Of an installed package; on a machine that only has its files, or another build of OpenCV, unknown."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
