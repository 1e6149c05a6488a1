"""Real3D-Portrait with weights: the published ones that the user has imported, or the small network's."""

from typing import Literal

import torch

from cameo3d.blocks.processors import half_precision
from cameo3d.errors import WeightsError
from cameo3d.geometry.basel.real3d_face import Real3DFace
from cameo3d.geometry.face_model import load_face_model
from cameo3d.models.real3d.avatar import Real3D
from cameo3d.models.real3d.conditioning import BaselSteering, ShippedSteering, SteeringFace
from cameo3d.models.real3d.config import LITE, OFFICIAL, Real3DConfig
from cameo3d.models.real3d.generator import Real3DGenerator
from cameo3d.weights.imported import load_weights, weights_path
from cameo3d.weights.released import RELEASED


def load_real3d(size: Literal["official", "lite"], fast: bool = False, device: str = "cpu") -> Real3D:
    """Make the model ready.

    Args:
        size: The published network, or the small one.
        fast: Convolutions in bfloat16 where the processor computes it.
        device: Where to compute.

    Raises:
        WeightsError: If weights are missing or damaged; the message says where to get them.
    """
    config = OFFICIAL if size == "official" else LITE
    generator = load_generator(config, size).to(device)
    return Real3D(generator, _load_face(size), size, half_precision(fast, device))


def load_generator(config: Real3DConfig, size: Literal["official", "lite"]) -> Real3DGenerator:
    """The networks with their weights, on the CPU; see `load_real3d`."""
    name = f"real3d-{size}"
    if size == "official":
        path = RELEASED[name].demand()
    else:
        path = weights_path(name)
        if not path.is_file():
            raise WeightsError(
                "The small Real3D-Portrait has no weights yet; use --size official, or --model relief."
            )
    tensors = load_weights(path, name, config)
    with torch.device("meta"):
        generator = Real3DGenerator(config)
    generator.load_state_dict(tensors, assign=True)
    return generator.eval().requires_grad_(False)


def _load_face(size: Literal["official", "lite"]) -> SteeringFace:
    if size == "lite":
        return ShippedSteering(load_face_model())
    path = RELEASED["real3d-face"].demand()
    face = Real3DFace.from_tensors(load_weights(path, "real3d-face"))
    return BaselSteering(face, load_face_model())
