"""GOHA's released files under our names: generator, face parser and face regressor."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from cameo3d.errors import WeightsError
from cameo3d.weights.conversion.pickles import named_tensors, read_pickle
from cameo3d.weights.conversion.renaming import Renames, check_layout, new_name, renamed

_RESNET: Renames = (
    (r"^(.*backbone)\.conv1\.", r"\1.stem."),
    (r"^(.*backbone)\.bn1\.", r"\1.stem_norm."),
    *((rf"^(.*backbone)\.layer{i + 1}\.", rf"\1.stages.{i}.") for i in range(4)),
    (r"^(.*backbone\.stages\.\d+\.\d+)\.bn(\d)\.", r"\1.norm\2."),
    (r"^(.*backbone\.stages\.\d+\.\d+)\.downsample\.", r"\1.shortcut."),
)

PARSER_RENAMES: Renames = (
    (r"^cp\.resnet\.", "backbone."),
    (r"^cp\.conv_avg\.", "whole."),
    (r"^cp\.arm(16|32)\.conv_atten\.", r"refine\1.attention."),
    (r"^cp\.arm(16|32)\.bn_atten\.", r"refine\1.norm."),
    (r"^cp\.arm(16|32)\.conv\.", r"refine\1.features."),
    (r"^cp\.conv_head(16|32)\.", r"smooth\1."),
    (r"^ffm\.convblk\.", "fusion.features."),
    (r"^ffm\.conv1\.", "fusion.narrow."),
    (r"^ffm\.conv2\.", "fusion.widen."),
    (r"^conv_out(16|32|)\.conv\.", r"head\1.features."),
    (r"^conv_out(16|32|)\.conv_out\.", r"head\1.logits."),
    (r"^((?!backbone).*)\.bn\.", r"\1.norm."),
    *_RESNET,
)
"""Names of the face parser's tensors."""

REGRESSOR_RENAMES: Renames = ((r"^final_layers\.", "heads."), *_RESNET)
"""Names of the tensors of the regressor of face coefficients."""

ENCODERS: Renames = (
    (r"^template_net\.", "canonical.encoder."),
    (r"^expr_net\.", "expression.encoder."),
    (r"^id_net\.", "appearance.encoder."),
    (
        r"\.segformer\.encoder\.patch_embeddings\.(\d)\.proj\.",
        r".transformer.stages.\1.embedding.projection.",
    ),
    (
        r"\.segformer\.encoder\.patch_embeddings\.(\d)\.layer_norm\.",
        r".transformer.stages.\1.embedding.norm.",
    ),
    (r"\.segformer\.encoder\.layer_norm\.(\d)\.", r".transformer.stages.\1.norm."),
    (r"\.segformer\.encoder\.block\.(\d)\.", r".transformer.stages.\1.blocks."),
    (r"\.layer_norm_1\.", ".attention_norm."),
    (r"\.layer_norm_2\.", ".feed_norm."),
    (r"\.attention\.self\.sr\.", ".attention.reduction."),
    (r"\.attention\.self\.layer_norm\.", ".attention.reduction_norm."),
    (r"\.attention\.self\.", ".attention."),
    (r"\.attention\.output\.dense\.", ".attention.output."),
    (r"\.mlp\.dense1\.", ".feed.expand."),
    (r"\.mlp\.dwconv\.dwconv\.", ".feed.neighbours."),
    (r"\.mlp\.dense2\.", ".feed.contract."),
    (r"\.decode_head\.linear_c\.(\d)\.proj\.", r".fusion.projections.\1."),
    (r"\.decode_head\.linear_fuse\.", ".fusion.fuse."),
)

