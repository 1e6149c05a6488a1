"""Real3D-Portrait's released checkpoints under our names.

The folders are `secc2plane_torso_orig` (the generator) and `audio2secc_vae` (voice to expression), each with
`model_ckpt_steps_N.ckpt`, of which the one with the largest step counts.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from cameo3d.errors import WeightsError
from cameo3d.weights.conversion.options import read_options
from cameo3d.weights.conversion.pickles import named_tensors, read_pickle
from cameo3d.weights.conversion.renaming import (
    Renames,
    check_layout,
    join_spectral_norms,
    join_weight_norms,
    new_name,
    renamed,
)

_TRANSFORMER: Renames = (
    (r"\.patch_embed\.proj\.", ".embedding.projection."),
    (r"\.patch_embed\.norm\.", ".embedding.norm."),
    (r"\.norm1\.(weight|bias)$", r".attention_norm.\1"),
    (r"\.norm2\.(weight|bias)$", r".feed_norm.\1"),
    (r"\.attn\.q\.", ".attention.query."),
    (r"\.attn\.kv\.", ".attention.key_value."),
    (r"\.attn\.proj\.", ".attention.output."),
    (r"\.attn\.sr\.", ".attention.reduction."),
    (r"\.attn\.norm\.", ".attention.reduction_norm."),
    (r"\.mlp\.fc1\.", ".feed.expand."),
    (r"\.mlp\.dwconv\.dwconv\.", ".feed.neighbours."),
    (r"\.mlp\.fc2\.", ".feed.contract."),
)

_IMAGE_TO_PLANE: Renames = (
    (r"^cano_img2plane_backbone\.", "image_to_plane."),
    (r"^(image_to_plane)\.low_reso_encoder\.encoder\.", r"\1.encoder."),
    (r"^(image_to_plane\.encoder)\.conv1\.", r"\1.stem."),
    (r"^(image_to_plane\.encoder)\.bn1\.", r"\1.stem_norm."),
    *((rf"^(image_to_plane\.encoder)\.layer{i + 1}\.", rf"\1.stages.{i}.") for i in range(4)),
    (r"^(image_to_plane\.encoder\.stages\.\d+\.\d+)\.conv1\.", r"\1.first."),
    (r"^(image_to_plane\.encoder\.stages\.\d+\.\d+)\.conv2\.", r"\1.second."),
    (r"^(image_to_plane\.encoder\.stages\.\d+\.\d+)\.bn1\.", r"\1.first_norm."),
    (r"^(image_to_plane\.encoder\.stages\.\d+\.\d+)\.bn2\.", r"\1.second_norm."),
    (r"\.downsample\.0\.", ".shortcut."),
    (r"\.downsample\.1\.", ".shortcut_norm."),
    (r"^(image_to_plane)\.low_reso_encoder\.decoder\.0\.convs\.0\.0\.", r"\1.context.near."),
    *(
        (rf"^(image_to_plane)\.low_reso_encoder\.decoder\.0\.convs\.{i + 1}\.0\.", rf"\1.context.far.{i}.")
        for i in range(3)
    ),
    (r"^(image_to_plane)\.low_reso_encoder\.decoder\.0\.convs\.4\.1\.", r"\1.context.whole."),
    (r"^(image_to_plane)\.low_reso_encoder\.decoder\.0\.project\.0\.", r"\1.context.project."),
    (r"^(image_to_plane)\.low_reso_encoder\.decoder\.1\.", r"\1.context.output."),
    (r"^(image_to_plane)\.low_reso_vit\.", r"\1.shape."),
    *((rf"^(image_to_plane\.shape)\.block{i + 1}\.", rf"\1.blocks.{i}.") for i in range(5)),
    (r"^(image_to_plane\.shape)\.conv_after_upsample1\.", r"\1.first."),
    (r"^(image_to_plane\.shape)\.conv_after_upsample2\.", r"\1.second."),
    (r"^(image_to_plane)\.high_reso_encoder\.", r"\1.detail."),
    *((rf"^(image_to_plane\.detail)\.conv_layers\.{2 * i}\.", rf"\1.layers.{i}.") for i in range(4)),
    (r"^(image_to_plane\.detail)\.final\.", r"\1.output."),
    (r"^(image_to_plane)\.triplane_predictor_vit\.", r"\1.join."),
    (r"^(image_to_plane\.join)\.first_conv\.", r"\1.before.0."),
    (r"^(image_to_plane\.join)\.second_conv\.", r"\1.before.1."),
    (r"^(image_to_plane\.join)\.block1\.", r"\1.block."),
    (r"^(image_to_plane\.join)\.first_conv_after_cat\.", r"\1.after.0."),
    (r"^(image_to_plane\.join)\.second_conv_after_cat\.", r"\1.after.1."),
    (r"^(image_to_plane\.join)\.third_conv_after_cat\.", r"\1.after.2."),
    (r"^(image_to_plane\.\w+)\.final_conv\.", r"\1.output."),
)

_MOTION_ADAPTER: Renames = (
    (r"^secc_img2plane_backbone\.", "motion_adapter."),
    (r"^(motion_adapter)\.prenet\.", r"\1.mix."),
    *((rf"^(motion_adapter)\.mix_vit\.norm{i + 1}\.", rf"\1.encoder.stages.{i}.norm.") for i in range(4)),
    *(
        (rf"^(motion_adapter)\.mix_vit\.patch_embed{i + 1}\.", rf"\1.encoder.stages.{i}.patch_embed.")
        for i in range(4)
    ),
    *((rf"^(motion_adapter)\.mix_vit\.block{i + 1}\.", rf"\1.encoder.stages.{i}.blocks.") for i in range(4)),
    *(
        (rf"^(motion_adapter)\.fuse_head\.linear_c{i + 1}\.proj\.", rf"\1.fuse.projections.{i}.")
        for i in range(4)
    ),
    (r"^(motion_adapter)\.fuse_head\.linear_fuse\.conv\.", r"\1.fuse.fuse."),
    (r"^(motion_adapter)\.fuse_head\.linear_fuse\.bn\.", r"\1.fuse_norm."),
    *((rf"^(motion_adapter)\.to_plane_cnn\.{2 * i}\.", rf"\1.layers.{i}.") for i in range(3)),
    (r"^(motion_adapter)\.to_plane_cnn\.7\.", r"\1.output."),
)

_SUPER_RESOLUTION: Renames = (
    (r"^superresolution\.", "super_resolution."),
    (r"^(super_resolution)\.torso_model\.", r"\1.torso."),
    (r"^(super_resolution)\.torso_encoder\.0\.", r"\1.torso_features."),
    (r"^(super_resolution)\.bg_encoder\.", r"\1.background_features.@"),
    (r"^(super_resolution)\.fuse_head_torso_convs\.", r"\1.join_torso.@"),
    (r"^(super_resolution)\.fuse_fg_bg_convs\.", r"\1.join_background.@"),
    (r"^(super_resolution\.torso)\.occlusion_2_predictor\.", r"\1.alpha.@"),
    *((rf"\.@{2 * i}\.", f".{i}.") for i in range(3)),  # every second layer is an activation
    (r"^(super_resolution)\.block0\.", r"\1.head_block."),
    (r"^(super_resolution)\.head_torso_block\.", r"\1.person_block."),
    (r"^(super_resolution)\.block1\.", r"\1.last_block."),
    (r"^(super_resolution\.\w+_block)\.conv0\.", r"\1.first."),
    (r"^(super_resolution\.\w+_block)\.conv1\.", r"\1.second."),
    (r"^(super_resolution\.\w+_block)\.torgb\.", r"\1.to_rgb."),
    (r"^(super_resolution\.\w+_block\.\w+)\.affine\.", r"\1.style."),
)

_TORSO: Renames = (
    (r"^(super_resolution\.torso)\.appearance_extractor\.", r"\1.appearance."),
    (r"^(super_resolution\.torso)\.motion_field_estimator\.", r"\1.motion."),
    (r"^(super_resolution\.torso)\.deform_based_generator\.", r"\1.generator."),
    (r"^(super_resolution\.torso\.\w+)\.in_conv\.", r"\1.stem."),
    (r"^(super_resolution\.torso\.motion)\.tgt_head_encoder\.0\.", r"\1.head_stem."),
    *(
        (rf"^(super_resolution\.torso\.motion)\.tgt_head_encoder\.{i + 1}\.", rf"\1.head_residual.{i}.")
        for i in range(3)
    ),
    (r"^(super_resolution\.torso\.\w+)\.res\.", r"\1.residual."),
    (r"(residual\.\d+)\.layers\.0\.layers\.", r"\1.first.layers."),
    (r"(residual\.\d+)\.layers\.1\.layers\.", r"\1.second.layers."),
    (r"(residual\.\d+\.\w+)\.layers\.0\.", r"\1.norm."),
    (r"(residual\.\d+\.\w+)\.layers\.2\.", r"\1.conv."),
    (r"^(super_resolution\.torso\.\w+\.down\.\d+)\.layers\.0\.", r"\1."),
    (r"^(super_resolution\.torso\.\w+\.up\.\d+)\.layers\.1\.", r"\1."),
    (r"^(super_resolution\.torso\..*)\.layers\.0\.", r"\1.conv."),
    (r"^(super_resolution\.torso\..*)\.layers\.1\.", r"\1.norm."),
    (r"^(super_resolution\.torso\.appearance)\.mid_conv\.", r"\1.lift."),
    (r"^(super_resolution\.torso\.generator)\.mid_conv\.", r"\1.middle."),
    (r"^(super_resolution\.torso\.generator)\.out_conv\.", r"\1.colors."),
    (r"^(super_resolution\.torso\.motion)\.compress\.", r"\1.compression."),
    (r"^(super_resolution\.torso\.motion)\.tgt_head_fuser\.", r"\1.fuse."),
    (r"^(super_resolution\.torso\.motion)\.mask_conv\.", r"\1.choice."),
    (r"^(super_resolution\.torso\.motion)\.occlusion_conv\.", r"\1.occlusion."),
    (r"^(super_resolution\.torso\.motion)\.occlusion_conv2\.", r"\1.alpha."),
)

_GRID: Renames = (
    (r"^plane2grid_module\.res_blocks_3d\.(\d)\.", r"image_to_plane.grid.blocks.\1."),
    (r"^(image_to_plane\.grid\.blocks\.\d)\.conv1\.", r"\1.first."),
    (r"^(image_to_plane\.grid\.blocks\.\d)\.conv2\.", r"\1.second."),
    (r"^(image_to_plane\.grid\.blocks\.\d)\.norm1\.", r"\1.first_norm."),
    (r"^(image_to_plane\.grid\.blocks\.\d)\.norm2\.", r"\1.second_norm."),
    (r"^(image_to_plane\.grid\.blocks\.\d)\.alpha$", r"\1.share"),
)

GENERATOR_RENAMES: Renames = (
    # Balances of training losses, an unused branch, unused noise, and constants of the architecture:
    (r"^lambda_pertube_(blink_)?secc$", ""),
    (r"^superresolution\.head_torso_alpha_predictor\..*$", ""),
    (r"^superresolution\.\w+\.conv[01]\.noise_(const|strength)$", ""),
    (r"^.*\.resample_filter$", ""),
    (r"^decoder\.net\.0\.", "renderer.decoder.first."),
    (r"^decoder\.net\.2\.", "renderer.decoder.second."),
    *_IMAGE_TO_PLANE,
    *_GRID,
    *_MOTION_ADAPTER,
    *_TRANSFORMER,
    *_SUPER_RESOLUTION,
    *_TORSO,
)
"""Names of the generator's tensors."""

