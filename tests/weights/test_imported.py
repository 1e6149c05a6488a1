import json
from dataclasses import dataclass, replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from cameo3d.errors import WeightsError
from cameo3d.weights.imported import Label, checksum_of, config_json, load_weights, read_label, save_weights
from cameo3d.weights.places import weights_folder
from cameo3d.weights.released import RELEASED


@dataclass(frozen=True)
class Sizes:
    width: int = 3
    depths: tuple[int, ...] = (1, 2)


TENSORS = {"b.weight": torch.arange(6.0).reshape(2, 3), "a.count": torch.tensor(4)}
LABEL = Label("toy-official", config_json(Sizes()), "somewhere", "MIT", "step 7", checksum_of(TENSORS))


@pytest.fixture
def path(tmp_path):
    save_weights(TENSORS, LABEL, tmp_path / "toy.safetensors")
    return tmp_path / "toy.safetensors"


def test_weights_come_back_with_their_label(path):
    loaded = load_weights(path, "toy-official", Sizes())
    assert loaded.keys() == TENSORS.keys()
    assert all(torch.equal(loaded[name], x) for name, x in TENSORS.items())
    assert read_label(path) == LABEL


def test_a_file_of_another_model_or_size_is_refused(path):
    with pytest.raises(WeightsError, match="toy-official, not of toy-lite"):
        load_weights(path, "toy-lite", Sizes())
    with pytest.raises(WeightsError, match="other sizes"):
        load_weights(path, "toy-official", Sizes(width=4))


def test_one_changed_number_is_found(path):
    changed = {**TENSORS, "a.count": torch.tensor(5)}
    save_weights(changed, LABEL, path)
    with pytest.raises(WeightsError, match="checksum"):
        load_weights(path, "toy-official", Sizes())


@pytest.mark.parametrize("share", [0.0, 0.1, 0.9])
def test_a_cut_file_is_refused(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(WeightsError, match="damaged"):
        load_weights(path, "toy-official", Sizes())


def test_a_file_without_label_is_refused(path):
    save_file(TENSORS, path, {"format": "pt"})
    with pytest.raises(WeightsError, match="no file of ours"):
        read_label(path)


def test_the_checksum_tells_names_shapes_and_types_apart():
    x = torch.zeros(4)
    others = ({"y": x}, {"x": x.reshape(2, 2)}, {"x": x.int()}, {"x": x + 1})
    assert len({checksum_of({"x": x}), *map(checksum_of, others)}) == 5


def test_the_label_stands_in_the_files_metadata(path):
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    assert json.loads(metadata["config"]) == {"width": 3, "depths": [1, 2]}
    assert metadata["licence"] == "MIT"


def test_the_users_folder_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("CAMEO3D_WEIGHTS", str(tmp_path))
    assert weights_folder() == tmp_path
    monkeypatch.delenv("CAMEO3D_WEIGHTS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert weights_folder() == tmp_path / "data" / "cameo3d"


def test_missing_weights_say_what_to_get_where_and_on_what_terms(monkeypatch, tmp_path):
    monkeypatch.setenv("CAMEO3D_WEIGHTS", str(tmp_path))
    entry = replace(RELEASED["real3d-official"], licence="some terms")
    with pytest.raises(WeightsError) as error:
        entry.demand()
    for part in (entry.official, entry.source, "some terms", "cameo3d weights import real3d"):
        assert part in str(error.value)
