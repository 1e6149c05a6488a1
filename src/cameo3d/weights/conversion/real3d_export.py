"""Our Real3D-Portrait in the layout of the official checkpoints, which the official code loads strictly.

A folder is one training: `model_ckpt_steps_N.ckpt` and `config.yaml` with the options that tell the network.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from cameo3d.media.files import make_folder, replacing
from cameo3d.weights.conversion.renaming import Renames, renamed

_CANONICAL, _MOTION = "cano_img2plane_backbone.", "secc_img2plane_backbone."
_LOW, _JOIN = _CANONICAL + "low_reso_encoder.", _CANONICAL + "triplane_predictor_vit."
_GRID, _TRANSFORMER = "plane2grid_module.res_blocks_3d.0.", _MOTION + "mix_vit."
_STAGE, _PYRAMID = r"^motion_adapter\.encoder\.stages\.", r"^image_to_plane\.context\."
_TORSO_STEM = "superresolution.torso_model."
_TORSO: Renames = (
    (r"^super_resolution\.torso\.appearance\.", _TORSO_STEM + "appearance_extractor."),
    (r"^super_resolution\.torso\.motion\.", _TORSO_STEM + "motion_field_estimator."),
    (r"^super_resolution\.torso\.generator\.", _TORSO_STEM + "deform_based_generator."),
    (r"(extractor|generator)\.stem\.", r"\1.in_conv."),
    (r"_estimator\.head_stem\.", "_estimator.tgt_head_encoder.0."),
    *((rf"_estimator\.head_residual\.{i}\.", f"_estimator.tgt_head_encoder.{i + 1}.") for i in range(3)),
    (r"(extractor|generator)\.residual\.", r"\1.res."),
    (r"(\.res\.\d+|tgt_head_encoder\.\d+)\.first\.", r"\1.layers.0."),
    (r"(\.res\.\d+|tgt_head_encoder\.\d+)\.second\.", r"\1.layers.1."),
    (r"(\.layers\.[01])\.norm\.", r"\1.layers.0."),
    (r"(\.layers\.[01])\.conv\.", r"\1.layers.2."),
    (r"(torso_model\.\w+\.down\.\d+)\.", r"\1.layers.0."),
    (r"(torso_model\.\w+\.up\.\d+)\.", r"\1.layers.1."),
    (r"(torso_model\..*)\.conv\.", r"\1.layers.0."),
    (r"(torso_model\..*)\.norm\.", r"\1.layers.1."),
    (r"_extractor\.lift\.", "_extractor.mid_conv."),
    (r"_generator\.middle\.", "_generator.mid_conv."),
    (r"_generator\.colors\.", "_generator.out_conv."),
    (r"_estimator\.compression\.", "_estimator.compress."),
    (r"_estimator\.fuse\.", "_estimator.tgt_head_fuser."),
    (r"_estimator\.choice\.", "_estimator.mask_conv."),
    (r"_estimator\.occlusion\.", "_estimator.occlusion_conv."),
    (r"_estimator\.alpha\.", "_estimator.occlusion_conv2."),
    *(
        (rf"^super_resolution\.{ours}\.{i}\.", f"superresolution.{theirs}.{2 * i}.")
        for ours, theirs in (
            (r"torso\.alpha", "torso_model.occlusion_2_predictor"),
            ("background_features", "bg_encoder"),
            ("join_torso", "fuse_head_torso_convs"),
            ("join_background", "fuse_fg_bg_convs"),
        )
        for i in range(3)
    ),
    (r"^super_resolution\.torso_features\.", "superresolution.torso_encoder.0."),
    (r"^super_resolution\.person_block\.", "superresolution.head_torso_block."),
)
_NAMES: Renames = (
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
    *_TORSO,
    (r"^(superresolution\.\w*block\d?)\.first\.", r"\1.conv0."),
    (r"^(superresolution\.\w*block\d?)\.second\.", r"\1.conv1."),
    (r"^(superresolution\.\w*block\d?)\.to_rgb\.", r"\1.torgb."),
    (r"^(superresolution\.\w*block\d?\.\w+)\.style\.", r"\1.affine."),
)
_VOICE: Renames = (
    (r"^mouth_embedding$", "mouth_amp_embed"),
    (r"^blink_embedding\.", "blink_embed."),
    (r"^pitch_embedding\.", "pitch_embed."),
    (r"^speech_encoder\.", "mel_encoder."),
    (r"^(mel_encoder|pitch_encoder)\.first\.", r"\1.0."),
    (r"^(mel_encoder|pitch_encoder)\.norm\.", r"\1.1."),
    (r"^(mel_encoder|pitch_encoder)\.second\.", r"\1.3."),
    (r"^condition\.", "cond_proj."),
    (r"^squeeze\.", "vae.g_pre_net.0."),
    (r"\.gates\.inputs\.", ".gates.in_layers."),
    (r"\.gates\.outputs\.", ".gates.res_skip_layers."),
    (r"\.gates\.conditions\.", ".gates.cond_layer."),
    (r"^(encoder|decoder)\.enter\.", r"vae.\1.pre_net.0."),
    (r"^(encoder|decoder)\.leave\.", r"vae.\1.out_proj."),
    (r"^(encoder|decoder)\.gates\.", r"vae.\1.wn."),
    *((rf"^flow\.couplings\.{i}\.", f"vae.prior_flow.flows.{2 * i}.") for i in range(4)),
    (r"(flows\.\d)\.enter\.", r"\1.pre."),
    (r"(flows\.\d)\.leave\.", r"\1.post."),
    (r"(flows\.\d)\.gates\.", r"\1.enc."),
)
_SYNC: Renames = (
    (r"^hear\.", "hubert_encoder."),
    (r"^watch\.", "mouth_encoder."),
    (r"\.conv\.", ".conv_block.0."),
    (r"\.norm\.", ".conv_block.1."),
)
_SPECTRAL = re.compile(r"^super_resolution\.torso\.generator\.(stem|residual|up)\..*\bconv\.weight$")
_GATED = re.compile(r"\.gates\.(inputs|outputs|conditions)(\.\d+)?\.weight$")
_NORMS = {"original": "_orig", "0._u": "_u", "0._v": "_v", "original0": "_g", "original1": "_v"}
"""Parts of spectral and weight norms in a training, and the endings of their official names."""
_POWER_STEPS = 20
_FILTERED = ("", ".conv0", ".conv1", ".skip")
_FILTER = torch.tensor((1.0, 3.0, 3.0, 1.0)).outer(torch.tensor((1.0, 3.0, 3.0, 1.0))) / 64
"""EG3D's resampling filter, which the official code keeps as a buffer."""


