"""Official files of GOHA's training: written by our export from seeded networks, and read again."""

import json
import os
from pathlib import Path

import pytest
import torch
from tiny_goha import TINY

from cameo3d.errors import WeightsError
from cameo3d.models.goha.generator import GohaGenerator
from cameo3d.training.discriminator import Discriminator
from cameo3d.weights.conversion.goha import convert_generator
from cameo3d.weights.conversion.goha_export import official_generator, write_checkpoint
from cameo3d.weights.conversion.goha_training import (
    read_discriminator,
    read_discriminator_start,
    read_gfpgan,
    read_segformer,
    read_stage,
)

PARITY = Path(os.environ.get("CAMEO3D_PARITY", Path(__file__).parents[3] / "shared" / "parity"))
MANIFESTS = [PARITY / f"goha_{name}_manifest.json" for name in ("generator", "discriminator")]


def generator(seed=0):
    torch.manual_seed(seed)
    return GohaGenerator(TINY)


def discriminator(channels, seed=1):
    torch.manual_seed(seed)
    return Discriminator(64, channels, (8, 8, 8, 8, 8), camera=0, group=4)


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(x, other[name]) for name, x in one.items())


def test_an_exported_checkpoint_is_read_again_without_a_difference(tmp_path):
    path = tmp_path / "checkpoint825000.ckpt"
    ours, judge = generator().state_dict(), discriminator(6).state_dict()
    write_checkpoint(path, 825_000, ours, judge)
    content = torch.load(path, weights_only=True)
    assert content["iter"] == 825_000
    assert equal(read_stage(path, generator(3).state_dict()), ours)
    assert equal(read_discriminator(path, discriminator(6, 4).state_dict()), judge)


def test_a_checkpoint_of_stage_1_lacks_super_resolution_alone(tmp_path):
    path, ours = tmp_path / "checkpoint695000.ckpt", generator().state_dict()
    early = {name: x for name, x in ours.items() if not name.startswith("super_resolution.")}
    write_checkpoint(path, 695_000, early)
    assert equal(read_stage(path, ours), early)
    content = torch.load(path, weights_only=True)
    del content["model_state_dict"]["decoder.net.0.weight"]
    torch.save(content, path)
    with pytest.raises(WeightsError, match=r"missing: renderer\.decoder\.first\.weight"):
        read_stage(path, ours)


def test_a_discriminator_of_six_channels_starts_with_a_new_first_convolution(tmp_path):
    path, published = tmp_path / "GFPGANv1_net_d.pth", discriminator(3)
    write_checkpoint(tmp_path / "any.ckpt", 0, generator().state_dict(), published.state_dict())
    content = torch.load(tmp_path / "any.ckpt", weights_only=True)
    torch.save({"params": content["discriminator_dict"]}, path)
    assert equal(read_discriminator_start(path, discriminator(3, 2).state_dict()), published.state_dict())
    started = read_discriminator_start(path, discriminator(6).state_dict())
    rest = {name: x for name, x in published.state_dict().items() if name != "first.weight"}
    assert equal(started, rest)


def test_gfpgan_fills_super_resolution_and_segformer_the_encoders(tmp_path):
    model = generator()
    official = official_generator(model.state_dict())
    prefix = "neural_layers.gfpgan."
    inner = {name.removeprefix(prefix): x for name, x in official.items() if name.startswith(prefix)}
    torch.save({"params_ema": inner}, tmp_path / "GFPGANv1.3.pth")
    state = model.super_resolution.state_dict()
    assert equal(read_gfpgan(tmp_path / "GFPGANv1.3.pth", state), state)

    own = {name.removeprefix("template_net."): x for name, x in official.items() if "template_net" in name}
    head = {"decode_head.batch_norm.weight": torch.ones(3), "decode_head.classifier.bias": torch.ones(150)}
    torch.save(own | head, tmp_path / "pytorch_model.bin")
    wanted = model.canonical.encoder.state_dict()
    assert equal(read_segformer(tmp_path / "pytorch_model.bin", "canonical", wanted), wanted)
    assert model.appearance is not None
    other = model.appearance.encoder.state_dict()
    found = read_segformer(tmp_path / "pytorch_model.bin", "appearance", other)
    assert other.keys() - found.keys() == {
        f"transformer.stages.0.embedding.projection.{part}" for part in ("weight", "bias")
    }
    del own["decode_head.linear_fuse.weight"]
    torch.save(own, tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"missing: fusion\.fuse\.weight"):
        read_segformer(tmp_path / "pytorch_model.bin", "canonical", wanted)


@pytest.mark.skipif(not all(path.is_file() for path in MANIFESTS), reason=f"no manifests in {PARITY}")
def test_the_export_has_the_official_names_and_shapes(tmp_path):
    with torch.device("meta"):
        state = GohaGenerator().state_dict()
        judge = Discriminator(512, 6, (32, 64, 128, 256, 512, 512, 512, 512), camera=0).state_dict()
    state = {name: torch.empty(x.shape, dtype=x.dtype) for name, x in state.items()}
    official = official_generator(state)
    entries = json.loads(MANIFESTS[0].read_text("utf8"))["tensors"]
    assert {name: list(x.shape) for name, x in official.items()} == {
        name: entry["shape"] for name, entry in entries.items()
    }
    assert convert_generator(official, state).keys() == state.keys()
    path = tmp_path / "checkpoint.ckpt"
    write_checkpoint(path, 1, generator().state_dict(), {k: torch.zeros(x.shape) for k, x in judge.items()})
    written = torch.load(path, weights_only=True)["discriminator_dict"]
    entries = json.loads(MANIFESTS[1].read_text("utf8"))["tensors"]
    assert {name: list(x.shape) for name, x in written.items()} == {
        name: entry["shape"] for name, entry in entries.items()
    }
