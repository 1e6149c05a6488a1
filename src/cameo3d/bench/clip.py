"""Speed of whole clips of the published networks: first frame, drawing, marking and encoding."""

import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from cameo3d.bench.device_meter import DeviceMeter
from cameo3d.bench.relief import Figure, Report, demo_motion, machine, portrait_path
from cameo3d.bench.stand_in_face import sheet_arrays, sheet_face
from cameo3d.blocks.processors import half_precision
from cameo3d.blocks.steady import Function, Recorder
from cameo3d.errors import WeightsError
from cameo3d.geometry.basel.bfm import BaselFace
from cameo3d.geometry.face_model import load_face_model
from cameo3d.media.encoders import has_nvenc
from cameo3d.media.images import read_image
from cameo3d.media.writing import VideoWriter
from cameo3d.models.avatar import Avatar, render
from cameo3d.models.goha.avatar import Goha
from cameo3d.models.goha.config import OFFICIAL as GOHA
from cameo3d.models.goha.config import GohaConfig
from cameo3d.models.goha.drawing import FrameDrawing as GohaDrawing
from cameo3d.models.goha.generator import GohaGenerator
from cameo3d.models.real3d.avatar import Real3D
from cameo3d.models.real3d.conditioning import BaselSteering, FaceState
from cameo3d.models.real3d.config import OFFICIAL as REAL3D
from cameo3d.models.real3d.config import Real3DConfig
from cameo3d.models.real3d.drawing import FrameDrawing as Real3DDrawing
from cameo3d.models.real3d.generator import Real3DGenerator
from cameo3d.perception.deep3d import FaceRegressor
from cameo3d.perception.device_matte import person_matte_on
from cameo3d.perception.matte import person_matte
from cameo3d.pipeline.models import check_device, load_network
from cameo3d.pipeline.options import Device, ModelOptions
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.provenance.disclosure import Disclosure
from cameo3d.provenance.origin import Origin
from cameo3d.provenance.writing import write_frames
from cameo3d.values import Motion, Portrait
from cameo3d.values.motion_files import load_motion

GOAL_RATE, GOAL_MEGABYTES, GOAL_FIRST = 60.0, 6000.0, 0.4
"""On a GPU at 512x512: frames a second end to end, memory, seconds to the first frame of a saved avatar."""


class Plainly:
    """Stands for a graph and launches every kernel again, to be compared with one."""

    def record(
        self, function: Function, inputs: Sequence[Tensor]
    ) -> tuple[Callable[[], object], tuple[Tensor, ...]]:
        """See `Recorder`."""
        results = function(*inputs)

        def again() -> None:
            for place, x in zip(results, function(*inputs), strict=True):
                place.copy_(x)

        return again, results


@dataclass(frozen=True)
class ClipSizes:
    """What is measured; tests take little."""

    frames: int = 100
    real3d: Real3DConfig = REAL3D
    goha: GohaConfig = GOHA


def measure_clip(
    name: Literal["real3d", "goha"],
    say: Callable[[str], None],
    device: Device = "cpu",
    fast: bool = False,
    sizes: ClipSizes | None = None,
) -> Report:
    """Measure clips of a published network, with imported weights if there are any, else with random ones.

    Seconds are those of the clock. Every frame has another expression and another pose.

    Args:
        name: Which network.
        say: Told what is being measured.
        device: Where to compute.
        fast: Whether to compute in bfloat16 what bears it.
        sizes: What to draw.

    Raises:
        CameoError: If the machine does not have the device.
    """
    check_device(device)
    return _ClipBench(name, say, device, fast, sizes or ClipSizes()).run()


