import pytest
import torch
from safetensors.torch import save_file

from cameo3d.errors import WeightsError
from cameo3d.perception.speech import HubertSizes, hubert_network
from cameo3d.weights.conversion.hubert import convert_hubert, find_hubert, read_hubert

TINY = HubertSizes(width=16, layers=1, heads=2, feed_width=16, conv_width=4)
CONV = "encoder.pos_conv_embed.conv"


def expected() -> dict[str, torch.Tensor]:
    return hubert_network(TINY).state_dict()


def published() -> dict[str, torch.Tensor]:
    """The state as it was published: an older naming, inside a network that spells."""
    state = expected()
    state[f"{CONV}.weight_g"] = state.pop(f"{CONV}.parametrizations.weight.original0")
    state[f"{CONV}.weight_v"] = state.pop(f"{CONV}.parametrizations.weight.original1")
    return {f"hubert.{name}": x for name, x in state.items()} | {"lm_head.weight": torch.ones(32, 16)}


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
def test_published_weights_fill_the_network(tmp_path, name):
    folder = tmp_path / "hub" / "hubert-large-ls960-ft"
    folder.mkdir(parents=True)
    state = published()
    (torch.save if name.endswith(".bin") else save_file)(state, folder / name)
    path = find_hubert(tmp_path)
    assert path == find_hubert(folder) == folder / name
    tensors = convert_hubert(read_hubert(folder / name), expected())
    hubert_network(TINY).load_state_dict(tensors)
    original = state[f"hubert.{CONV}.weight_v"]
    assert torch.equal(tensors[f"{CONV}.parametrizations.weight.original1"], original)


def test_a_folder_without_hubert_has_none(tmp_path):
    assert find_hubert(tmp_path) is None


def test_another_layout_is_listed_by_its_published_names():
    state = published()
    del state["hubert.encoder.layer_norm.bias"]
    state["hubert.quantizer.weight"] = torch.ones(1)
    with pytest.raises(
        WeightsError, match=r"unknown: hubert\.quantizer\.weight; missing: encoder\.layer_norm"
    ):
        convert_hubert(state, expected())


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"\x10\0\0\0")
    with pytest.raises(WeightsError, match="damaged"):
        read_hubert(path)
