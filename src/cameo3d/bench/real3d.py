"""Speed of Real3D-Portrait's networks, stage by stage, next to the machine's peak and the official times."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from cameo3d.bench.device_meter import DeviceMeter
from cameo3d.bench.relief import Figure, Report, machine
from cameo3d.blocks.processors import computes_bfloat16, half_precision
from cameo3d.errors import InputError
from cameo3d.geometry.cameras import crop_intrinsics
from cameo3d.models.real3d.config import OFFICIAL, Real3DConfig
from cameo3d.models.real3d.generator import Real3DGenerator
from cameo3d.models.real3d.poses import camera_of_pose
from cameo3d.models.real3d.renderer import HeadImage
from cameo3d.pipeline.models import check_device, load_real3d_generator
from cameo3d.pipeline.options import Device
from cameo3d.weights.released import RELEASED

Result = TypeVar("Result")
Compiler = Callable[[Callable[[], Tensor]], Callable[[], Tensor]]
"""What `torch.compile` does: it makes a faster function of a function."""

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
"""How many times faster than that each should be, if this machine had that peak."""
COMPILED_DIFFERENCE = 1e-3
"""How far a compiled stage may be from the eager one, of its largest value; a GPU may round more."""
_REPEATS = 2


@dataclass(frozen=True)
class _Inputs:
    """Pictures of noise: the networks take as long for them as for people."""

    image: Tensor
    classes: Tensor
    camera: Tensor
    intrinsics: Tensor
    points: Tensor


def measure_real3d(
    say: Callable[[str], None],
    config: Real3DConfig = OFFICIAL,
    device: Device = "cpu",
    compiler: Compiler | None = None,
) -> Report:
    """Measure the networks on this machine, with the user's weights if they are there, else with random ones.

    Times are CPU seconds of all threads, which other programs disturb less than the clock on the wall, and on
    a GPU those of the clock; the best of two. Ratios to the official times, which are a processor's, are what
    they would be at the peak of the machine of those.

    Args:
        say: Told what is being measured.
        config: Sizes of the network.
        device: Where to compute.
        compiler: Measures the large networks compiled as well: `torch.compile`. If it fails, `say` is told.

    Raises:
        CameoError: If the machine does not have the device, or the imported weights draw no torso.
    """
    check_device(device)
    torch.manual_seed(0)
    known = config == OFFICIAL and RELEASED["real3d-official"].path.is_file()
    model = load_real3d_generator(None, "official") if known else Real3DGenerator(config).eval()
    if not model.config.has_torso:
        raise InputError("The imported weights draw the head alone, which is not measured; import others.")
    say("measuring with " + ("the imported weights" if known else "random weights"))
    meter = DeviceMeter(device)
    peaks = _peaks(meter)
    figures = [Figure(name, value, "GFLOP/s", "higher") for name, value in peaks.items()]
    exact_peak = peaks["convolution, peak"]
    slower = OFFICIAL_PEAK / exact_peak
    with torch.inference_mode():
        exact = _Bench(model.to(device), say, meter, "", exact_peak, slower, compiler)
        frame, head = exact.run()
        half = half_precision(True, device)
        with torch.autocast(device, torch.bfloat16, enabled=half):
            fast = _Bench(
                exact.model,
                say,
                meter,
                ", fast",
                peaks["convolution, bfloat16, peak"] if half else exact_peak,
                slower,
            )
            near, _ = fast.run()
            given = fast.given
            scene = exact.model.prepare_scene(given.image, given.classes, given.image)
            rounded = exact.model.layers(head, scene, given.points, given.points).image
    figures += exact.figures + fast.figures
    figures.append(_figure("frame, fast, against exact", _decibels(frame, near), "dB", 38.0))
    figures.append(
        _figure("super-resolution, fast, of the exact rendering", _decibels(frame, rounded), "dB", 38.0)
    )
    return Report("real3d", machine() | {"device": device}, tuple(figures))


class _Bench:
    def __init__(
        self,
        model: Real3DGenerator,
        say: Callable[[str], None],
        meter: DeviceMeter,
        suffix: str,
        peak: float,
        slower: float,
        compiler: Compiler | None = None,
    ) -> None:
        self.model, self.say, self.meter, self.suffix = model, say, meter, suffix
        self.peak, self.slower, self.compiler = peak, slower, compiler
        self.given = _inputs(model.config, meter.device)
        self.figures: list[Figure] = []
        self._seconds: dict[str, float] = {}

    def run(self) -> tuple[Tensor, HeadImage]:
        """Measure every stage; the frame, and the rendering behind it."""
        model, given = self.model, self.given
        image = given.image
        planes = self._network_stage("canonical planes", lambda: model.canonical_planes(image)).float()
        scene, _ = self._stage("scene", lambda: model.prepare_scene(image, given.classes, image))
        added = self._network_stage("motion planes", lambda: model.motion_planes(image, image, image)).float()
        with torch.autocast(self.meter.device, enabled=False):
            head, _ = self._stage(
                "rendering", lambda: model.renderer(planes + added, given.camera, given.intrinsics)
            )
        points = given.points
        frame = self._network_stage(
            "super-resolution", lambda: model.layers(head, scene, points, points).image
        )
        steps = ("motion planes", "rendering", "super-resolution")
        self._compare("frame", sum(self._seconds[x] for x in steps), sum(OFFICIAL_SECONDS[x] for x in steps))
        return frame, head

    def _network_stage(self, name: str, action: Callable[[], Tensor]) -> Tensor:
        """Measure a stage that is worth compiling, and if wanted compiled as well."""
        result, flops = self._stage(name, action)
        if self.compiler:
            self._compiled_stage(name, self.compiler(action), result, flops)
        return result

    def _stage(self, name: str, action: Callable[[], Result]) -> tuple[Result, int]:
        """Measure a stage; what it makes, and its operations as far as they can be counted."""
        self.say(f"measuring {name}{self.suffix}")
        self.meter.forget_peak()
        with FlopCounterMode(display=False) as counter:
            result = action()
        seconds = self._seconds[name] = self.meter.seconds(action, _REPEATS)
        self._compare(name, seconds, OFFICIAL_SECONDS.get(name))
        # It counts no passes that Numba compiles.
        flops = 0 if name == "rendering" else counter.get_total_flops()
        self._tell_use(f"{name}{self.suffix}", seconds, flops)
        return result, flops

    def _compiled_stage(self, name: str, action: Callable[[], Tensor], expected: Tensor, flops: int) -> None:
        self.say(f"compiling {name}")
        start = time.perf_counter()
        try:
            result = action()
        except RuntimeError as error:  # whatever torch.compile raises is one
            self.compiler = None
            self.say(_compiling_failed(name, error))
            return
        compiling = time.perf_counter() - start
        self.meter.forget_peak()
        seconds = self.meter.seconds(action, _REPEATS)
        full = f"{name}, compiled"
        apart = float((result - expected).abs().max() / expected.abs().max())
        self.figures += [
            Figure(full, seconds, self.meter.unit, "lower"),
            _figure(f"{full}, against eager", self._seconds[name] / seconds, "x", None),
            Figure(f"{full}, largest difference from eager", apart, "", "lower", COMPILED_DIFFERENCE),
            Figure(f"{full}, compiling it", compiling, "s", "lower"),
        ]
        self._tell_use(full, seconds, flops)

    def _tell_use(self, full: str, seconds: float, flops: int) -> None:
        """Tell memory, and how much of the machine's peak is used."""
        self.figures.append(Figure(f"{full}, peak memory", self.meter.peak_megabytes(), "MB", "lower"))
        if flops:
            speed = flops / seconds / 1e9
            self.figures.append(_figure(f"{full}, done a second", speed, "GFLOP/s", None))
            self.figures.append(
                _figure(f"{full}, of the convolution's peak", speed / self.peak * 100, "%", None)
            )

    def _compare(self, name: str, seconds: float, official: float | None) -> None:
        full = name + self.suffix
        self.figures.append(Figure(full, seconds, self.meter.unit, "lower"))
        if official and self.meter.device == "cpu":
            goal = GOALS.get(full)
            ratio = official * self.slower / seconds
            self.figures.append(_figure(f"{full}, against the official code", ratio, "x", goal))


