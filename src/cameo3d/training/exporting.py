"""What was trained, in the layout of the official checkpoints: for the official programs, or to import."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cameo3d.errors import TrainingError
from cameo3d.media.files import shown
from cameo3d.models.goha.config import OFFICIAL as GOHA
from cameo3d.models.goha.config import GohaConfig
from cameo3d.models.real3d.config import OFFICIAL as REAL3D
from cameo3d.models.real3d.config import Real3DConfig
from cameo3d.models.real3d.generator import Real3DGenerator
from cameo3d.training.checkpoints import load_choices, load_network
from cameo3d.training.real3d.recipes import SyncRecipe
from cameo3d.training.stages import entry_of
from cameo3d.weights.conversion import goha_export, real3d_export

_TASKS = {
    "real3d.image_to_plane": "tasks.os_avatar.img2plane_task.OSAvatarImg2PlaneTask",
    "real3d.motion": "tasks.os_avatar.secc_img2plane_task.SECC_Img2PlaneEG3DTask",
    "real3d.torso": "tasks.os_avatar.secc_img2plane_torso_task.SECC_Img2PlaneEG3D_TorsoTask",
    "real3d.sync": "tasks.os_avatar.audio_lm3d_syncnet.SyncNetTask",
    "real3d.voice": "tasks.os_avatar.audio2motion_task.Audio2MotionTask",
}
"""Stages of Real3D-Portrait, and what the official programs call them."""
_VOICE_OPTIONS = {
    "audio_type": "hubert",
    "motion_type": "exp",
    "use_pitch": True,
    "use_flow": True,
    "use_mouth_amp_embed": True,
    "use_eye_amp_embed": False,
    "blink_mode": "blink_unit",
}
"""What the official code reads from `config.yaml` to build the voice."""


def export_trained(checkpoint: Path, stage: str, recipe: Any, folder: Path) -> Path:
    """Write a stage's network, with its discriminator if it has one, as the official code would.

    Args:
        checkpoint: Of the stage.
        stage: Its name.
        recipe: Its recipe.
        folder: It gets `model_ckpt_steps_N.ckpt` and `config.yaml`, or GOHA's `checkpoint<iteration>.ckpt`.

    Returns:
        The official checkpoint.

    Raises:
        TrainingError: If the checkpoint cannot be read, or the official code has no such network.
        OutputError: If the folder cannot be written.
    """
    check_exportable(stage, recipe)
    if load_choices(checkpoint).get("faces", "basel") != "basel":
        raise TrainingError(
            f"{shown(checkpoint)} was trained with our own face model's drawings, which the official code "
            "does not make; import the Basel model, Deep3D and the face parser, and train again."
        )
    state, judge = load_network(checkpoint, entry_of(stage).result), _discriminator(checkpoint)
    steps = recipe.plan.steps
    if stage.startswith("goha."):
        if stage != "goha.super_resolution":  # as the official files of these stages
            state = {name: x for name, x in state.items() if not name.startswith("super_resolution.")}
        iteration = recipe.first + steps
        return goha_export.write_checkpoint(
            folder / f"checkpoint{iteration:06d}.ckpt", iteration, state, judge
        )
    options: dict[str, object] = {"task_cls": _TASKS[stage]}
    if stage == "real3d.voice":
        voice = real3d_export.official_voice(state)
        return real3d_export.write_training(folder, steps, voice, options | _VOICE_OPTIONS)
    if stage == "real3d.sync":
        expert = real3d_export.official_sync(state)
        return real3d_export.write_training(folder, steps, expert, options | _sync_options(recipe))
    size = recipe.network.image_size
    if stage == "real3d.motion":
        with torch.device("meta"):
            kept = Real3DGenerator(replace(recipe.network, has_torso=False)).state_dict().keys()
        state = {name: x for name, x in state.items() if name in kept}
    planes = stage == "real3d.image_to_plane"
    name = real3d_export.official_image_to_plane if planes else real3d_export.official_generator
    model = name(state, size)
    told = None if judge is None else real3d_export.official_discriminator(judge, size)
    return real3d_export.write_training(folder, steps, model, {**options, **_options(recipe.network)}, told)


def check_exportable(stage: str, recipe: Any) -> None:
    """Make sure that the official code has a network of a stage and recipe.

    Raises:
        TrainingError: If it has not.
    """
    own = getattr(recipe, "network", None)
    if own is not None and own != (_like_goha(own) if stage.startswith("goha.") else _like_real3d(own)):
        raise TrainingError(
            f"The official code has no network of this recipe's sizes; export {stage} of the recipe official."
        )


def _like_real3d(own: Real3DConfig) -> Real3DConfig:
    """The official network with what its options, or its tensors, may change."""
    parts = {
        name: getattr(own, name) for name in ("coarse_samples", "fine_samples", "box_side", "plane_depth")
    }
    return replace(
        REAL3D,
        **parts,
        head_threshold=own.head_threshold,
        plane=replace(REAL3D.plane, sees_silhouette=own.plane.sees_silhouette),
        motion=replace(REAL3D.motion, sees_source=own.motion.sees_source),
        torso=replace(REAL3D.torso, sees_classes=own.torso.sees_classes),
        fusion=replace(REAL3D.fusion, concatenate=own.fusion.concatenate),
    )


def _like_goha(own: GohaConfig) -> GohaConfig:
    """The official network with what changes no tensor."""
    return replace(GOHA, neutral_constraint=own.neutral_constraint, train_end_to_end=own.train_end_to_end)


def _discriminator(checkpoint: Path) -> dict[str, Tensor] | None:
    try:
        return load_network(checkpoint, "discriminator")
    except TrainingError:
        return None


def _sync_options(recipe: SyncRecipe) -> dict[str, object]:
    """What the official code reads from `config.yaml` to build the sync expert."""
    return {
        "audio_type": "hubert",
        "syncnet_keypoint_mode": "lm468",
        "syncnet_num_layers_per_block": 3,
        "syncnet_base_hid_size": recipe.width,
        "syncnet_out_hid_size": recipe.embedding,
    }


def _options(network: Real3DConfig) -> Mapping[str, object]:
    """What the official code reads from `config.yaml` to build a network."""
    return {
        "final_resolution": network.image_size,
        "w_dim": network.fusion.style_width,
        # What the code asks for but changes no tensor: channels of a teacher, and options of the training.
        "base_channel": 32768,
        "max_channel": 512,
        "gpc_reg_prob": 0.5,
        "lambda_density_reg": 0.25,
        "density_reg_p_dist": 0.004,
        "enable_rescale_plane_regulation": False,
        "min_rescale_factor": 0.25,
        "use_motion_smo_net": False,
        "neural_rendering_resolution": network.render_size,
        "num_samples_coarse": network.coarse_samples,
        "num_samples_fine": network.fine_samples,
        "box_warp": network.box_side,
        "triplane_hid_dim": network.plane_channels,
        "triplane_feature_type": "triplane" if network.plane_depth == 1 else "trigrid_v2",
        "triplane_depth": network.plane_depth,
        "img2plane_input_mode": "rgb_alpha" if network.plane.sees_silhouette else "rgb",
        "img2plane_backbone_mode": "composite",
        "img2plane_backbone_scale": "standard",
        "secc_segformer_scale": "b0",
        "pncc_cond_mode": "cano_src_tgt" if network.motion.sees_source else "cano_tgt",
        "weight_fuse": True,
        "phase1_plane_fusion_mode": "add",
        "sr_type": "vanilla",
        "torso_model_version": "v2",
        "torso_kp_num": network.torso.key_points,
        "torso_inp_mode": "rgb_alpha" if network.torso.sees_classes else "rgb",
        "htbsr_head_weight_fuse_mode": "cat" if network.fusion.concatenate else "v2",
        "htbsr_head_threshold": network.head_threshold,
    }
