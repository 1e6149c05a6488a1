"""Sampled parity: 64 numbers of every stage of small networks, which need no recordings to be compared with.

The networks are the published ones at small sizes: the code is the same, and only sizes differ. The numbers
were recorded when `tests/parity` matched the official recordings (docs/parity.md), so what leaves them left
those, too. Weights and inputs follow from formulas. After a change that is meant, and checked against the
official recordings, record them again:

    python tests/parity/sampled_stages.py
"""

import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from cameo3d.models.goha.config import GohaConfig
from cameo3d.models.goha.generator import GohaGenerator
from cameo3d.models.real3d.config import SMALL
from cameo3d.models.real3d.generator import Real3DGenerator
from cameo3d.models.voice.official.network import VoiceToExpression

NUMBERS = Path(__file__).with_name("sampled_numbers.json")
COUNT = 64
REAL3D = replace(SMALL, image_size=128, render_size=32, coarse_samples=6, fine_samples=6)
GOHA = GohaConfig(
    image_size=64,
    render_size=12,
    lift_size=16,
    plane_channels=4,
    decoder_width=8,
    coarse_samples=6,
    fine_samples=6,
    encoder_widths=(8, 8, 10, 16),
    encoder_depths=(1, 1, 1, 1),
    fused_width=16,
    parsing_width=4,
    super_resolution_widths=(8, 8, 8, 8, 8),
    style_width=8,
)


def fill(network: nn.Module) -> nn.Module:
    """Give every parameter seeded numbers that follow from its name: of variance 1 / fan-in, or around 1."""
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if not tensor.is_floating_point():
                continue
            draw = np.random.Generator(np.random.Philox(zlib.crc32(name.encode())))
            numbers = torch.from_numpy(draw.standard_normal(tuple(tensor.shape))).to(tensor.dtype)
            if name.endswith(("running_var", "weight")) and tensor.dim() == 1:
                numbers = 1 + 0.1 * numbers.clamp(-3, 3)
            elif ".decoder." in name and tensor.dim() == 2:
                pass  # it divides by itself
            elif tensor.dim() >= 2:
                numbers /= tensor[0].numel() ** 0.5
            else:
                numbers *= 0.1
            tensor.copy_(numbers)
    return network.eval()


def wave(*shape: int) -> Tensor:
    """A smooth input in [-1, 1]: in every row of the last axes another sine."""
    phase = torch.full(shape, 0.5, dtype=torch.float64)
    for axis, count in enumerate(shape):
        left = len(shape) - axis
        phase += (0.12 + 0.09 * left) * torch.arange(count).reshape(count, *[1] * (left - 1))
    return phase.sin().float()


def camera() -> tuple[Tensor, Tensor]:
    pose = torch.eye(4)
    pose[2, 3] = -2.7
    return pose[None], torch.tensor([[[4.2647, 0, 0.5], [0, 4.2647, 0.5], [0, 0, 1]]])


def stages() -> Iterator[tuple[str, Tensor]]:
    """Every stage's result, by name."""
    with torch.no_grad():
        yield from _real3d()
        yield from _goha()
        yield from _voice()


def _real3d() -> Iterator[tuple[str, Tensor]]:
    model, seen = fill(Real3DGenerator(REAL3D)), {}
    assert isinstance(model, Real3DGenerator)
    parts = {
        "context": model.image_to_plane.context,
        "shape": model.image_to_plane.shape,
        "detail": model.image_to_plane.detail,
        "head block": model.super_resolution.head_block,
        "torso": model.layers.torso,
        "torso appearance": model.layers.torso.appearance,
        "last block": model.super_resolution.last_block,
    }
    for name, part in parts.items():
        part.register_forward_hook(lambda _, __, result, name=name: seen.__setitem__(name, result))
    picture = wave(1, 3, 128, 128)
    canonical = model.canonical_planes(picture)
    motion = model.motion_planes(picture, picture.flip(3), picture.flip(2))
    scene = model.prepare_scene(picture, (wave(1, 6, 128, 128) > 0).float(), picture.flip(3))
    points = wave(1, 68, 3)
    frame = model(4 * (canonical + motion), scene, *camera(), points, points * 0.9)
    yield from ((f"real3d {name}", seen[name]) for name in ("context", "shape", "detail"))
    yield "real3d canonical planes", canonical
    yield "real3d motion planes", motion
    yield "real3d rendered features", frame.head.features
    yield "real3d depth", frame.head.depth
    yield "real3d opacity", frame.head.opacity
    yield "real3d head block", seen["head block"][0]
    yield "real3d torso appearance", seen["torso appearance"]
    yield "real3d torso deformation", seen["torso"].motion.deformation
    yield "real3d torso features", seen["torso"].features
    yield "real3d torso colours", seen["torso"].colors
    yield "real3d last block", seen["last block"][1]
    yield "real3d image", frame.image


def _goha() -> Iterator[tuple[str, Tensor]]:
    model = fill(GohaGenerator(GOHA))
    assert isinstance(model, GohaGenerator)
    picture = wave(1, 3, 64, 64)
    canonical = model.canonical_planes(picture, torch.ones(1, 1, 64, 64))
    expression = model.expression_planes(wave(1, 3, 224, 224) / 2 + 0.5)
    features = model.appearance_features(wave(1, 6, 64, 64))
    side, count = GOHA.lift_size, features.shape[-1] * features.shape[-2]
    nearest = (torch.arange(3 * side * side) * 7 % count).reshape(1, 3, side, side)
    rendered = model.renderer(4 * (canonical + expression), *camera(), GOHA.render_size)
    yield "goha parsing", model.parser(picture)
    yield "goha canonical planes", canonical
    yield "goha expression planes", expression
    yield "goha appearance features", features
    yield "goha appearance planes", model.upsampled_appearance(features, nearest)
    yield "goha rendered colours", rendered.colors
    yield "goha depth", rendered.depth
    yield "goha enlarged", model.super_resolution(rendered.colors)


def _voice() -> Iterator[tuple[str, Tensor]]:
    model = fill(VoiceToExpression(speech_channels=12, width=8, gate_width=8, latent=4, flow_width=6))
    assert isinstance(model, VoiceToExpression)
    condition = model.conditions(wave(1, 32, 12), 100 + 50 * wave(1, 32))
    noise = wave(1, 4, 4)
    yield "voice condition", condition
    yield "voice flow", model.flow(noise, model.squeeze(condition.mT))
    yield "voice expressions", model(condition, noise)


def sampled(result: Tensor) -> Tensor:
    """Numbers at fixed places, spread over all of a stage's result."""
    flat = result.float().flatten()
    return flat[torch.linspace(0, len(flat) - 1, COUNT).round().long()]


if __name__ == "__main__":
    torch.set_num_threads(1)
    lines = [
        f'  "{name}": {json.dumps([float(f"{x:.6g}") for x in sampled(result).tolist()])}'
        for name, result in stages()
    ]
    NUMBERS.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf8")
