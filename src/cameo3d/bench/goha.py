"""Speed of GOHA's released size, stage by stage, next to the official code's.

On a processor all times are CPU seconds, which other programs on the machine change least; OMP_NUM_THREADS=1
keeps threads from waiting for each other. The official ones were measured elsewhere (docs/benchmarks.md), so
each ratio is corrected by how fast a large matrix product runs right before and after the stage here, and ran
there. On a GPU they are seconds of the clock, with no official ones next to them.
"""

import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from cameo3d.bench.device_meter import DeviceMeter
from cameo3d.bench.relief import Figure, Report, machine
from cameo3d.bench.stand_in_face import sheet_arrays
from cameo3d.errors import WeightsError
from cameo3d.geometry.basel.bfm import BaselFace, FaceCoefficients
from cameo3d.models.goha.avatar import Goha
from cameo3d.models.goha.config import OFFICIAL, GohaConfig
from cameo3d.models.goha.drawing import GohaPainter
from cameo3d.models.goha.framing import label_of, lens
from cameo3d.models.goha.generator import GohaGenerator, GohaSource, frontal_picture
from cameo3d.perception.deep3d import FaceRegressor
from cameo3d.perception.matte import person_matte
from cameo3d.pipeline.models import check_device, load_goha
from cameo3d.pipeline.options import Device

OFFICIAL_SECONDS = {
    "canonical planes": 1.61,
    "expression planes": 1.54,
    "appearance planes": 13.5,
    "rendering": 13.0,
    "super-resolution": 4.8,
}
"""CPU seconds of the official code, its median of three runs."""
OFFICIAL_GIGAFLOPS = 87.0
"""Of a float32 matrix product there, in a CPU second."""
REPEATS = 3
_COUNTED = ("canonical planes", "expression planes", "super-resolution")
"""Stages whose operations torch can count; the others trace rays in a compiled pass."""
_PRODUCT_SIDE = 2048

Result = TypeVar("Result")


def measure_goha(say: Callable[[str], None], device: Device = "cpu", config: GohaConfig = OFFICIAL) -> Report:
    """Measure GOHA on this machine, with imported weights if there are any, else with random ones.

    Args:
        say: Told what is being measured.
        device: Where to compute.
        config: Sizes of the network, if there are no imported weights.

    Raises:
        CameoError: If the machine does not have the device.
    """
    check_device(device)
    return _GohaBench(say, device, config).run()


