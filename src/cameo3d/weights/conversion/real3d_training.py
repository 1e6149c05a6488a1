"""Files that a training of Real3D-Portrait begins with: EG3D, discriminators, and networks from ImageNet."""

import math
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from cameo3d.weights.conversion.pickles import named_tensors, read_pickle
from cameo3d.weights.conversion.real3d import GENERATOR_RENAMES, convert_generator
from cameo3d.weights.conversion.renaming import Renames, check_layout, new_name, renamed

_BLOCKS = tuple(2**power for power in range(3, 11))
"""Sizes above 4x4."""

TEACHER_RENAMES: Renames = (
    (r"^.*\.resample_filter$", ""),
    (r"^superresolution\.block[01]\.conv[01]\.noise_(const|strength)$", ""),
    (r"^backbone\.mapping\.w_avg$", "mean_style"),
    (r"^backbone\.mapping\.embed\.", "mapping.embedding."),
    (r"^backbone\.mapping\.fc(\d)\.", r"mapping.layers.\1."),
    (r"^backbone\.synthesis\.b4\.const$", "planes.constant"),
    (r"^backbone\.synthesis\.b4\.conv1\.", "planes.first."),
    (r"^backbone\.synthesis\.b4\.torgb\.", "planes.first_planes."),
    *((rf"^backbone\.synthesis\.b{size}\.", f"planes.blocks.{i}.") for i, size in enumerate(_BLOCKS)),
    (r"^(planes\.blocks\.\d)\.conv0\.", r"\1.before."),
    (r"^(planes\.blocks\.\d)\.conv1\.", r"\1.after."),
    (r"^(planes\.blocks\.\d)\.torgb\.", r"\1.planes."),
    (r"^decoder\.net\.0\.", "renderer.decoder.first."),
    (r"^decoder\.net\.2\.", "renderer.decoder.second."),
    (r"^superresolution\.block0\.", "head_block."),
    (r"^superresolution\.block1\.", "last_block."),
    (r"^(head_block|last_block)\.conv0\.", r"\1.first."),
    (r"^(head_block|last_block)\.conv1\.", r"\1.second."),
    (r"^(head_block|last_block)\.torgb\.", r"\1.to_rgb."),
    (r"\.affine\.", ".style."),
    (r"\.noise_const$", ".noise"),
)
"""Names of EG3D's tensors."""


_SYNC_RENAMES: Renames = (
    (r"^hubert_encoder\.", "hear."),
    (r"^mouth_encoder\.", "watch."),
    (r"\.conv_block\.0\.", ".conv."),
    (r"\.conv_block\.1\.", ".norm."),
)


def discriminator_renames(size: int) -> Renames:
    """Names of EG3D's dual discriminator for pictures of a size."""
    sizes = [size >> index for index in range(int(math.log2(size)) - 2)]
    return (
        (r"^.*\.resample_filter$", ""),
        (rf"^b{size}\.fromrgb\.", "first."),
        (r"^b4\.conv\.", "last."),
        (r"^b4\.fc\.", "flat."),
        (r"^b4\.out\.", "output."),
        (r"^mapping\.embed\.", "mapping.embedding."),
        (r"^mapping\.fc(\d)\.", r"mapping.layers.\1."),
        *((rf"^b{side}\.", f"blocks.{index}.") for index, side in enumerate(sizes)),
        (r"^(blocks\.\d)\.conv0\.", r"\1.before."),
        (r"^(blocks\.\d)\.conv1\.", r"\1.after."),
        (r"^(blocks\.\d)\.skip\.", r"\1.shortcut."),
    )


