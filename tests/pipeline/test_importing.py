import pickle
from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn

from cameo3d.errors import WeightsError
from cameo3d.pipeline import importing as weights
from cameo3d.pipeline.importing import import_weights
from cameo3d.weights.conversion.renaming import check_layout, renamed
from cameo3d.weights.imported import load_weights, read_label


@dataclass(frozen=True)
class Nothing:
    """Sizes of a network without any."""


RENAMES = ((r"^net\.", ""),)


def convert(official, expected):
    tensors = renamed(official, RENAMES)
    check_layout(tensors, expected, "The toy's checkpoint")
    return tensors


@pytest.fixture
def release(monkeypatch, tmp_path):
    """Real3D-Portrait's release with networks of a few numbers; returns the official folder."""
    parts = tuple(
        replace(part, convert=convert, network=lambda _: nn.Linear(3, 2), sizes=lambda *_: Nothing())
        for part in weights.RELEASES["real3d"]
    )
    monkeypatch.setitem(weights.RELEASES, "real3d", parts)
    monkeypatch.setenv("CAMEO3D_WEIGHTS", str(tmp_path / "mine"))
    folder = tmp_path / "240210_real3dportrait_orig"
    folder.mkdir()
    return folder


def publish(folder, name="secc2plane_torso_orig", changes=None):
    state = {"net.weight": torch.ones(2, 3), "net.bias": torch.zeros(2), **(changes or {})}
    state = {key: x for key, x in state.items() if x is not None}
    (folder / name).mkdir(exist_ok=True)
    path = folder / name / "model_ckpt_steps_100.ckpt"
    torch.save({"state_dict": {"model": state}}, path, _use_new_zipfile_serialization=False)
    return path


def written(tmp_path):
    return sorted(path.name for path in (tmp_path / "mine").glob("*"))


def test_both_networks_are_taken_over_and_load_again(release, tmp_path):
    publish(release)
    publish(release, "audio2secc_vae")
    paths = import_weights("real3d", release, print)
    assert written(tmp_path) == ["real3d-official.safetensors", "real3d-voice.safetensors"]
    label = read_label(paths[0])
    assert label.model == "real3d-official"
    assert "model_ckpt_steps_100.ckpt, SHA-256" in label.revision
    stored = load_weights(paths[0], "real3d-official", Nothing())
    assert torch.equal(stored["weight"], torch.ones(2, 3))


def test_without_the_voice_the_rest_is_taken_over(release, tmp_path):
    publish(release)
    said = []
    import_weights("real3d", release, said.append)
    assert written(tmp_path) == ["real3d-official.safetensors"]
    assert any("audio2secc_vae" in line and "not there" in line for line in said)


def test_a_folder_of_something_else_is_refused(release):
    with pytest.raises(WeightsError, match="does not hold secc2plane_torso_orig"):
        import_weights("real3d", release, print)


def test_all_that_is_wrong_is_listed_and_nothing_is_written(release, tmp_path):
    publish(release, changes={"net.bias": None, "net.weight": torch.ones(2, 4), "net.extra": torch.ones(1)})
    with pytest.raises(WeightsError) as error:
        import_weights("real3d", release, print)
    for part in ("unknown: extra", "missing: bias", "misshapen: weight [2, 4] instead of [2, 3]"):
        assert part in str(error.value)
    assert not written(tmp_path)


def test_numbers_that_are_not_finite_are_refused(release, tmp_path):
    publish(release, changes={"net.bias": torch.tensor([0.0, float("nan")])})
    with pytest.raises(WeightsError, match="not finite, in bias"):
        import_weights("real3d", release, print)
    assert not written(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "Git-LFS pointer"),
        (b"<html>Too many downloads</html>", "web page"),
        (b"", "empty"),
        (pickle.dumps(print, protocol=2), "could run code|cut short or damaged"),
    ],
)
def test_what_is_no_checkpoint_gets_its_own_message(release, tmp_path, content, message):
    publish(release).write_bytes(content)
    publish(release, "audio2secc_vae")
    with pytest.raises(WeightsError, match=message):
        import_weights("real3d", release, print)
    assert not written(tmp_path)


def test_a_broken_second_file_keeps_the_first_from_being_written(release, tmp_path):
    publish(release)
    path = publish(release, "audio2secc_vae")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(WeightsError, match="cut short"):
        import_weights("real3d", release, print)
    assert not written(tmp_path)
