"""Speed of Real3D-Portrait's networks, stage by stage, beside the machine's peak and the official times."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from cameo3d.evaluation.bench import Figure, Report, machine
from cameo3d.evaluation.peak_memory import forget_peak, peak_megabytes
from cameo3d.geometry.cameras import crop_camera
from cameo3d.models.real3d.config import OFFICIAL, Real3DConfig
from cameo3d.models.real3d.generator import Real3DGenerator
from cameo3d.models.real3d.loading import load_generator
from cameo3d.models.real3d.poses import camera_of_pose
from cameo3d.models.real3d.renderer import HeadImage
from cameo3d.weights.released import RELEASED

Result = TypeVar("Result")

OFFICIAL_SECONDS = {
    "canonical planes": 20.7,
    "motion planes": 1.4,
    "rendering": 5.2,
    "super-resolution": 15.4,
}
"""The official code's CPU seconds on two cores of the machine of docs/benchmarks.md."""
OFFICIAL_PEAK = 98.0
"""What that machine did at best for each CPU second when they were measured: convolutions in GFLOP/s."""
GOALS = {"canonical planes": 1.3, "frame": 1.6, "frame, fast": 4.0}
"""How many times faster than that each shall be, if this machine had that peak."""
_REPEATS = 2


@dataclass(frozen=True)
class _Inputs:
    """Pictures of noise: the networks take as long for them as for people."""

    image: Tensor
    classes: Tensor
    camera: Tensor
    intrinsics: Tensor
    points: Tensor


def measure_real3d(say: Callable[[str], None], config: Real3DConfig = OFFICIAL) -> Report:
    """Measure the networks on this machine, with the user's weights if they are there, else with random ones.

    Times are CPU seconds of all threads, which other programs disturb less than the clock on the wall; the
    best of two. Ratios to the official times are what they would be at the peak of the machine of those.

    Args:
        say: Told what is being measured.
        config: Sizes of the network.
    """
    torch.manual_seed(0)
    known = config == OFFICIAL and RELEASED["real3d-official"].path.is_file()
    say("measuring with " + ("the imported weights" if known else "random weights"))
    peaks = _peaks()
    figures = [Figure(name, value, "GFLOP/s", "higher") for name, value in peaks.items()]
    slower = OFFICIAL_PEAK / peaks["convolution, peak"]
    with torch.inference_mode():
        exact = _Bench(_network(config, known), say, "", slower)
        frame, head = exact.run()
        with torch.autocast("cpu", torch.bfloat16):
            fast = _Bench(exact.model, say, ", fast", slower)
            near, _ = fast.run()
            given = fast.given
            scene = exact.model.prepare_scene(given.image, given.classes, given.image)
            rounded, _ = exact.model.super_resolution(head, scene, given.points, given.points)
    figures += exact.figures + fast.figures
    figures.append(_figure("frame, fast, against exact", _decibels(frame, near), "dB", 38.0))
    figures.append(
        _figure("super-resolution, fast, of the exact rendering", _decibels(frame, rounded), "dB", 38.0)
    )
    return Report("real3d", machine(), tuple(figures))


class _Bench:
    def __init__(
        self, model: Real3DGenerator, say: Callable[[str], None], suffix: str, slower: float
    ) -> None:
        self.model, self.say, self.suffix, self.slower = model, say, suffix, slower
        self.given = _inputs(model.config)
        self.figures: list[Figure] = []
        self._seconds: dict[str, float] = {}

    def run(self) -> tuple[Tensor, HeadImage]:
        """Measure every stage; the frame, and the rendering behind it."""
        model, given = self.model, self.given
        image = given.image
        planes = self._stage("canonical planes", lambda: model.canonical_planes(image)).float()
        scene = self._stage("scene", lambda: model.prepare_scene(image, given.classes, image))
        added = self._stage("motion planes", lambda: model.motion_planes(image, image, image)).float()
        with torch.autocast("cpu", enabled=False):
            head = self._stage(
                "rendering", lambda: model.renderer(planes + added, given.camera, given.intrinsics)
            )
        frame, _ = self._stage(
            "super-resolution", lambda: model.super_resolution(head, scene, given.points, given.points)
        )
        steps = ("motion planes", "rendering", "super-resolution")
        self._compare("frame", sum(self._seconds[x] for x in steps), sum(OFFICIAL_SECONDS[x] for x in steps))
        return frame, head

    def _stage(self, name: str, action: Callable[[], Result]) -> Result:
        self.say(f"measuring {name}{self.suffix}")
        forget_peak()
        with FlopCounterMode(display=False) as counter:
            result = action()
        seconds = min(_cpu_seconds(action) for _ in range(_REPEATS))
        self._seconds[name] = seconds
        self._compare(name, seconds, OFFICIAL_SECONDS.get(name))
        self.figures.append(Figure(f"{name}{self.suffix}, peak memory", peak_megabytes(), "MB", "lower"))
        if name != "rendering" and (flops := counter.get_total_flops()):  # it counts no compiled passes
            self.figures.append(
                Figure(f"{name}{self.suffix}, done a second", flops / seconds / 1e9, "GFLOP/s", "higher")
            )
        return result

    def _compare(self, name: str, seconds: float, official: float | None) -> None:
        full = name + self.suffix
        self.figures.append(Figure(full, seconds, "CPU s", "lower"))
        if official:
            goal = GOALS.get(full)
            ratio = official * self.slower / seconds
            self.figures.append(_figure(f"{full}, against the official code", ratio, "x", goal))


def _figure(name: str, value: float, unit: str, goal: float | None) -> Figure:
    return Figure(name, value, unit, "higher", goal)


def _decibels(exact: Tensor, near: Tensor) -> float:
    """Peak signal to noise of images in [-1, 1]."""
    error = (exact.clamp(-1, 1) - near.float().clamp(-1, 1)).square().mean()
    return float(10 * torch.log10(4 / error))


def _network(config: Real3DConfig, known: bool) -> Real3DGenerator:
    return load_generator(config, "official") if known else Real3DGenerator(config).eval()


def _inputs(config: Real3DConfig) -> _Inputs:
    torch.manual_seed(1)
    size = config.image_size
    none = torch.zeros(1, 3)
    return _Inputs(
        image=torch.rand(1, 3, size, size) * 2 - 1,
        classes=torch.rand(1, 6, size, size).round(),
        camera=camera_of_pose(none, none),
        intrinsics=crop_camera().intrinsics[None],
        points=torch.zeros(1, 68, 3),
    )


def _peaks() -> dict[str, float]:
    """What the machine does at best for each CPU second, measured right before, in GFLOP/s."""
    layer, square = nn.Conv2d(256, 256, 3, padding=1), torch.randn(2048, 2048)
    x = torch.randn(1, 256, 128, 128).contiguous(memory_format=torch.channels_last)
    convolution, product = 2 * 256 * 256 * 9 * 128 * 128, 2 * 2048**3
    peaks = {}
    with torch.inference_mode():
        for suffix, kind in (("", torch.float32), (", bfloat16", torch.bfloat16)):
            layer, x, square = layer.to(kind), x.to(kind), square.to(kind)
            for name, flops, action in (
                ("convolution", convolution, lambda layer=layer, x=x: layer(x)),
                ("matrix product", product, lambda square=square: square @ square),
            ):
                action()
                seconds = min(_cpu_seconds(action) for _ in range(3))
                peaks[f"{name}{suffix}, peak"] = flops / seconds / 1e9
    return peaks


def _cpu_seconds(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start
