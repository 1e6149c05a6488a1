"""What a training of GOHA starts from, under our names: earlier stages, discriminators, other networks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from torch import Tensor

from cameo3d.weights.conversion.goha import (
    ENCODERS,
    SUPER_RESOLUTION,
    convert_generator,
    join_keys_and_values,
    without_batch_axis,
)
from cameo3d.weights.conversion.pickles import named_tensors, read_pickle
from cameo3d.weights.conversion.renaming import Renames, check_layout, new_name, renamed

Tensors = Mapping[str, Tensor]
Branch = Literal["canonical", "expression", "appearance"]

DISCRIMINATOR_RENAMES: Renames = (
    (r"^conv_body\.0\.0\.", "first."),
    (r"^conv_body\.0\.1\.", "first."),
    *((rf"^conv_body\.{i + 1}\.conv1\.[01]\.", f"blocks.{i}.before.") for i in range(8)),
    *((rf"^conv_body\.{i + 1}\.conv2\.[12]\.", f"blocks.{i}.after.") for i in range(8)),
    *((rf"^conv_body\.{i + 1}\.skip\.1\.", f"blocks.{i}.shortcut.") for i in range(8)),
    (r"^final_conv\.[01]\.", "last."),
    (r"^final_linear\.0\.", "flat."),
    (r"^final_linear\.1\.", "output."),
)
"""Names of BasicSR's StyleGAN2 discriminator; the buffers of its blur are constants."""
_CONSTANTS: Renames = ((r"^.*\.(kernel|blur\.kernel)$", ""),)
_PREFIXES = {"canonical": "template_net", "expression": "expr_net", "appearance": "id_net"}
_NEW_FIRST = {"canonical": False, "expression": True, "appearance": True}
"""Which branches begin with a convolution of their own: they see drawings, or six channels."""


def read_stage(path: Path, expected: Tensors) -> dict[str, Tensor]:
    """The generator of an earlier stage's `checkpoint<iteration>.ckpt`, which may lack super-resolution.

    Args:
        path: The official file of stage 1, 1b or 2.
        expected: State of the whole generator.

    Returns:
        All tensors, but those of super-resolution if the file has none.

    Raises:
        WeightsError: If the file cannot be opened, or listing all tensors that do not fit.
    """
    official = named_tensors(read_pickle(path), path, "model_state_dict")
    whole = any(name.startswith("neural_layers.") for name in official)
    wanted = {name: x for name, x in expected.items() if whole or not name.startswith("super_resolution.")}
    return convert_generator(official, wanted)


def read_discriminator(path: Path, expected: Tensors, part: str = "discriminator_dict") -> dict[str, Tensor]:
    """A discriminator: of a stage's checkpoint, or `params` of `GFPGANv1_net_d.pth`.

    Raises:
        WeightsError: If the file cannot be opened, or listing all tensors that do not fit.
    """
    official = named_tensors(read_pickle(path), path, part)
    return _converted(official, expected, (*_CONSTANTS, *DISCRIMINATOR_RENAMES), str(path))


def read_discriminator_start(path: Path, expected: Tensors) -> dict[str, Tensor]:
    """`GFPGANv1_net_d.pth` for a discriminator of any number of channels.

    Returns:
        All tensors, but the first convolution's weight if it sees other than three channels: that is new.

    Raises:
        WeightsError: If the file cannot be opened, or listing all tensors that do not fit.
    """
    if expected["first.weight"].shape[1] == 3:
        return read_discriminator(path, expected, "params")
    wanted = dict(expected)
    wanted["first.weight"] = expected["first.weight"][:, :3]
    tensors = read_discriminator(path, wanted, "params")
    del tensors["first.weight"]
    return tensors


def read_gfpgan(path: Path, expected: Tensors) -> dict[str, Tensor]:
    """Super-resolution from `params_ema` of `GFPGANv1.3.pth`.

    Args:
        path: The file.
        expected: State of the super-resolution alone.

    Raises:
        WeightsError: If the file cannot be opened, or listing all tensors that do not fit.
    """
    prefix = "neural_layers.gfpgan."
    drop: Renames = ((r"\.stylegan_decoder\.style_mlp\..*$|^.*style_mlp\.\d+\.(weight|bias)$", ""),)
    official = named_tensors(read_pickle(path), path, "params_ema")
    unused = {name for name in official if new_name(name, drop) == ""}
    kept = {prefix + name: x for name, x in official.items() if name not in unused}
    tensors = {name: without_batch_axis(name, x) for name, x in renamed(kept, SUPER_RESOLUTION).items()}
    tensors = {name.removeprefix("super_resolution."): x for name, x in tensors.items()}
    check_layout(tensors, expected, str(path))
    return tensors


def read_segformer(path: Path, branch: Branch, expected: Tensors) -> dict[str, Tensor]:
    """An encoder from `pytorch_model.bin` of nvidia/segformer-b0-finetuned-ade-512-512.

    Args:
        path: The file.
        branch: Which encoder; the first convolution of two of them is new.
        expected: State of that encoder alone.

    Returns:
        All tensors but the new ones; the head's norm and classifier are dropped.

    Raises:
        WeightsError: If the file cannot be opened, or listing all tensors that do not fit.
    """
    official = named_tensors({"network": read_pickle(path)}, path, "network")
    own = f"{_PREFIXES[branch]}."
    drop: Renames = ((r"^decode_head\.(batch_norm|classifier)\..*$", ""), (r"^(?=.)", own))
    tensors = join_keys_and_values(renamed(official, (*drop, *ENCODERS)))
    tensors = {name.removeprefix(f"{branch}.encoder."): x for name, x in tensors.items()}
    first = "transformer.stages.0.embedding.projection."
    if _NEW_FIRST[branch]:
        tensors = {name: x for name, x in tensors.items() if not name.startswith(first)}
        expected = {name: x for name, x in expected.items() if not name.startswith(first)}
    check_layout(tensors, expected, str(path))
    return tensors


def _converted(official: Tensors, expected: Tensors, renames: Renames, what: str) -> dict[str, Tensor]:
    tensors = renamed(official, renames)
    check_layout(tensors, expected, what, {new_name(name, renames): name for name in official})
    return tensors
