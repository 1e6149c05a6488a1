"""Networks of Real3D-Portrait that draw the head alone, in the layout of the official checkpoints."""

from collections.abc import Mapping

import torch
from torch import Tensor

from cameo3d.models.real3d.config import FusionSizes, MotionSizes, PlaneSizes, Real3DConfig, TorsoSizes
from cameo3d.weights.conversion.renaming import Renames, renamed

TINY = Real3DConfig(
    image_size=128,
    render_size=32,
    plane_channels=4,
    decoder_width=8,
    coarse_samples=4,
    fine_samples=4,
    plane=PlaneSizes((4, 4, 4, 4), (1, 1, 1, 1), 4, 16, 5, 2, 4, 4, 4),
    motion=MotionSizes((4, 4, 4, 4), (1, 1, 1, 1), (1, 1, 1, 1), fused_width=4),
    torso=TorsoSizes((4, 4, 4), 2, 4, 1, 2, 4, (4, 4), 2, (4, 4, 4), 4),
    fusion=FusionSizes(8, 4, 4, 8),
)
"""A few numbers of the published design."""

_CANONICAL, _MOTION = "cano_img2plane_backbone.", "secc_img2plane_backbone."
_LOW, _JOIN = _CANONICAL + "low_reso_encoder.", _CANONICAL + "triplane_predictor_vit."
_GRID, _TRANSFORMER = "plane2grid_module.res_blocks_3d.0.", _MOTION + "mix_vit."
_STAGE, _PYRAMID = r"^motion_adapter\.encoder\.stages\.", r"^image_to_plane\.context\."
_OFFICIAL: Renames = (
    (r"^renderer\.decoder\.first\.", "decoder.net.0."),
    (r"^renderer\.decoder\.second\.", "decoder.net.2."),
    (r"\.attention_norm\.", ".norm1."),
    (r"\.feed_norm\.", ".norm2."),
    (r"\.attention\.query\.", ".attn.q."),
    (r"\.attention\.key_value\.", ".attn.kv."),
    (r"\.attention\.output\.", ".attn.proj."),
    (r"\.attention\.reduction\.", ".attn.sr."),
    (r"\.attention\.reduction_norm\.", ".attn.norm."),
    (r"\.feed\.expand\.", ".mlp.fc1."),
    (r"\.feed\.neighbours\.", ".mlp.dwconv.dwconv."),
    (r"\.feed\.contract\.", ".mlp.fc2."),
    (r"(image_to_plane\.\w+)\.embedding\.projection\.", r"\1.patch_embed.proj."),
    (r"(image_to_plane\.\w+)\.embedding\.norm\.", r"\1.patch_embed.norm."),
    (r"^image_to_plane\.grid\.blocks\.0\.first\.", _GRID + "conv1."),
    (r"^image_to_plane\.grid\.blocks\.0\.second\.", _GRID + "conv2."),
    (r"^image_to_plane\.grid\.blocks\.0\.first_norm\.", _GRID + "norm1."),
    (r"^image_to_plane\.grid\.blocks\.0\.second_norm\.", _GRID + "norm2."),
    (r"^image_to_plane\.grid\.blocks\.0\.share$", _GRID + "alpha"),
    (r"^image_to_plane\.encoder\.stem\.", _LOW + "encoder.conv1."),
    (r"^image_to_plane\.encoder\.stem_norm\.", _LOW + "encoder.bn1."),
    *((rf"^image_to_plane\.encoder\.stages\.{i}\.", f"{_LOW}encoder.layer{i + 1}.") for i in range(4)),
    (r"(encoder\.layer\d\.\d)\.first\.", r"\1.conv1."),
    (r"(encoder\.layer\d\.\d)\.second\.", r"\1.conv2."),
    (r"(encoder\.layer\d\.\d)\.first_norm\.", r"\1.bn1."),
    (r"(encoder\.layer\d\.\d)\.second_norm\.", r"\1.bn2."),
    (r"(encoder\.layer\d\.\d)\.shortcut\.", r"\1.downsample.0."),
    (r"(encoder\.layer\d\.\d)\.shortcut_norm\.", r"\1.downsample.1."),
    (_PYRAMID + r"near\.", _LOW + "decoder.0.convs.0.0."),
    *((rf"{_PYRAMID}far\.{i}\.", f"{_LOW}decoder.0.convs.{i + 1}.0.") for i in range(3)),
    (_PYRAMID + r"whole\.", _LOW + "decoder.0.convs.4.1."),
    (_PYRAMID + r"project\.", _LOW + "decoder.0.project.0."),
    (_PYRAMID + r"output\.", _LOW + "decoder.1."),
    *(
        (rf"^image_to_plane\.shape\.blocks\.{i}\.", f"{_CANONICAL}low_reso_vit.block{i + 1}.")
        for i in range(5)
    ),
    (r"^image_to_plane\.shape\.first\.", _CANONICAL + "low_reso_vit.conv_after_upsample1."),
    (r"^image_to_plane\.shape\.second\.", _CANONICAL + "low_reso_vit.conv_after_upsample2."),
    (r"^image_to_plane\.shape\.", _CANONICAL + "low_reso_vit."),
    *(
        (rf"^image_to_plane\.detail\.layers\.{i}\.", f"{_CANONICAL}high_reso_encoder.conv_layers.{2 * i}.")
        for i in range(4)
    ),
    (r"^image_to_plane\.detail\.output\.", _CANONICAL + "high_reso_encoder.final."),
    (r"^image_to_plane\.detail\.", _CANONICAL + "high_reso_encoder."),
    (r"^image_to_plane\.join\.before\.0\.", _JOIN + "first_conv."),
    (r"^image_to_plane\.join\.before\.1\.", _JOIN + "second_conv."),
    (r"^image_to_plane\.join\.block\.", _JOIN + "block1."),
    (r"^image_to_plane\.join\.after\.0\.", _JOIN + "first_conv_after_cat."),
    (r"^image_to_plane\.join\.after\.1\.", _JOIN + "second_conv_after_cat."),
    (r"^image_to_plane\.join\.after\.2\.", _JOIN + "third_conv_after_cat."),
    (r"^image_to_plane\.join\.", _JOIN),
    (rf"^({_CANONICAL}\w+_vit)\.output\.", r"\1.final_conv."),
    (r"^motion_adapter\.mix\.", _MOTION + "prenet."),
    *((rf"{_STAGE}{i}\.norm\.", f"{_TRANSFORMER}norm{i + 1}.") for i in range(4)),
    *(
        (rf"{_STAGE}{i}\.embedding\.projection\.", f"{_TRANSFORMER}patch_embed{i + 1}.proj.")
        for i in range(4)
    ),
    *((rf"{_STAGE}{i}\.embedding\.norm\.", f"{_TRANSFORMER}patch_embed{i + 1}.norm.") for i in range(4)),
    *((rf"{_STAGE}{i}\.blocks\.", f"{_TRANSFORMER}block{i + 1}.") for i in range(4)),
    *(
        (rf"^motion_adapter\.fuse\.projections\.{i}\.", f"{_MOTION}fuse_head.linear_c{i + 1}.proj.")
        for i in range(4)
    ),
    (r"^motion_adapter\.fuse\.fuse\.", _MOTION + "fuse_head.linear_fuse.conv."),
    (r"^motion_adapter\.fuse_norm\.", _MOTION + "fuse_head.linear_fuse.bn."),
    *((rf"^motion_adapter\.layers\.{i}\.", f"{_MOTION}to_plane_cnn.{2 * i}.") for i in range(3)),
    (r"^motion_adapter\.output\.", _MOTION + "to_plane_cnn.7."),
    (r"^super_resolution\.head_block\.", "superresolution.block0."),
    (r"^super_resolution\.last_block\.", "superresolution.block1."),
    (r"^(superresolution\.block\d)\.first\.", r"\1.conv0."),
    (r"^(superresolution\.block\d)\.second\.", r"\1.conv1."),
    (r"^(superresolution\.block\d)\.to_rgb\.", r"\1.torgb."),
    (r"^(superresolution\.block\d\.\w+)\.style\.", r"\1.affine."),
)


def official_head(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of a generator without torso under the official names, with what the official code adds."""
    return renamed(state, _OFFICIAL) | {
        "lambda_pertube_secc": torch.zeros(1),
        "lambda_pertube_blink_secc": torch.zeros(1),
        "superresolution.resample_filter": torch.ones(4, 4),
        "superresolution.block0.resample_filter": torch.ones(4, 4),
        "superresolution.block0.conv0.noise_const": torch.zeros(64, 64),
        "superresolution.block0.conv0.noise_strength": torch.zeros(()),
        _MOTION + "prenet.resample_filter": torch.ones(4, 4),
    }
