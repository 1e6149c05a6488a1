"""The steps of tools/gpu_check.sh, each a process: python tools/gpu_steps.py STEP DEVICE OUT.json.

With DEVICE cpu everything is tiny: that only shows that the steps run, and how a GPU's way agrees with the
processor's where both are a processor.
"""

# pyright: reportMissingImports=false

import json
import platform
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from tiny_goha import TINY as TINY_GOHA  # of the tests
from tiny_real3d import TINY as TINY_REAL3D
from torch import Tensor

from cameo3d.bench.clip import ClipSizes, measure_clip
from cameo3d.bench.goha import measure_goha
from cameo3d.bench.lite import measure_lite
from cameo3d.bench.real3d import measure_real3d
from cameo3d.bench.relief import portrait_path
from cameo3d.bench.stand_in_face import sheet_arrays, sheet_face
from cameo3d.blocks.processors import computes_bfloat16
from cameo3d.blocks.steady import Steady
from cameo3d.geometry.basel.bfm import BaselFace, FaceCoefficients
from cameo3d.geometry.batch_rasterizer import slots_for
from cameo3d.geometry.cameras import crop_intrinsics
from cameo3d.geometry.compiled import as_on_a_gpu
from cameo3d.geometry.face_model import load_face_model
from cameo3d.imaging.framing import cut
from cameo3d.media.encoders import has_nvenc
from cameo3d.media.images import read_image
from cameo3d.models.goha.framing import label_of, lens
from cameo3d.models.goha.generator import GohaGenerator, frontal_picture
from cameo3d.models.real3d.conditioning import BaselSteering
from cameo3d.models.real3d.generator import Real3DGenerator
from cameo3d.models.real3d.poses import camera_of_pose
from cameo3d.perception.device_matte import person_matte_on
from cameo3d.perception.matte import person_matte
from cameo3d.values import Crop

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True)
class Row:
    """One figure, and whether it is what it should be."""

    name: str
    value: float | str
    unit: str = ""
    goal: str = ""
    met: bool = True


def main(step: str, device: Device, out: Path) -> None:
    """Run a step and write its rows; ends with 1 if a figure misses what it must be."""
    torch.manual_seed(0)
    rows = STEPS[step](device)
    out.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", "utf8")
    for row in rows:
        print(f"{row.name}: {row.value} {row.unit} {row.goal}{'' if row.met else ' MISSED'}")


def the_machine(device: Device) -> list[Row]:
    """What it is, and which encoder it has."""
    rows = [
        Row("PyTorch", torch.__version__),
        Row("Python", platform.python_version()),
        Row("NVENC opens", str(has_nvenc())),
        Row("bfloat16", str(computes_bfloat16(device))),
    ]
    if device == "cuda":
        free, whole = torch.cuda.mem_get_info()
        rows += [
            Row("GPU", torch.cuda.get_device_name()),
            Row("memory", round(whole / 1e9, 1), "GB"),
            Row("free", round(free / 1e9, 1), "GB"),
            Row("CUDA", str(torch.version.cuda)),
        ]
    return rows


def drawings(device: Device) -> list[Row]:
    """Faces and mattes that the device draws, next to the processor's."""
    place = torch.device(device)
    steering = BaselSteering(sheet_face(), load_face_model(), 512)
    identity, expression = torch.randn(80) / 2, torch.randn(64) / 2
    drawing = steering.drawing(place)
    plain, fragments = drawing(identity.to(place), expression.to(place))
    slots = slots_for(int(fragments), place)
    with_room, _ = drawing(identity.to(place), expression.to(place), slots)
    rows = [_apart("PNCC picture, 512 pixels", plain.cpu(), steering.pncc(identity, expression), 1e-4, 1e-3)]
    rows.append(_apart("the same with fixed room", with_room, plain, 0.0, 0.0))

    face = BaselFace.from_arrays(sheet_arrays())
    there = BaselFace(**{name: x.to(place) for name, x in vars(face).items()})
    person = torch.randn(1, 257) * 0.1
    with as_on_a_gpu():
        drawn = frontal_picture(there, FaceCoefficients.from_vectors(person.to(place))).cpu()
    known = frontal_picture(face, FaceCoefficients.from_vectors(person))
    rows.append(_apart("GOHA's drawn face, 224 pixels", drawn, known, 1e-3, 1e-3))

    photo = read_image(portrait_path())
    size = min(photo.shape[:2])
    rgb = cut(photo, Crop(photo.shape[1] / 2, photo.shape[0] / 2, size), 512, "area", "edge")
    with torch.inference_mode():
        seen = torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float().to(place)
        matte = person_matte_on(place)(seen).cpu()
    rows.append(_apart("matte, 512 pixels", matte, torch.from_numpy(person_matte(rgb)), 2 / 255, 1e-3))
    return rows