class _GohaBench:
    def __init__(self, say: Callable[[str], None], device: Device, config: GohaConfig):
        self.say, self.config = say, config
        self.device: Device = device
        self.meter = DeviceMeter(device)
        self.figures: list[Figure] = []
        self.seconds: dict[str, float] = {}
        """Of each stage, as measured."""
        self.corrected: dict[str, float] = {}
        """To the speed of the machine of the official times."""

    @torch.inference_mode()
    def run(self) -> Report:
        goha = self._model(fast=False)
        model, read = goha.generator, goha.regressor
        noise = torch.Generator().manual_seed(0)
        side = model.config.image_size
        image = (torch.rand(1, 3, side, side, generator=noise) * 2 - 1).to(self.device)
        person = read(image)
        camera, intrinsics = label_of(person), lens().to(image)

        self.meter.forget_peak()
        source = self._stage("canonical planes", lambda: model.prepare(image, camera, intrinsics))
        moved = replace(person, expression=person.expression + 0.3)

        def expression_planes() -> Tensor:
            read(image)  # the expression of the driving picture
            return model.expression_planes(frontal_picture(goha.face, moved), moved)

        base = source.canonical + self._stage("expression planes", expression_planes)
        planes = base + self._stage("appearance planes", lambda: model.appearance_planes(source, base))
        size = model.config.render_size
        small = self._stage("rendering", lambda: model.renderer(planes, camera, intrinsics, size)).colors
        self._stage("super-resolution", lambda: model.super_resolution(small))
        exact = model.draw(planes, camera, intrinsics)
        stages = ("expression planes", "appearance planes", "rendering", "super-resolution")
        self._against("reconstruction", ("canonical planes", "appearance planes"), 1.3)
        self._against("frame", stages, 2.0)
        self._fast(read, source, person, camera, exact, sum(OFFICIAL_SECONDS[name] for name in stages))
        self.figures.append(Figure("peak memory", round(self.meter.peak_megabytes(), 0), "MB", "lower"))
        return Report("goha", machine() | {"device": self.device}, tuple(self.figures))

    def _fast(
        self,
        read: FaceRegressor,
        source: GohaSource,
        person: FaceCoefficients,
        camera: Tensor,
        exact: Tensor,
        official: float,
    ) -> None:
        image = source.image
        quick = self._model(fast=True)
        painter = GohaPainter(quick.drawing, source, person.vectors())
        frames = []

        def fast_frame() -> None:
            read(image)
            # Always a new expression, so that no planes are kept; the last is the exact one's.
            shift = 0.3 if len(frames) == REPEATS else 0.3 + 0.001 * (len(frames) + 1)
            frames.append(painter(person.expression.cpu() + shift, camera.cpu())[0][0])

        self._stage("fast frame", fast_frame, official, goal=5.0)
        error = (_shown(frames[-1]) - _shown(exact)).square().mean()
        psnr = float(-10 * torch.log10(error.clamp(min=1e-10)))
        self.figures.append(Figure("fast frame against exact", round(psnr, 1), "dB", "higher", 38.0))

    def _model(self, fast: bool) -> Goha:
        try:
            return load_goha(fast=fast, device=self.device)
        except WeightsError as error:
            self.say(f"measuring with random weights, since there are no others ({error})")
        torch.manual_seed(0)
        face = {name: x.to(self.device) for name, x in vars(BaselFace.from_arrays(sheet_arrays())).items()}
        networks = GohaGenerator(self.config).to(self.device), FaceRegressor().to(self.device)
        return Goha(*networks, BaselFace(**face), person_matte, fast=fast)

    def _stage(
        self,
        name: str,
        action: Callable[[], Result],
        official: float | None = None,
        goal: float | None = None,
    ) -> Result:
        """Time a stage between reference products; returns what it makes."""
        self.say(f"measuring {name}")
        with FlopCounterMode(display=False) as counter:
            result = action()
        times, scaled, peaks = [], [], []
        for _ in range(REPEATS):
            before = _product_gigaflops(self.meter)
            seconds = self.meter.seconds(action)
            speed = (before + _product_gigaflops(self.meter)) / 2
            times.append(seconds)
            peaks.append(speed)
            scaled.append(seconds * speed / OFFICIAL_GIGAFLOPS)
        self.seconds[name], self.corrected[name] = statistics.median(times), statistics.median(scaled)
        self._took(name, self.seconds[name])
        if name in _COUNTED:
            work = counter.get_total_flops() / self.seconds[name] / 1e9
            share = 100 * work / statistics.median(peaks)
            self.figures.append(Figure(f"{name}, done a second", round(work, 1), "GFLOP/s", "higher"))
            self.figures.append(
                Figure(f"{name}, of a matrix product's speed", round(share, 0), "%", "higher")
            )
        official = official or OFFICIAL_SECONDS.get(name)
        assert official is not None, name
        self._ratio(name, official / self.corrected[name], goal)
        return result

    def _against(self, name: str, stages: tuple[str, ...], goal: float) -> None:
        self._took(name, sum(self.seconds[stage] for stage in stages))
        ours = sum(self.corrected[stage] for stage in stages)
        self._ratio(name, sum(OFFICIAL_SECONDS[stage] for stage in stages) / ours, goal)

    def _took(self, name: str, seconds: float) -> None:
        self.figures.append(Figure(name, round(seconds, 5), self.meter.unit, "lower"))

    def _ratio(self, name: str, ratio: float, goal: float | None) -> None:
        if self.device == "cpu":
            full = f"{name}, faster than official"
            self.figures.append(Figure(full, round(ratio, 2), "x", "higher", goal))


def _product_gigaflops(meter: DeviceMeter) -> float:
    """How fast a large matrix product runs now, in a second of the meter."""
    a = torch.ones(_PRODUCT_SIDE, _PRODUCT_SIDE, device=meter.device)
    return 2 * _PRODUCT_SIDE**3 / meter.seconds(lambda: torch.mm(a, a)) / 1e9


def _shown(image: Tensor) -> Tensor:
    return (image.clamp(-1, 1) + 1) / 2