def _compiling_failed(name: str, error: RuntimeError) -> str:
    cause = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return (
        f"The compiled {name} and what would follow are left out, since torch.compile failed ({cause}); "
        "install a C++ compiler such as g++ and name it in the variable CXX, or leave --compiled out."
    )


def _figure(name: str, value: float, unit: str, goal: float | None) -> Figure:
    return Figure(name, value, unit, "higher", goal)


def _decibels(exact: Tensor, near: Tensor) -> float:
    """Peak signal to noise of images in [-1, 1]; at most 106."""
    error = (exact.clamp(-1, 1) - near.float().clamp(-1, 1)).square().mean()
    return float(10 * torch.log10(4 / error.clamp(min=1e-10)))


def _inputs(config: Real3DConfig, device: Device) -> _Inputs:
    torch.manual_seed(1)
    size = config.image_size
    none = torch.zeros(1, 3)
    return _Inputs(
        image=(torch.rand(1, 3, size, size) * 2 - 1).to(device),
        classes=torch.rand(1, 6, size, size).round().to(device),
        camera=camera_of_pose(none, none).to(device),
        intrinsics=crop_intrinsics()[None].to(device),
        points=torch.zeros(1, 68, 3, device=device),
    )


def _peaks(meter: DeviceMeter) -> dict[str, float]:
    """What the machine does at best for each of the meter's seconds, measured right before, in GFLOP/s.

    In bfloat16 only where the device computes it: imitating it takes minutes and is used by nothing.
    """
    layer = nn.Conv2d(256, 256, 3, padding=1).to(meter.device)
    square = torch.randn(2048, 2048, device=meter.device)
    x = torch.randn(1, 256, 128, 128, device=meter.device).contiguous(memory_format=torch.channels_last)
    convolution, product = 2 * 256 * 256 * 9 * 128 * 128, 2 * 2048**3
    often = 1 if meter.device == "cpu" else 20  # a GPU is done with one before the next is launched
    peaks = {}
    with torch.inference_mode():
        kinds = [("", torch.float32)]
        if computes_bfloat16(meter.device):
            kinds.append((", bfloat16", torch.bfloat16))
        for suffix, kind in kinds:
            layer, x, square = layer.to(kind), x.to(kind), square.to(kind)
            for name, flops, action in (
                ("convolution", convolution, lambda layer=layer, x=x: layer(x)),
                ("matrix product", product, lambda square=square: square @ square),
            ):
                action()
                seconds = meter.seconds(lambda action=action: [action() for _ in range(often)], repeats=3)
                peaks[f"{name}{suffix}, peak"] = often * flops / seconds / 1e9
    return peaks
