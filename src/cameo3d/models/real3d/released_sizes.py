"""Which network a checkpoint of Real3D-Portrait holds: its tensors tell, and the options next to it."""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from cameo3d.errors import WeightsError
from cameo3d.models.real3d.config import OFFICIAL, MotionSizes, Real3DConfig

_TRANSFORMERS = {
    "b0": ((32, 64, 160, 256), (2, 2, 2, 2)),
    "b1": ((64, 128, 320, 512), (2, 2, 2, 2)),
    "b2": ((64, 128, 320, 512), (3, 4, 6, 3)),
    "b3": ((64, 128, 320, 512), (3, 4, 18, 3)),
    "b4": ((64, 128, 320, 512), (3, 8, 27, 3)),
    "b5": ((64, 128, 320, 512), (3, 6, 40, 3)),
}
"""Channels and blocks of SegFormer's transformers."""
_NEEDED: dict[str, tuple[object, ...]] = {
    "final_resolution": (512,),
    "img2plane_backbone_mode": ("composite",),
    "img2plane_backbone_scale": ("standard",),
    "img2plane_input_mode": ("rgb", "rgb_alpha"),
    "triplane_feature_type": ("triplane", "trigrid_v2"),
    "phase1_plane_fusion_mode": ("add",),
    "sr_type": ("vanilla",),
    "large_sr": (False,),
    "mask_invalid_rays": (False,),
}
"""Options of any network that cannot be otherwise here."""
_NEEDED_OF_TORSO: dict[str, tuple[object, ...]] = {
    "torso_model_version": ("v2",),
    "torso_kp_num": (4,),
    "htbsr_head_weight_fuse_mode": ("v2",),
    "mul_torso_mask": (True,),
    "torso_mask_dilate_ksize": (7,),
}
_NUMBERS: dict[str, tuple[str, type, float, float]] = {
    "neural_rendering_resolution": ("render_size", int, 128, 128),
    "num_samples_coarse": ("coarse_samples", int, 4, 512),
    "num_samples_fine": ("fine_samples", int, 1, 512),
    "box_warp": ("box_side", float, 0.1, 10),
    "htbsr_head_threshold": ("head_threshold", float, 0.1, 1),
}
"""Options that are numbers here: our field, its type, its least and its greatest value."""


def released_sizes(
    tensors: Mapping[str, Tensor], options: Mapping[str, object], base: Real3DConfig = OFFICIAL
) -> Real3DConfig:
    """The sizes of the network in a checkpoint; whether all its tensors fit is checked afterwards.

    Args:
        tensors: Under their official names.
        options: Of `config.yaml`; those that are missing have their official defaults.
        base: Sizes of everything that neither tells.

    Raises:
        WeightsError: If the options ask for a network that is not here.
    """

    def inputs(stem: str) -> int:
        found = tensors.get(f"{stem}weight", tensors.get(f"{stem}weight_orig"))
        return 0 if found is None or found.ndim < 2 else found.shape[1]

    torso = "superresolution.torso_model."
    has_torso = any(name.startswith(torso) for name in tensors)
    _check(options, _NEEDED | (_NEEDED_OF_TORSO if has_torso else {}))
    planes = tensors.get("cano_img2plane_backbone.triplane_predictor_vit.final_conv.weight")
    depth = 1 if planes is None else max(1, len(planes) // (3 * base.plane_channels))
    changes = {field: _number(options, name) for name, (field, *_) in _NUMBERS.items() if name in options}
    return replace(
        base,
        **changes,
        plane_depth=depth,
        has_torso=has_torso,
        plane=replace(
            base.plane,
            sees_silhouette=inputs("cano_img2plane_backbone.low_reso_encoder.encoder.conv1.") == 6,
        ),
        motion=replace(
            _transformer(options, base.motion), sees_source=inputs("secc_img2plane_backbone.prenet.") != 6
        ),
        torso=replace(base.torso, sees_classes=inputs(f"{torso}appearance_extractor.in_conv.layers.0.") != 3),
        fusion=replace(
            base.fusion,
            concatenate=has_torso and "superresolution.head_torso_block.conv0.weight" not in tensors,
        ),
    )


def _check(options: Mapping[str, object], needed: Mapping[str, tuple[object, ...]]) -> None:
    strange = [
        f"{name}: {options[name]!r} instead of {' or '.join(map(repr, values))}"
        for name, values in needed.items()
        if name in options and options[name] not in values
    ]
    if strange:
        raise WeightsError(
            f"The checkpoint's config.yaml asks for a network that is not here ({', '.join(strange)})."
        )


def _number(options: Mapping[str, object], name: str) -> int | float:
    _, kind, least, most = _NUMBERS[name]
    value = options[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise WeightsError(
            f"The checkpoint's config.yaml says {name}: {value!r}; it should lie between {least} and {most}."
        )
    return kind(value)


def _transformer(options: Mapping[str, object], base: MotionSizes) -> MotionSizes:
    scale = options.get("secc_segformer_scale")
    if scale is None or (scale == "b0" and base == MotionSizes()):
        return base
    if scale not in _TRANSFORMERS:
        raise WeightsError(f"The checkpoint's config.yaml says secc_segformer_scale: {scale!r}, not b0-b5.")
    widths, depths = _TRANSFORMERS[str(scale)]
    return replace(base, widths=widths, depths=depths)