class _ClipBench:
    def __init__(
        self,
        name: Literal["real3d", "goha"],
        say: Callable[[str], None],
        device: Device,
        fast: bool,
        sizes: ClipSizes,
    ) -> None:
        self.name: Literal["real3d", "goha"] = name
        self.say, self.fast, self.sizes = say, fast, sizes
        self.meter = DeviceMeter(device)
        self.device: Device = device
        self.figures: list[Figure] = []

    def run(self) -> Report:
        model = self._model()
        portrait = make_portrait(read_image(portrait_path()))
        motion = load_motion(demo_motion()).part(0, self.sizes.frames)
        self.say("measuring photo to avatar")
        self._add("photo to avatar, first", self._seconds(lambda: model.encode([portrait])), "s")
        self.meter.forget_peak()
        avatar = model.encode([portrait])
        with tempfile.TemporaryDirectory(prefix="cameo3d-bench-") as folder:
            saved = Path(folder) / "person.avatar"
            avatar.save(saved)
            self._first_frame(model, saved, motion)
            drawn = self._rates(model, avatar, motion, Path(folder))
        self._add("peak memory", self.meter.peak_megabytes(), "MB", GOAL_MEGABYTES)
        if self.device == "cuda":
            self._add("peak memory, reserved", torch.cuda.max_memory_reserved() / 1e6, "MB")
            model.drawing = self._drawing(model, Plainly())
            self.say("measuring without graphs")
            rate, plain = self._drawn(model, avatar, motion)
            self._add("draw, without graphs", rate, "frames/s")
            apart = np.abs(np.subtract(drawn, plain, dtype=np.int16))
            self._add("graphs against plain calls, largest difference", float(apart.max()), "levels")
        precision = "bfloat16" if half_precision(self.fast, self.device) else "float32"
        known = machine() | {"device": self._device_name(), "dtype": precision, "nvenc": str(has_nvenc())}
        return Report(f"{self.name}, clip{', fast' if self.fast else ''}", known, tuple(self.figures))

    def _first_frame(self, model: Any, saved: Path, motion: Motion) -> None:
        self.say("measuring the first frame of a saved avatar")

        def first() -> None:
            next(iter(render(model, Avatar.load(saved), motion)))

        self._add("first frame of a saved avatar, first in a process", self._seconds(first), "s")
        self._add("first frame of a saved avatar", self._seconds(first), "s", GOAL_FIRST)

    def _rates(self, model: Any, avatar: Any, motion: Motion, folder: Path) -> np.ndarray:
        self.say("measuring drawing")
        _ = list(islice(render(model, avatar, motion, "crop", model.background(avatar)), 8))
        rate, drawn = self._drawn(model, avatar, motion)
        self._add("draw", rate, "frames/s")
        for encoder in ("x264", "nvenc") if has_nvenc() else ("x264",):
            self.say(f"measuring drawing, mark and encoding by {encoder}")
            given = model, avatar, motion, folder / f"{encoder}.mp4", encoder
            seconds = self._seconds(partial(_write, *given))
            self._add(f"draw, mark, encode by {encoder}", len(motion) / seconds, "frames/s", GOAL_RATE)
        return drawn

    def _drawn(self, model: Any, avatar: Any, motion: Motion) -> tuple[float, np.ndarray]:
        frames: list[np.ndarray] = []
        seconds = self._seconds(lambda: frames.extend(_frames(model, avatar, motion)))
        return len(motion) / seconds, np.stack(frames)

    def _seconds(self, action: Callable[[], object]) -> float:
        start = time.perf_counter()
        action()
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    def _add(self, name: str, value: float, unit: str, goal: float | None = None) -> None:
        better = "higher" if unit == "frames/s" else "lower"
        self.figures.append(
            Figure(name, round(value, 4), unit, better, goal if self.device == "cuda" else None)
        )

    def _device_name(self) -> str:
        return torch.cuda.get_device_name() if self.device == "cuda" else "cpu"

    def _model(self) -> Any:
        try:
            return load_network(ModelOptions(self.name, "official", self.fast, self.device))
        except WeightsError:
            self.say("measuring with random weights, since there are no others")
        torch.manual_seed(0)
        place = torch.device(self.device)
        if self.name == "real3d":
            generator = Real3DGenerator(self.sizes.real3d).requires_grad_(False).to(place)
            face = _StandInSteering(sheet_face(), load_face_model(), self.sizes.real3d.image_size)
            return Real3D(generator, face, "official", half_precision(self.fast, self.device))
        generator = GohaGenerator(self.sizes.goha).requires_grad_(False).to(place)
        face = {name: x.to(place) for name, x in vars(BaselFace.from_arrays(sheet_arrays())).items()}
        regressor = FaceRegressor().requires_grad_(False).to(place)
        matte = person_matte_on(place) if self.device == "cuda" else None
        return Goha(generator, regressor, BaselFace(**face), person_matte, self.fast, device_matte=matte)

    def _drawing(self, model: Any, recorder: Recorder) -> Real3DDrawing | GohaDrawing:
        if isinstance(model, Real3D):
            return Real3DDrawing(model.generator, model.face, model.precision, recorder)
        return GohaDrawing(model.generator, model.face, model.drawing.matte, recorder)


class _StandInSteering(BaselSteering):
    """A stand-in for the Basel model is not fitted to anyone: it looks straight ahead."""

    def fit(self, portrait: Portrait) -> FaceState:
        """Somewhere in front of the camera."""
        return FaceState(torch.zeros(80), torch.zeros(64), torch.zeros(3), torch.tensor([0.0, 0.0, 0.1]))


def _frames(model: Any, avatar: Any, motion: Motion) -> Iterable[np.ndarray]:
    return (frame[..., :3] for frame in render(model, avatar, motion, "crop", model.background(avatar)))


def _write(model: Any, avatar: Any, motion: Motion, out: Path, encoder: Literal["x264", "nvenc"]) -> None:
    writer = VideoWriter(out, model.size(avatar), motion.frame_rate, overwrite=True, encoder=encoder)
    frames = map(np.ascontiguousarray, _frames(model, avatar, motion))
    write_frames(writer, frames, Origin("bench", ()), Disclosure(credentials=False))
