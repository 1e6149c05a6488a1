import collections
import os
import pickle

import numpy as np
import pytest
import torch

from cameo3d.errors import WeightsError
from cameo3d.weights.conversion.pickles import named_tensors, read_pickle


class Hostile:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("zipped", [False, True])
def test_training_states_open_in_both_formats(tmp_path, zipped):
    path = tmp_path / "model.ckpt"
    weights = {"layer._orig_mod.weight": torch.arange(6.0).reshape(2, 3)}
    content = {
        "global_step": 7,
        "checkpoint_callback_best": np.float64(0.5),
        "state_dict": {"model": collections.OrderedDict(weights), "disc": {}},
    }
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    tensors = named_tensors(read_pickle(path), path)
    assert torch.equal(tensors["layer.weight"], weights["layer._orig_mod.weight"])


def test_the_flat_form_loses_its_first_word(tmp_path):
    content = {"state_dict": {"model.a.weight": torch.ones(1), "disc.b": torch.ones(2)}}
    assert list(named_tensors(content, tmp_path)) == ["a.weight"]


def test_another_models_checkpoint_is_named(tmp_path):
    with pytest.raises(WeightsError, match="no part 'model', only disc"):
        named_tensors({"state_dict": {"disc": {"a": torch.ones(1)}}}, tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", "Git-LFS pointer"),
        (b"<!DOCTYPE html><html><body>Quota exceeded</body></html>", "web page"),
        (b"\n <html>", "web page"),
        (b"", "empty"),
        (b"not a pickle at all", "cut short or damaged"),
    ],
)
def test_what_is_no_checkpoint_says_so(tmp_path, content, message):
    path = tmp_path / "model.ckpt"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        read_pickle(path)


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(WeightsError, match="does not exist"):
        read_pickle(tmp_path / "none.ckpt")


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_files_say_so(tmp_path, zipped, share):
    path = tmp_path / "model.ckpt"
    torch.save({"state_dict": {"a": torch.randn(64, 64)}}, path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(WeightsError, match="cut short or damaged"):
        read_pickle(path)


@pytest.mark.parametrize("save", ["pickle", "legacy", "zip"])
def test_hostile_files_are_refused_and_nothing_runs(tmp_path, save):
    path, target = tmp_path / "model.ckpt", tmp_path / "made"
    content = {"state_dict": Hostile(target)}
    if save == "pickle":
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=save == "zip")
    with pytest.raises(WeightsError, match="could run code"):
        read_pickle(path)
    assert not target.exists()