VOICE_RENAMES: Renames = (
    (r"^mouth_amp_embed$", "mouth_embedding"),
    (r"^blink_embed\.", "blink_embedding."),
    (r"^pitch_embed\.", "pitch_embedding."),
    (r"^mel_encoder\.", "speech_encoder."),
    (r"^(speech_encoder|pitch_encoder)\.0\.", r"\1.first."),
    (r"^(speech_encoder|pitch_encoder)\.1\.", r"\1.norm."),
    (r"^(speech_encoder|pitch_encoder)\.3\.", r"\1.second."),
    (r"^cond_proj\.", "condition."),
    (r"^vae\.g_pre_net\.0\.", "squeeze."),
    (r"^vae\.(encoder|decoder)\.pre_net\.0\.", r"\1.enter."),
    (r"^vae\.(encoder|decoder)\.out_proj\.", r"\1.leave."),
    (r"^vae\.(encoder|decoder)\.wn\.", r"\1.gates."),
    *((rf"^vae\.prior_flow\.flows\.{2 * i}\.", f"flow.couplings.{i}.") for i in range(4)),
    (r"^(flow\.couplings\.\d+)\.pre\.", r"\1.enter."),
    (r"^(flow\.couplings\.\d+)\.post\.", r"\1.leave."),
    (r"^(flow\.couplings\.\d+)\.enc\.", r"\1.gates."),
    (r"\.gates\.in_layers\.", ".gates.inputs."),
    (r"\.gates\.res_skip_layers\.", ".gates.outputs."),
    (r"\.gates\.cond_layer\.", ".gates.conditions."),
)
"""Names of the tensors of the network from voice to expression."""