_HEADS: Renames = (
    (r"^embedding2neutral\.up_layers\.", "canonical.head.@"),
    (r"^embedding2expr\.up_layers\.", "expression.head.@"),
    (r"\.head\.@8\.", ".head.output."),
    *((rf"\.head\.@{2 * i}\.", f".head.layers.{i}.") for i in range(4)),
    (r"^id_upsampler\.up_xy\.0\.", "appearance.upsampler.enlarge."),
    (r"^id_upsampler\.up_xy\.2\.", "appearance.upsampler.narrow."),
    *(
        (rf"^id_upsampler\.skip_{plane}\.", f"appearance.upsampler.shortcuts.{i}.")
        for i, plane in enumerate(("xy", "xz", "zy"))
    ),
    (r"^decoder\.net\.0\.", "renderer.decoder.first."),
    (r"^decoder\.net\.2\.", "renderer.decoder.second."),
)

SUPER_RESOLUTION: Renames = (
    (r"^neural_layers\.gfpgan\.", "super_resolution."),
    (r"\.conv_body_first\.", ".first."),
    (r"\.conv_body_(down|up)\.(\d)\.conv1\.", r".\1.\2.before."),
    (r"\.conv_body_(down|up)\.(\d)\.conv2\.", r".\1.\2.after."),
    (r"\.conv_body_(down|up)\.(\d)\.skip\.", r".\1.\2.shortcut."),
    (r"\.final_conv\.", ".last."),
    (r"\.final_linear\.", ".styles."),
    (r"\.toRGB\.", ".side_colors."),
    (r"\.condition_scale\.", ".scales."),
    (r"\.condition_shift\.", ".shifts."),
    (r"\.stylegan_decoder\.", ".decoder."),
    (r"\.decoder\.constant_input\.weight$", ".decoder.constant"),
    (r"\.decoder\.noises\.noise(\d+)$", r".decoder.noise_\1"),
    (r"\.decoder\.style_conv1\.", ".decoder.layers.0."),
    *((rf"\.decoder\.style_convs\.{i}\.", f".decoder.layers.{i + 1}.") for i in range(14)),
    (r"\.decoder\.to_rgb1\.", ".decoder.colors.0."),
    *((rf"\.decoder\.to_rgbs\.{i}\.", f".decoder.colors.{i + 1}.") for i in range(7)),
    (r"\.decoder\.layers\.(\d+)\.weight$", r".decoder.layers.\1.noise_strength"),
    (r"\.modulated_conv\.modulation\.", ".style."),
    (r"\.modulated_conv\.weight$", ".weight"),
)

GENERATOR_RENAMES: Renames = (
    # Constants of the code, and layers of the release that nothing uses:
    (r"^(cano_pose|image_mean|image_std|uv)$", ""),
    (r"^id_upsampler\.up_(xz|zy)\.[02]\.(weight|bias)$", ""),
    (r"^expr_upsampler\.(up_(xy|xz|zy)\.[02]|skip_(xy|xz|zy))\.(weight|bias)$", ""),
    (r"^neural_layers\.gfpgan\.stylegan_decoder\.style_mlp\.\d+\.(weight|bias)$", ""),
    (r"^cano_exemplar$", "exemplar"),
    *ENCODERS,
    *_HEADS,
    *SUPER_RESOLUTION,
)
"""Names of the generator's tensors but the face parser's."""


EXPRESSION_FROM, APPEARANCE_FROM = 120_000, 240_000
"""Iterations from which expression and appearance planes take part, in all published options."""
_APPEARANCE = ("id_net.", "id_upsampler.")


def has_super_resolution(official: Mapping[str, Tensor]) -> bool:
    """Whether a checkpoint is of stage 2; those of 1 and 1b end with the rendering."""
    return any(name.startswith("neural_layers.") for name in official)


def has_appearance(official: Mapping[str, Tensor]) -> bool:
    """Whether a checkpoint lifts the photo's details onto the planes."""
    return any(name.startswith(_APPEARANCE) for name in official)


