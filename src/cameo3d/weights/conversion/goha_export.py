"""Our GOHA in the layout of the official checkpoints, which the official code loads strictly."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from cameo3d.media.files import make_folder, replacing
from cameo3d.weights.conversion.renaming import Renames, renamed

_ENCODERS: Renames = (
    (r"^canonical\.encoder\.", "template_net."),
    (r"^expression\.encoder\.", "expr_net."),
    (r"^appearance\.encoder\.", "id_net."),
    (
        r"\.transformer\.stages\.(\d)\.embedding\.projection\.",
        r".segformer.encoder.patch_embeddings.\1.proj.",
    ),
    (
        r"\.transformer\.stages\.(\d)\.embedding\.norm\.",
        r".segformer.encoder.patch_embeddings.\1.layer_norm.",
    ),
    (r"\.transformer\.stages\.(\d)\.norm\.", r".segformer.encoder.layer_norm.\1."),
    (r"\.transformer\.stages\.(\d)\.blocks\.", r".segformer.encoder.block.\1."),
    (r"\.attention_norm\.", ".layer_norm_1."),
    (r"\.feed_norm\.", ".layer_norm_2."),
    (r"\.attention\.(query|key|value)\.", r".attention.self.\1."),
    (r"\.attention\.reduction_norm\.", ".attention.self.layer_norm."),
    (r"\.attention\.reduction\.", ".attention.self.sr."),
    (r"\.attention\.output\.", ".attention.output.dense."),
    (r"\.feed\.expand\.", ".mlp.dense1."),
    (r"\.feed\.neighbours\.", ".mlp.dwconv.dwconv."),
    (r"\.feed\.contract\.", ".mlp.dense2."),
    (r"\.fusion\.projections\.(\d)\.", r".decode_head.linear_c.\1.proj."),
    (r"\.fusion\.fuse\.", ".decode_head.linear_fuse."),
)
_HEADS: Renames = (
    (r"^canonical\.head\.", "embedding2neutral.@"),
    (r"^expression\.head\.", "embedding2expr.@"),
    (r"\.@output\.", ".up_layers.8."),
    *((rf"\.@layers\.{i}\.", f".up_layers.{2 * i}.") for i in range(4)),
    (r"^appearance\.upsampler\.enlarge\.", "id_upsampler.up_xy.0."),
    (r"^appearance\.upsampler\.narrow\.", "id_upsampler.up_xy.2."),
    *(
        (rf"^appearance\.upsampler\.shortcuts\.{i}\.", f"id_upsampler.skip_{plane}.")
        for i, plane in enumerate(("xy", "xz", "zy"))
    ),
    (r"^renderer\.decoder\.first\.", "decoder.net.0."),
    (r"^renderer\.decoder\.second\.", "decoder.net.2."),
    (r"^exemplar$", "cano_exemplar"),
)
_PARSER: Renames = (
    (r"^parser\.backbone\.stem\.", "face_parsing_net.cp.resnet.conv1."),
    (r"^parser\.backbone\.stem_norm\.", "face_parsing_net.cp.resnet.bn1."),
    *((rf"^parser\.backbone\.stages\.{i}\.", f"face_parsing_net.cp.resnet.layer{i + 1}.") for i in range(4)),
    (r"^(face_parsing_net\.cp\.resnet\..*)\.norm(\d)\.", r"\1.bn\2."),
    (r"^(face_parsing_net\.cp\.resnet\..*)\.shortcut\.", r"\1.downsample."),
    (r"^parser\.whole\.", "face_parsing_net.cp.conv_avg."),
    (r"^parser\.refine(16|32)\.attention\.", r"face_parsing_net.cp.arm\1.conv_atten."),
    (r"^parser\.refine(16|32)\.norm\.", r"face_parsing_net.cp.arm\1.bn_atten."),
    (r"^parser\.refine(16|32)\.features\.", r"face_parsing_net.cp.arm\1.conv."),
    (r"^parser\.smooth(16|32)\.", r"face_parsing_net.cp.conv_head\1."),
    (r"^parser\.fusion\.features\.", "face_parsing_net.ffm.convblk."),
    (r"^parser\.fusion\.narrow\.", "face_parsing_net.ffm.conv1."),
    (r"^parser\.fusion\.widen\.", "face_parsing_net.ffm.conv2."),
    (r"^parser\.head(16|32|)\.features\.", r"face_parsing_net.conv_out\1.conv."),
    (r"^parser\.head(16|32|)\.logits\.", r"face_parsing_net.conv_out\1.conv_out."),
    (r"^(face_parsing_net\.(?!cp\.resnet).*)\.norm\.", r"\1.bn."),
)
_SUPER_RESOLUTION: Renames = (
    (r"^super_resolution\.", "neural_layers.gfpgan."),
    (r"\.gfpgan\.first\.", ".gfpgan.conv_body_first."),
    (r"\.gfpgan\.(down|up)\.(\d)\.before\.", r".gfpgan.conv_body_\1.\2.conv1."),
    (r"\.gfpgan\.(down|up)\.(\d)\.after\.", r".gfpgan.conv_body_\1.\2.conv2."),
    (r"\.gfpgan\.(down|up)\.(\d)\.shortcut\.", r".gfpgan.conv_body_\1.\2.skip."),
    (r"\.gfpgan\.last\.", ".gfpgan.final_conv."),
    (r"\.gfpgan\.styles\.", ".gfpgan.final_linear."),
    (r"\.gfpgan\.side_colors\.", ".gfpgan.toRGB."),
    (r"\.gfpgan\.scales\.", ".gfpgan.condition_scale."),
    (r"\.gfpgan\.shifts\.", ".gfpgan.condition_shift."),
    (r"\.gfpgan\.decoder\.constant$", ".gfpgan.stylegan_decoder.constant_input.weight"),
    (r"\.gfpgan\.decoder\.noise_(\d+)$", r".gfpgan.stylegan_decoder.noises.noise\1"),
    (r"(\.decoder\.(?:layers|colors)\.\d+)\.weight$", r"\1.modulated_conv.weight"),
    (r"(\.decoder\.layers\.\d+)\.noise_strength$", r"\1.weight"),
    (r"(\.decoder\.(?:layers|colors)\.\d+)\.style\.", r"\1.modulated_conv.modulation."),
    (r"\.gfpgan\.decoder\.layers\.0\.", ".gfpgan.stylegan_decoder.style_conv1."),
    *(
        (rf"\.gfpgan\.decoder\.layers\.{i + 1}\.", f".gfpgan.stylegan_decoder.style_convs.{i}.")
        for i in range(14)
    ),
    (r"\.gfpgan\.decoder\.colors\.0\.", ".gfpgan.stylegan_decoder.to_rgb1."),
    *((rf"\.gfpgan\.decoder\.colors\.{i + 1}\.", f".gfpgan.stylegan_decoder.to_rgbs.{i}.") for i in range(7)),
)
_DISCRIMINATOR: Renames = (
    (r"^first\.weight$", "conv_body.0.0.weight"),
    (r"^first\.bias$", "conv_body.0.1.bias"),
    *(
        (rf"^blocks\.{i}\.{ours}\.{kind}$", f"conv_body.{i + 1}.{theirs}.{kind}")
        for i in range(8)
        for ours, kind, theirs in (
            ("before", "weight", "conv1.0"),
            ("before", "bias", "conv1.1"),
            ("after", "weight", "conv2.1"),
            ("after", "bias", "conv2.2"),
            ("shortcut", "weight", "skip.1"),
        )
    ),
    (r"^last\.weight$", "final_conv.0.weight"),
    (r"^last\.bias$", "final_conv.1.bias"),
    (r"^flat\.", "final_linear.0."),
    (r"^output\.", "final_linear.1."),
)


def write_checkpoint(
    path: Path,
    iteration: int,
    generator: Mapping[str, Tensor],
    discriminator: Mapping[str, Tensor] | None = None,
) -> Path:
    """Write `checkpoint<iteration>.ckpt`; layers that the official code never uses are zeros.

    Args:
        path: The file.
        iteration: It tells the official code which planes take part: all from 240000 on.
        generator: Our state of the variant with a rendered expression.
        discriminator: Our state of a stage's discriminator, if it has one.

    Returns:
        The file.

    Raises:
        OutputError: If it cannot be written there.
    """
    content: dict[str, object] = {"iter": iteration, "model_state_dict": official_generator(generator)}
    if discriminator is not None:
        content["discriminator_dict"] = renamed(discriminator, _DISCRIMINATOR)
    make_folder(path.parent)
    with replacing(path) as temporary:
        torch.save(content, temporary)
    return path


def official_generator(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The generator's tensors under their official names."""
    tensors: dict[str, Tensor] = {}
    for name, x in state.items():
        if ".attention.key_value." in name:
            key, value = x.chunk(2)
            tensors[name.replace("key_value", "key")] = key.clone()
            tensors[name.replace("key_value", "value")] = value.clone()
        else:
            tensors[name] = _with_batch_axis(name, x).detach().cpu()
    tables = (*_ENCODERS, *_HEADS, *_PARSER, *_SUPER_RESOLUTION)
    return renamed(tensors, tables) | _unused(state)