def networks(device: Device) -> list[Row]:
    """One frame of both networks in float32, next to the processor's; by a graph, next to plain calls."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    return _real3d_frame(device) + _goha_frame(device)


def _real3d_frame(device: Device) -> list[Row]:
    network = Real3DGenerator(*_small(device, TINY_REAL3D)).eval().requires_grad_(False)
    side = network.config.image_size
    picture, classes = torch.rand(1, 3, side, side) * 2 - 1, torch.rand(1, 6, side, side).round()
    points, other = torch.rand(2, 1, 68, 3) - 0.5
    camera = camera_of_pose(torch.zeros(1, 3), torch.zeros(1, 3))
    given = picture, classes, camera, crop_intrinsics()[None], points, other

    def frame(picture, classes, camera, optics, points, other) -> tuple[Tensor, ...]:
        planes = network.canonical_planes(picture) + network.motion_planes(picture, picture.flip(3), -picture)
        scene = network.prepare_scene(picture, classes, picture)
        drawn = network(planes, scene, camera, optics, points, other)
        return drawn.image, drawn.alpha, drawn.head.depth

    return _compared("Real3D-Portrait", network, frame, given, device)


def _goha_frame(device: Device) -> list[Row]:
    network = GohaGenerator(*_small(device, TINY_GOHA)).eval().requires_grad_(False)
    side = network.config.image_size
    picture, face = torch.rand(1, 3, side, side) * 2 - 1, torch.rand(1, 3, 224, 224)
    camera = label_of(FaceCoefficients.from_vectors(torch.zeros(1, 257)))

    def frame(picture, face, camera, optics) -> tuple[Tensor, ...]:
        source = network.prepare(picture, camera, optics)
        base = source.canonical + network.expression_planes(face)
        planes = network.with_appearance(source, base)
        return network.draw(planes, camera, optics), planes

    # Where two points are nearly as near to a place of a plane, rounding decides which details it gets.
    return _compared("GOHA", network, frame, (picture, face, camera, lens()), device, strays=0.02)


def _compared(
    name: str,
    network: torch.nn.Module,
    frame: Callable[..., tuple[Tensor, ...]],
    given: tuple[Tensor, ...],
    device: Device,
    strays: float = 0.0,
) -> list[Row]:
    with torch.inference_mode():
        known = frame(*given)
        network.to(device)
        there = tuple(x.to(device) for x in given)
        with as_on_a_gpu() if device == "cpu" else nullcontext():
            plain = frame(*there)
            steady = Steady(frame)
            for _ in range(3 if device == "cuda" else 1):
                replayed = steady((), there)
    rows = [
        _apart(f"{name}, output {index}, device against processor", one.cpu(), other, 1e-3, strays)
        for index, (one, other) in enumerate(zip(plain, known, strict=True))
    ]
    rows += [
        _apart(f"{name}, output {index}, graph against plain calls", one, other, 1e-5, 0.0)
        for index, (one, other) in enumerate(zip(replayed, plain, strict=True))
    ]
    if isinstance(network, Real3DGenerator):  # GOHA's own way to bfloat16 is measured by stages-goha
        for kind in (torch.bfloat16, torch.float16):
            with torch.inference_mode(), torch.autocast(device, kind):
                near = frame(*there)[0]
            error = (near.float().clamp(-1, 1) - plain[0].clamp(-1, 1)).square().mean().clamp(min=1e-10)
            decibels = round(float(10 * torch.log10(4 / error)), 1)
            meant = kind == torch.bfloat16  # what --fast takes
            what, goal = f"{name}, {str(kind)[6:]} against float32", ">= 38" if meant else ""
            rows.append(Row(what, decibels, "dB", goal, not meant or decibels >= 38))
    recorded = steady.is_recorded or device == "cpu"
    return [*rows, Row(f"{name}, recorded as a graph", str(steady.is_recorded), met=recorded)]


def _apart(name: str, one: Tensor, other: Tensor, most: float, strays: float) -> Row:
    """The largest difference as a share of the largest value, but for a share of the numbers."""
    difference = (one.float() - other.float()).abs() / other.float().abs().max().clamp(min=1e-12)
    rest = difference.flatten().sort().values[: max(1, round(difference.numel() * (1 - strays)))]
    largest = float(difference.max())
    note = f"<= {most:g}" + (f" but for {strays:.1%}" if strays else "")
    return Row(name, float(f"{largest:.2g}"), "of the largest", note, bool(rest[-1] <= most))


def clip(name: Literal["real3d", "goha"], fast: bool) -> Callable[[Device], list[Row]]:
    """Whole clips: see `cameo3d bench --clip`."""

    def run(device: Device) -> list[Row]:
        sizes = ClipSizes(3, TINY_REAL3D, TINY_GOHA) if device == "cpu" else ClipSizes()
        return _rows(measure_clip(name, _say, device, fast, sizes))

    return run


def stages(name: Literal["real3d", "goha"]) -> Callable[[Device], list[Row]]:
    """Every stage: see `cameo3d bench`."""

    def run(device: Device) -> list[Row]:
        if name == "real3d":
            return _rows(measure_real3d(_say, *_small(device, TINY_REAL3D), device=device))
        return _rows(measure_goha(_say, device, *_small(device, TINY_GOHA)))

    return run


def lite(device: Device) -> list[Row]:
    """The small models, which run on the processor."""
    return [row for name in ("real3d", "goha") for row in _rows(measure_lite(name, None, _say), f"{name}: ")]


def training(device: Device) -> list[Row]:
    """Seconds a step of training stages, on noise; on a processor only of the lightest."""
    import full_size_step

    from cameo3d.training.learner import Part
    from cameo3d.training.stages import recipe_of

    full_size_step.CPU = torch.device(device)
    rows, names = [], ("real3d.sync", "goha.reconstruction", "real3d.motion")
    for name in names if device == "cuda" else names[:1]:
        with torch.device(device):
            recipe = recipe_of(name, "official")
            if name == "real3d.sync":
                recipe = recipe if device == "cuda" else replace(recipe, pairs=16)
                stage, batch = full_size_step.speech(name, recipe)
            elif name == "real3d.motion":
                stage, batch = full_size_step.real3d(name, recipe, False, 10**9)
            else:
                stage, batch = full_size_step.goha(name, recipe, False)
            stage.networks.to(device)
            seconds = []
            for step in range(4 if device == "cuda" else 1):
                start = time.perf_counter()
                stage.step(3 + step, [Part(batch, step)])
                if device == "cuda":
                    torch.cuda.synchronize()
                seconds.append(time.perf_counter() - start)
        rows.append(
            Row(
                f"{name}, official size, one batch",
                round(float(np.median(seconds[1:] or seconds)), 4),
                "s a step",
            )
        )
        if device == "cuda":
            rows.append(Row(f"{name}, memory", round(torch.cuda.max_memory_allocated() / 1e9, 2), "GB"))
            torch.cuda.reset_peak_memory_stats()
    return rows


def _small(device: Device, config: Any) -> tuple[Any, ...]:
    return (config,) if device == "cpu" else ()


def _rows(report: Any, prefix: str = "") -> list[Row]:
    rows = []
    for figure in report.figures:
        met, goal = True, ""
        if figure.goal is not None:
            higher = figure.better == "higher"
            met = figure.value >= figure.goal if higher else figure.value <= figure.goal
            goal = f"{'>=' if higher else '<='} {figure.goal:g}{'' if met else ' missed'}"
        rows.append(Row(prefix + figure.name, figure.value, figure.unit, goal))
    return rows


def _say(text: str) -> None:
    print(text, flush=True)


STEPS: dict[str, Callable[[Device], list[Row]]] = {
    "machine": the_machine,
    "drawings": drawings,
    "networks": networks,
    "clip-real3d-fast": clip("real3d", True),
    "clip-goha-fast": clip("goha", True),
    "clip-real3d": clip("real3d", False),
    "clip-goha": clip("goha", False),
    "training": training,
    "stages-real3d": stages("real3d"),
    "stages-goha": stages("goha"),
    "lite": lite,
}

if __name__ == "__main__":
    main(sys.argv[1], "cuda" if sys.argv[2] == "cuda" else "cpu", Path(sys.argv[3]))