def convert_generator(official: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The generator's tensors under our names, layers that the release never uses dropped.

    Args:
        official: `model_state_dict` of the released checkpoint.
        expected: State of the network that they fill.

    Raises:
        WeightsError: Listing all unknown, missing and misshapen tensors.
    """
    prefix = "face_parsing_net."
    parser = {name.removeprefix(prefix): x for name, x in official.items() if name.startswith(prefix)}
    others = {name: x for name, x in official.items() if not name.startswith(prefix)}
    tensors = join_keys_and_values(renamed(others, GENERATOR_RENAMES))
    tensors = {name: without_batch_axis(name, x) for name, x in tensors.items()}
    tensors |= {f"parser.{name}": x for name, x in renamed(parser, PARSER_RENAMES).items()}
    names = {new_name(name, GENERATOR_RENAMES): name for name in others}
    names |= {f"parser.{new_name(name, PARSER_RENAMES)}": prefix + name for name in parser}
    check_layout(tensors, expected, "GOHA's checkpoint", names)
    return tensors


def convert_parser(official: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The face parser's tensors under our names.

    Raises:
        WeightsError: Listing all unknown, missing and misshapen tensors.
    """
    return _converted(official, expected, PARSER_RENAMES, "The face parser's file")


def convert_regressor(official: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of Deep3DFaceRecon's `net_recon` under our names.

    Raises:
        WeightsError: Listing all unknown, missing and misshapen tensors.
    """
    return _converted(official, expected, REGRESSOR_RENAMES, "Deep3DFaceRecon's file")


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The generator's tensors, under their official names, of `checkpoint<iteration>.ckpt` of any stage.

    The official code leaves out branches whose turn had not come when the checkpoint was written; so are
    their tensors here.

    Raises:
        WeightsError: If it cannot be opened, is no such file, or has no expression planes yet.
    """
    content = read_pickle(path)
    tensors = named_tensors(content, path, "model_state_dict")
    iteration = content.get("iter", APPEARANCE_FROM) if isinstance(content, Mapping) else APPEARANCE_FROM
    if not isinstance(iteration, int) or iteration < EXPRESSION_FROM:
        raise WeightsError(
            f"{path} is of iteration {iteration}; expressions are part of GOHA from {EXPRESSION_FROM} on."
        )
    early = iteration < APPEARANCE_FROM
    return {name: x for name, x in tensors.items() if not (early and name.startswith(_APPEARANCE))}


def read_regressor(path: Path) -> dict[str, Tensor]:
    """The regressor's tensors, under their official names, of `epoch_20.pth`.

    Raises:
        WeightsError: If it cannot be opened or is no such file; see `read_pickle`.
    """
    return named_tensors(read_pickle(path), path, "net_recon")


def read_parser(path: Path) -> dict[str, Tensor]:
    """The face parser's tensors, under their official names, of `79999_iter.pth`.

    Raises:
        WeightsError: If it cannot be opened or is no such file; see `read_pickle`.
    """
    return named_tensors({"parser": read_pickle(path)}, path, "parser")


def _converted(
    official: Mapping[str, Tensor], expected: Mapping[str, Tensor], renames: Renames, what: str
) -> dict[str, Tensor]:
    tensors = renamed(official, renames)
    check_layout(tensors, expected, what, {new_name(name, renames): name for name in official})
    return tensors


def join_keys_and_values(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """One matrix for keys and values; where one of the two is missing, both stay to be listed."""
    result = dict(tensors)
    for name, key in tensors.items():
        other = name.replace(".attention.key.", ".attention.value.")
        if other != name and other in tensors and tensors[other].shape == key.shape:
            joined = name.replace(".attention.key.", ".attention.key_value.")
            result[joined] = torch.cat((key, tensors[other]))
            del result[name], result[other]
    return result


def without_batch_axis(name: str, x: Tensor) -> Tensor:
    """Weights and biases of styled layers are stored for broadcasting over a batch."""
    if (".decoder.layers." not in name and ".decoder.colors." not in name) or ".style." in name:
        return x
    if name.endswith(".weight") and x.ndim == 5 and x.shape[0] == 1:
        return x[0]
    if name.endswith(".bias") and x.ndim == 4 and x.shape[0] == 1 and x.shape[2:] == (1, 1):
        return x[0, :, 0, 0]
    return x
