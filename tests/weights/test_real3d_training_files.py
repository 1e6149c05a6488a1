"""Starts of a training of Real3D-Portrait, from files with the official names."""

import pytest
import torch
from eg3d_making import TEACHER, saved, teacher_file

from cameo3d.blocks.segformer import MixTransformer
from cameo3d.errors import WeightsError
from cameo3d.models.real3d.eg3d.generator import Eg3dGenerator
from cameo3d.models.real3d.residual import ResidualEncoder
from cameo3d.training.discriminator import Discriminator
from cameo3d.weights.conversion.real3d_training import (
    read_discriminator,
    read_mit_b0,
    read_resnet34,
    read_teacher,
)


def discriminator_file(widths=(4, 6, 8)):
    tensors = {"b16.fromrgb.weight": (widths[0], 6, 1, 1), "b16.fromrgb.bias": (widths[0],)}
    for size, inputs, outputs in ((16, *widths[:2]), (8, *widths[1:])):
        tensors |= {
            f"b{size}.resample_filter": (4, 4),
            f"b{size}.conv0.weight": (inputs, inputs, 3, 3),
            f"b{size}.conv0.bias": (inputs,),
            f"b{size}.conv1.weight": (outputs, inputs, 3, 3),
            f"b{size}.conv1.bias": (outputs,),
            f"b{size}.skip.weight": (outputs, inputs, 1, 1),
        }
    last = widths[-1]
    tensors |= {"b4.conv.weight": (last, last + 1, 3, 3), "b4.conv.bias": (last,)}
    tensors |= {"b4.fc.weight": (last, 16 * last), "b4.fc.bias": (last,)}
    tensors |= {"b4.out.weight": (last, last), "b4.out.bias": (last,)}
    tensors |= {"mapping.embed.weight": (last, 25), "mapping.embed.bias": (last,)}
    for index in range(8):
        tensors |= {f"mapping.fc{index}.weight": (last, last), f"mapping.fc{index}.bias": (last,)}
    return {name: torch.rand(shape) for name, shape in tensors.items()}


def test_eg3d_and_its_discriminator_fill_our_networks(tmp_path):
    official, judge = teacher_file(), discriminator_file()
    path = saved(tmp_path / "model_ckpt_steps_3.ckpt", official, judge)
    teacher = Eg3dGenerator(TEACHER)
    teacher.load_state_dict(read_teacher(path, teacher.state_dict()))
    assert torch.equal(teacher.mean_style, official["backbone.mapping.w_avg"])
    assert torch.equal(
        teacher.state_dict()["planes.blocks.1.after.noise"],
        official["backbone.synthesis.b16.conv1.noise_const"],
    )
    discriminator = Discriminator(16, 6, (4, 6, 8))
    discriminator.load_state_dict(read_discriminator(path, 16, discriminator.state_dict()))
    assert torch.equal(discriminator.flat.weight, judge["b4.fc.weight"])


def test_what_does_not_fit_is_listed(tmp_path):
    official = teacher_file()
    del official["decoder.net.0.bias"]
    official["something.else"] = torch.zeros(1)
    path = saved(tmp_path / "model_ckpt_steps_3.ckpt", official)
    with pytest.raises(
        WeightsError, match=r"unknown: something\.else; missing: renderer\.decoder\.first\.bias"
    ):
        read_teacher(path, Eg3dGenerator(TEACHER).state_dict())
    with pytest.raises(WeightsError, match="no part 'disc'"):
        read_discriminator(path, 16, {})


def test_a_resnet_from_imagenet_sees_five_channels_with_the_same_sum(tmp_path):
    network = ResidualEncoder(5, (64, 128, 256, 512), (3, 4, 6, 3))
    official = {
        "conv1.weight": torch.rand(64, 3, 7, 7),
        "fc.weight": torch.rand(1000, 512),
        "fc.bias": torch.rand(1000),
    }
    for name, x in network.state_dict().items():
        parts = name.split(".")
        if parts[0] == "stem_norm":
            official[f"bn1.{parts[1]}"] = torch.rand_like(x.float()).to(x.dtype)
        elif parts[0] == "stages":
            inner = {"first": "conv1", "second": "conv2", "first_norm": "bn1", "second_norm": "bn2"}
            inner |= {"shortcut": "downsample.0", "shortcut_norm": "downsample.1"}
            official[f"layer{int(parts[1]) + 1}.{parts[2]}.{inner[parts[3]]}.{parts[4]}"] = x.clone()
    torch.save(official, tmp_path / "resnet34.pth")
    found = read_resnet34(tmp_path / "resnet34.pth", network.state_dict())
    network.load_state_dict(found)
    first = official["conv1.weight"]
    torch.testing.assert_close(network.stem.weight[:, 3], 0.6 * first[:, 0])
    # A grey picture looks the same, but for the two channels that were counted twice.
    torch.testing.assert_close(network.stem.weight.sum(1), 0.6 * (first.sum(1) + first[:, :2].sum(1)))


def test_a_mix_transformer_from_imagenet_fills_the_motion_adapters(tmp_path):
    network = MixTransformer(3, norm_epsilon=1e-6, stochastic_depth=0.1)
    inner = {"attention_norm": "norm1", "feed_norm": "norm2", "attention.query": "attn.q"}
    inner |= {
        "attention.key_value": "attn.kv",
        "attention.output": "attn.proj",
        "attention.reduction": "attn.sr",
    }
    inner |= {"attention.reduction_norm": "attn.norm", "feed.expand": "mlp.fc1", "feed.contract": "mlp.fc2"}
    inner |= {"feed.neighbours": "mlp.dwconv.dwconv"}
    official = {"head.weight": torch.rand(1000, 256), "head.bias": torch.rand(1000)}
    for name, x in network.state_dict().items():
        stage, rest = int(name.split(".")[1]) + 1, name.split(".", 2)[2]
        module, leaf = rest.rsplit(".", 1)
        if module == "norm":
            renamed = f"norm{stage}"
        elif module.startswith("embedding"):
            renamed = f"patch_embed{stage}.{'proj' if module.endswith('projection') else 'norm'}"
        else:
            block, layer = module.split(".", 2)[1:]
            renamed = f"block{stage}.{block}.{inner[layer]}"
        official[f"{renamed}.{leaf}"] = torch.rand_like(x)
    torch.save(official, tmp_path / "mit_b0.pth")
    found = read_mit_b0(tmp_path / "mit_b0.pth", network.state_dict())
    network.load_state_dict(found)
    assert torch.equal(
        found["stages.0.blocks.1.attention.reduction.weight"], official["block1.1.attn.sr.weight"]
    )