def write_training(
    folder: Path,
    step: int,
    model: Mapping[str, Tensor],
    options: Mapping[str, object],
    discriminator: Mapping[str, Tensor] | None = None,
) -> Path:
    """Write one training's folder, as the official code does.

    Args:
        folder: It gets `model_ckpt_steps_STEP.ckpt` and `config.yaml`, and is made if need be.
        step: Steps done.
        model: By `official_generator` or one of the others below.
        options: For `config.yaml`: words, numbers and truths.
        discriminator: By `official_discriminator`, if the training has one.

    Returns:
        The checkpoint.

    Raises:
        OutputError: If it cannot be written there.
    """
    state: dict[str, object] = {"model": dict(model)}
    if discriminator is not None:
        state["disc"] = dict(discriminator)
    make_folder(folder)
    path = folder / f"model_ckpt_steps_{step}.ckpt"
    with replacing(path) as temporary:
        torch.save({"state_dict": state, "global_step": step, "epoch": 0}, temporary)
    with replacing(folder / "config.yaml") as temporary:
        lines = (f"{key}: {json.dumps(value)}\n" for key, value in sorted(options.items()))
        temporary.write_text("".join(lines), "utf8")
    return path


def official_generator(state: Mapping[str, Tensor], image_size: int) -> dict[str, Tensor]:
    """The generator's tensors under their official names, and what the official code has but never uses.

    Args:
        state: Ours, with the norms of the training or without.
        image_size: Side of its pictures.
    """
    tensors = renamed(_with_spectral_norms(_plainly_named(state)), _NAMES)
    sizes = {"block0": image_size // 2, "block1": image_size}
    if "superresolution.head_torso_block.conv0.weight" in tensors:
        sizes["head_torso_block"] = image_size // 2
    found = {f"{_MOTION}prenet.resample_filter": _FILTER}
    for block, side in sizes.items():
        stem = f"superresolution.{block}"
        found[f"{stem}.resample_filter"] = _FILTER
        for layer in ("conv0", "conv1"):
            found[f"{stem}.{layer}.resample_filter"] = _FILTER
            found[f"{stem}.{layer}.noise_const"] = torch.zeros(side, side)
            found[f"{stem}.{layer}.noise_strength"] = torch.zeros(())
    if any(".torso_model." in name for name in tensors):
        stem = "superresolution.head_torso_alpha_predictor"
        for layer, (inputs, outputs) in {0: (7, 32), 2: (32, 32), 4: (32, 1)}.items():
            found[f"{stem}.{layer}.weight"] = torch.zeros(outputs, inputs, 3, 3)
            found[f"{stem}.{layer}.bias"] = torch.zeros(outputs)
    # Balances of losses: what the official training begins with.
    found |= {f"lambda_pertube_{name}": torch.full((1,), 0.001) for name in ("secc", "blink_secc")}
    return tensors | {name: x.clone() for name, x in found.items()}


def official_image_to_plane(state: Mapping[str, Tensor], image_size: int) -> dict[str, Tensor]:
    """What stage A has of the generator, under the official names of that stage.

    Args:
        state: Ours, of the whole generator.
        image_size: Side of its pictures.
    """
    kept = (
        "image_to_plane.", "renderer.", "super_resolution.head_block.", "super_resolution.last_block.",
    )  # fmt: skip
    tensors = official_generator({name: x for name, x in state.items() if name.startswith(kept)}, image_size)
    unused = (_MOTION, "lambda_pertube_")
    return {name.removeprefix("cano_"): x for name, x in tensors.items() if not name.startswith(unused)}


def official_sync(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of the sync expert under their official names.

    Args:
        state: Ours.
    """
    return renamed({name: x.detach().cpu() for name, x in state.items()}, _SYNC)


def official_voice(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of the network from voice to expression under their official names.

    Args:
        state: Ours, with the norms of the training or without.
    """
    tensors = _plainly_named(state)
    for name in [name for name in tensors if _GATED.search(name)]:
        weight = tensors.pop(name)
        norms = weight.flatten(1).norm(dim=1).reshape(-1, *[1] * (weight.ndim - 1))
        tensors |= {f"{name}_g": norms, f"{name}_v": weight}
    return renamed(tensors, _VOICE)


def official_discriminator(state: Mapping[str, Tensor], size: int) -> dict[str, Tensor]:
    """EG3D's dual discriminator under its official names.

    Args:
        state: Ours.
        size: Side of the pictures that it judges.
    """
    sizes = [size >> index for index in range(size.bit_length() - 3)]
    names: Renames = (
        (r"^first\.", f"b{size}.fromrgb."),
        (r"^last\.", "b4.conv."),
        (r"^flat\.", "b4.fc."),
        (r"^output\.", "b4.out."),
        (r"^mapping\.embedding\.", "mapping.embed."),
        (r"^mapping\.layers\.(\d)\.", r"mapping.fc\1."),
        *((rf"^blocks\.{index}\.", f"b{side}.") for index, side in enumerate(sizes)),
        (r"^(b\d+)\.before\.", r"\1.conv0."),
        (r"^(b\d+)\.after\.", r"\1.conv1."),
        (r"^(b\d+)\.shortcut\.", r"\1.skip."),
    )
    filters = {f"b{side}{layer}.resample_filter": _FILTER.clone() for side in sizes for layer in _FILTERED}
    return renamed({name: x.detach().cpu() for name, x in state.items()}, names) | filters


def _plainly_named(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Parts of norms under the endings that the official code has for them."""
    result = {}
    for name, x in state.items():
        stem, _, part = name.partition(".parametrizations.weight.")
        result[f"{stem}.weight{_NORMS[part]}" if part else name] = x.detach().cpu()
    return result


def _with_spectral_norms(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights whose norm was divided out get one of 1, so that they stay as they are."""
    result = dict(tensors)
    for name in [name for name in tensors if _SPECTRAL.match(name)]:
        weight = result.pop(name)
        matrix = weight.flatten(1).double()
        v = torch.ones(matrix.shape[1], dtype=torch.float64)
        for _ in range(_POWER_STEPS):
            u = torch.nn.functional.normalize(matrix @ v, dim=0)
            v = torch.nn.functional.normalize(matrix.mT @ u, dim=0)
        u = torch.nn.functional.normalize(matrix @ v, dim=0)
        norm = u @ (matrix @ v)
        result |= {f"{name}_orig": weight, f"{name}_u": (u / norm).float(), f"{name}_v": v.float()}
    return result
