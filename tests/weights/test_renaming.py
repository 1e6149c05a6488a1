import pytest
import torch
from torch import nn

from cameo3d.errors import WeightsError
from cameo3d.weights.conversion.real3d import convert_voice, newest_checkpoint, read_checkpoint
from cameo3d.weights.conversion.renaming import (
    check_layout,
    join_spectral_norms,
    join_weight_norms,
    renamed,
)


def test_tensors_get_new_names_or_are_dropped():
    tensors = {"net.0.weight": torch.ones(1), "noise": torch.ones(1)}
    assert list(renamed(tensors, ((r"^net\.0\.", "first."), (r"^noise$", "")))) == ["first.weight"]


def test_two_tensors_with_one_name_are_an_error():
    with pytest.raises(WeightsError, match="a and b are both c"):
        renamed({"a": torch.ones(1), "b": torch.ones(1)}, (("a|b", "c"),))


def test_all_that_is_wrong_is_listed():
    expected = {"a": torch.ones(2), "b": torch.ones(2), "c": torch.ones(2)}
    found = {"a": torch.ones(3), "b": torch.ones(2), "d": torch.ones(1)}
    with pytest.raises(WeightsError) as error:
        check_layout(found, expected, "The file", {"d": "official.d"})
    assert "unknown: official.d" in str(error.value)
    assert "missing: c" in str(error.value)
    assert "misshapen: a [3] instead of [2]" in str(error.value)


def test_spectral_norms_are_divided_out():
    layer = nn.utils.spectral_norm(nn.Conv2d(3, 4, 3)).eval()
    x = torch.randn(1, 3, 5, 5)
    plain = nn.Conv2d(3, 4, 3)
    plain.load_state_dict(join_spectral_norms(layer.state_dict()))
    torch.testing.assert_close(plain(x), layer(x))


def test_weight_norms_are_multiplied_in():
    official = {"weight_g": torch.rand(4, 1, 1), "weight_v": torch.randn(4, 3, 5), "bias": torch.ones(4)}
    joined = join_weight_norms(official)
    assert joined.keys() == {"weight", "bias"}
    torch.testing.assert_close(joined["weight"].flatten(1).norm(dim=1), official["weight_g"].flatten())


def test_another_checkpoint_is_refused_with_official_names():
    official = {"mel_encoder.0.weight": torch.ones(2), "something.else": torch.ones(1)}
    expected = {"speech_encoder.first.weight": torch.ones(3)}
    with pytest.raises(WeightsError) as error:
        convert_voice(official, expected)
    assert "unknown: something.else" in str(error.value)
    assert "misshapen: mel_encoder.0.weight [2] instead of [3]" in str(error.value)


def test_the_newest_checkpoint_of_a_folder_counts(tmp_path):
    for step in (900, 1000):
        content = {"state_dict": {"model": {"step": torch.tensor(step)}}}
        torch.save(content, tmp_path / f"model_ckpt_steps_{step}.ckpt", _use_new_zipfile_serialization=False)
    assert read_checkpoint(newest_checkpoint(tmp_path))["step"] == 1000


def test_a_folder_without_checkpoints_says_so(tmp_path):
    with pytest.raises(WeightsError, match="has no model_ckpt_steps_N"):
        newest_checkpoint(tmp_path)
