"""EG3D's checkpoint, a few numbers large, in the official layout."""

from dataclasses import replace

import torch

from cameo3d.models.real3d.config import OFFICIAL, FusionSizes
from cameo3d.models.real3d.eg3d.config import Eg3dConfig

SMALL = replace(OFFICIAL, image_size=32, fusion=FusionSizes(16, 8, 8, 8))
TEACHER = Eg3dConfig(latent=16, style=16, base=256, most=16, rendering=SMALL)


def teacher_file():
    """What EG3D's training writes, for planes of 16 pixels."""
    tensors = {"backbone.mapping.w_avg": (16,), "backbone.synthesis.b4.const": (16, 4, 4)}

    def linear(name, outputs, inputs):
        tensors[f"{name}.weight"], tensors[f"{name}.bias"] = (outputs, inputs), (outputs,)

    def layer(name, outputs, inputs, size, style, noise=True):
        tensors[f"{name}.weight"], tensors[f"{name}.bias"] = (outputs, inputs, 3, 3), (outputs,)
        linear(f"{name}.affine", inputs, style)
        if noise:
            tensors[f"{name}.noise_const"], tensors[f"{name}.noise_strength"] = (size, size), ()
        tensors[f"{name}.resample_filter"] = (4, 4)

    def colors(name, outputs, inputs, style):
        tensors[f"{name}.weight"], tensors[f"{name}.bias"] = (outputs, inputs, 1, 1), (outputs,)
        linear(f"{name}.affine", inputs, style)

    linear("backbone.mapping.embed", 16, 25)
    linear("backbone.mapping.fc0", 16, 32)
    linear("backbone.mapping.fc1", 16, 16)
    for size in (4, 8, 16):
        block = f"backbone.synthesis.b{size}"
        tensors[f"{block}.resample_filter"] = (4, 4)
        if size > 4:
            layer(f"{block}.conv0", 16, 16, size, 16)
        layer(f"{block}.conv1", 16, 16, size, 16)
        colors(f"{block}.torgb", 96, 16, 16)
    linear("decoder.net.0", 64, 32)
    linear("decoder.net.2", 33, 64)
    for index, (inputs, outputs) in enumerate(((32, 16), (16, 8))):
        block = f"superresolution.block{index}"
        layer(f"{block}.conv0", outputs, inputs, 8, 8)
        layer(f"{block}.conv1", outputs, outputs, 8, 8)
        colors(f"{block}.torgb", 3, outputs, 8)
    return {name: torch.rand(shape) for name, shape in tensors.items()}


def saved(path, model=None, disc=None):
    parts = {"model": model, "disc": disc}
    torch.save({"state_dict": {name: x for name, x in parts.items() if x}, "global_step": 3}, path)
    return path