def read_teacher(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """EG3D as Real3D-Portrait trained it, from `model_ckpt_steps_N.ckpt` of `eg3d_baseline_run2`.

    Args:
        path: The checkpoint.
        expected: State of the network that it fills.

    Raises:
        WeightsError: If it cannot be opened, or listing all unknown, missing and misshapen tensors.
    """
    return _filled(named_tensors(read_pickle(path), path), TEACHER_RENAMES, expected, str(path))


def has_discriminator(path: Path) -> bool:
    """Whether a checkpoint of EG3D or of a stage holds one.

    Raises:
        WeightsError: If it cannot be opened.
    """
    content = read_pickle(path)
    state = content.get("state_dict", content) if isinstance(content, Mapping) else {}
    return isinstance(state, Mapping) and any(str(name).split(".")[0] == "disc" for name in state)


def read_discriminator(path: Path, size: int, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The dual discriminator in a checkpoint of EG3D or of any stage of Real3D-Portrait.

    Args:
        path: The checkpoint.
        size: Of the pictures that it judges.
        expected: State of the network that it fills.

    Raises:
        WeightsError: If it cannot be opened or holds none, or listing all tensors that do not fit.
    """
    official = named_tensors(read_pickle(path), path, "disc")
    return _filled(official, discriminator_renames(size), expected, str(path))


def read_stage(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The generator of any stage's checkpoint, which lacks what its stage did not have.

    Args:
        path: `model_ckpt_steps_N.ckpt` of the image-to-plane, the head's or the torso's training.
        expected: State of the whole generator.

    Returns:
        All tensors, but those of the motion adapter or of the torso if the file has none.

    Raises:
        WeightsError: If it cannot be opened, or listing all tensors that do not fit.
    """
    found = named_tensors(read_pickle(path), path)
    official = {
        re.sub(r"^img2plane_backbone\.", "cano_img2plane_backbone.", name): x for name, x in found.items()
    }
    wanted = dict(expected)
    if not any(name.startswith("secc_img2plane_backbone.") for name in official):
        wanted = {name: x for name, x in wanted.items() if not name.startswith("motion_adapter.")}
    if not any(name.startswith("superresolution.torso_model.") for name in official):
        ours, kept = "super_resolution.", ("super_resolution.head_block.", "super_resolution.last_block.")
        wanted = {name: x for name, x in wanted.items() if not name.startswith(ours) or name.startswith(kept)}
    return convert_generator(official, wanted)


def read_sync(path: Path) -> dict[str, Tensor]:
    """The sync expert of the official `model_ckpt_steps_N.ckpt`, of any size.

    Raises:
        WeightsError: If it cannot be opened.
    """
    return renamed(named_tensors(read_pickle(path), path), _SYNC_RENAMES)


def read_mit_b0(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The motion adapter's transformer from SegFormer's `mit_b0.pth`; its classifier is dropped.

    Raises:
        WeightsError: If it cannot be opened, or listing all tensors that do not fit.
    """
    found = named_tensors({"network": read_pickle(path)}, path, "network")
    prefix, ours = "secc_img2plane_backbone.mix_vit.", "motion_adapter.encoder."
    official = {prefix + name: x for name, x in found.items() if not name.startswith("head.")}
    tensors = {name.removeprefix(ours): x for name, x in renamed(official, GENERATOR_RENAMES).items()}
    check_layout(tensors, expected, str(path))
    return tensors


def read_resnet34(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The trunk of the canonical network from torchvision's `resnet34-b627a593.pth`.

    Its first layer sees five channels instead of three: weights are repeated and scaled, so that sums stay.

    Raises:
        WeightsError: If it cannot be opened, or listing all tensors that do not fit.
    """
    found = named_tensors({"network": read_pickle(path)}, path, "network")
    prefix, ours = "cano_img2plane_backbone.low_reso_encoder.encoder.", "image_to_plane.encoder."
    official = {prefix + name: x for name, x in found.items() if not name.startswith("fc.")}
    tensors = {name.removeprefix(ours): x for name, x in renamed(official, GENERATOR_RENAMES).items()}
    counters = {name: x for name, x in expected.items() if name.endswith("num_batches_tracked")}
    if (first := tensors.get("stem.weight")) is not None and first.shape[1:2] == (3,):
        tensors["stem.weight"] = torch.cat((first, first[:, :2]), dim=1) * (3 / 5)
    tensors = counters | tensors
    check_layout(tensors, expected, str(path))
    return tensors


def _filled(
    official: Mapping[str, Tensor], renames: Renames, expected: Mapping[str, Tensor], what: str
) -> dict[str, Tensor]:
    tensors = renamed(official, renames)
    check_layout(tensors, expected, what, {new_name(name, renames): name for name in official})
    return tensors
