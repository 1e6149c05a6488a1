import numpy as np
import pytest
import torch

from cameo3d.errors import WeightsError
from cameo3d.perception.modnet import ModNet, load_modnet, modnet_matte

UNDO = (
    ("encoder.", "backbone.model.features."),
    ("where.squeeze.", "lr_branch.se_block.fc.0."),
    ("where.excite.", "lr_branch.se_block.fc.2."),
    ("where.sixteenth.", "lr_branch.conv_lr16x.layers."),
    ("where.eighth.", "lr_branch.conv_lr8x.layers."),
    ("edges.from_half.", "hr_branch.tohr_enc2x.layers."),
    ("edges.down.", "hr_branch.conv_enc2x.layers."),
    ("edges.from_quarter.", "hr_branch.tohr_enc4x.layers."),
    ("edges.mixed.", "hr_branch.conv_enc4x.layers."),
    ("edges.at_quarter.", "hr_branch.conv_hr4x."),
    ("edges.at_half.", "hr_branch.conv_hr2x."),
    ("join.quarter_size.", "f_branch.conv_lr4x.layers."),
    ("join.half_size.", "f_branch.conv_f2x.layers."),
    ("join.whole.", "f_branch.conv_f."),
)


def official(state):
    """The layout of the released file: the encoder twice, branches for training, `module.` in front."""
    named = {}
    for name, x in state.items():
        theirs = name
        for ours, other in UNDO:
            if name.startswith(ours):
                theirs = other + name.removeprefix(ours)
        if "branch" in theirs:
            if theirs.split(".")[2].isdigit():
                theirs = theirs.replace(".conv.", ".layers.conv.").replace(".norm.", ".layers.norm.")
            theirs = theirs.replace("layers.conv.", "layers.0.").replace("layers.norm.", "layers.1.bnorm.")
        named[f"module.{theirs}"] = x
    twice = {
        name.replace("module.", "module.lr_branch."): x for name, x in named.items() if ".backbone." in name
    }
    return named | twice | {"module.lr_branch.conv_lr.layers.0.bias": torch.zeros(1)}


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    torch.manual_seed(0)
    network = ModNet().eval()
    path = tmp_path_factory.mktemp("modnet") / "modnet.ckpt"
    torch.save(official(network.state_dict()), path)
    return network, path


def test_the_released_layout_fills_the_network(released):
    network, path = released
    stored = load_modnet(path).state_dict()
    assert stored.keys() == network.state_dict().keys()
    assert all(torch.equal(x, stored[name]) for name, x in network.state_dict().items())


def test_a_file_that_changes_is_read_again(released, tmp_path):
    path = tmp_path / "modnet.ckpt"
    path.write_bytes(released[1].read_bytes())
    first = load_modnet(path)
    assert load_modnet(path) is first
    torch.save({"module.x": torch.ones(1)}, path)
    with pytest.raises(WeightsError, match="another layout"):
        load_modnet(path)


def test_a_matte_has_the_pictures_size_and_sees_it_at_512_pixels(released):
    network, path = released
    random = np.random.default_rng(0)
    square = random.integers(0, 256, (512, 512, 3), np.uint8)
    with torch.inference_mode():
        x = torch.from_numpy(square).permute(2, 0, 1)[None].float() / 127.5 - 1
        expected = network(x)[0, 0].numpy()
    np.testing.assert_allclose(modnet_matte(square, path), expected, atol=1e-6)
    wide = random.integers(0, 256, (100, 240, 3), np.uint8)
    assert modnet_matte(wide, path).shape == (100, 240)


def test_another_file_is_refused(tmp_path):
    torch.save({"module.x": torch.ones(1)}, tmp_path / "other.ckpt")
    with pytest.raises(WeightsError, match="MODNet's file has another layout"):
        load_modnet(tmp_path / "other.ckpt")