def _with_batch_axis(name: str, x: Tensor) -> Tensor:
    """Weights and biases of styled layers are stored for broadcasting over a batch."""
    if (".decoder.layers." not in name and ".decoder.colors." not in name) or ".style." in name:
        return x
    if name.endswith(".weight"):
        return x[None]
    return x[None, :, None, None] if name.endswith(".bias") else x


def _unused(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Constants of the official code, and layers that it has but never uses."""
    enlarge = state["appearance.upsampler.enlarge.weight"]
    channels = state["appearance.upsampler.narrow.weight"].shape[0]
    width, half = enlarge.shape[:2]
    steps = torch.linspace(-1, 1, state["exemplar"].shape[-1] // 4)
    v, u = torch.meshgrid(steps, steps, indexing="ij")
    found = {
        "cano_pose": torch.zeros(1, 25),
        "image_mean": torch.tensor((0.485, 0.456, 0.406)).reshape(1, 3, 1, 1),
        "image_std": torch.tensor((0.229, 0.224, 0.225)).reshape(1, 3, 1, 1),
        "uv": torch.stack((u, v), dim=-1).reshape(1, -1, 2),
    }
    for prefix, inputs, planes in (("id", width, ("xz", "zy")), ("expr", 3 * channels, ("xy", "xz", "zy"))):
        for plane in planes:
            stem = f"{prefix}_upsampler.up_{plane}"
            found[f"{stem}.0.weight"] = torch.zeros(inputs, half, 4, 4)
            found[f"{stem}.0.bias"] = torch.zeros(half)
            found[f"{stem}.2.weight"] = torch.zeros(channels, half, 3, 3)
            found[f"{stem}.2.bias"] = torch.zeros(channels)
    for plane in ("xy", "xz", "zy"):
        found[f"expr_upsampler.skip_{plane}.weight"] = torch.zeros(channels, 3 * channels, 1, 1)
        found[f"expr_upsampler.skip_{plane}.bias"] = torch.zeros(channels)
    if "super_resolution.decoder.layers.0.style.weight" in state:
        styles = state["super_resolution.decoder.layers.0.style.weight"].shape[1]
        for layer in range(1, 16, 2):
            stem = f"neural_layers.gfpgan.stylegan_decoder.style_mlp.{layer}"
            found[f"{stem}.weight"] = torch.zeros(styles, styles)
            found[f"{stem}.bias"] = torch.zeros(styles)
    return found