def convert_generator(official: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The generator's tensors under our names, spectral norms divided out.

    Args:
        official: `state_dict["model"]` of the released checkpoint.
        expected: State of the network that they fill.

    Raises:
        WeightsError: Listing all unknown, missing and misshapen tensors.
    """
    tensors = renamed(join_spectral_norms(official), GENERATOR_RENAMES)
    check_layout(
        tensors, expected, "The generator's checkpoint", _official_names(official, GENERATOR_RENAMES)
    )
    return tensors


def convert_voice(official: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of the network from voice to expression under our names, weight norms multiplied in.

    Args:
        official: `state_dict["model"]` of the released checkpoint.
        expected: State of the network that they fill.

    Raises:
        WeightsError: Listing all unknown, missing and misshapen tensors.
    """
    tensors = renamed(join_weight_norms(official), VOICE_RENAMES)
    check_layout(tensors, expected, "The voice's checkpoint", _official_names(official, VOICE_RENAMES))
    return tensors


def newest_checkpoint(folder: Path) -> Path:
    """The checkpoint of a released folder that was trained longest.

    Raises:
        WeightsError: If there is none.
    """
    steps = {
        int(match[1]): path
        for path in folder.glob("model_ckpt_steps_*.ckpt")
        if (match := re.fullmatch(r"model_ckpt_steps_(\d+)\.ckpt", path.name))
    }
    if not steps:
        raise WeightsError(f"{folder} has no model_ckpt_steps_N.ckpt; give a released checkpoint folder.")
    return steps[max(steps)]


def training_kind(folder: Path) -> str:
    """What was trained into a folder of checkpoints: torso, head, voice, or another task's name.

    `config.yaml` tells; without it the folder's name does.
    """
    task = str(read_options(folder).get("task_cls", folder.name)).lower()
    if "audio2motion" in task or "audio2secc" in task:
        return "voice"
    if "secc" in task:
        return "torso" if "torso" in task else "head"
    return task


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The model's tensors, under their official names, of a released checkpoint.

    Raises:
        WeightsError: If it cannot be opened; see `read_pickle`.
    """
    return named_tensors(read_pickle(path), path)


def _official_names(official: Mapping[str, Tensor], renames: Renames) -> dict[str, str]:
    return {new_name(name, renames): name for name in official}
