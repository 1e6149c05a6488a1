"""On a bare machine every model works; avatars know which size made them."""

import pytest

from cameo3d import Avatar, InputError, WeightsError, load_model
from cameo3d.models.goha.lite.avatar import GohaLite
from cameo3d.models.kinds import maker_of, size_of
from cameo3d.models.real3d.lite.avatar import Real3DLite
from cameo3d.pipeline.animate import model_for
from cameo3d.pipeline.options import ModelOptions


@pytest.fixture(autouse=True)
def no_weights_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("CAMEO3D_WEIGHTS", str(tmp_path / "none"))


@pytest.mark.parametrize(("name", "kind"), [("real3d", Real3DLite), ("goha", GohaLite)])
def test_without_imported_weights_the_lite_model_is_made_ready(name, kind):
    assert isinstance(load_model(name).network, kind)
    assert isinstance(load_model(name, size="lite").network, kind)


@pytest.mark.parametrize("name", ["real3d", "goha"])
def test_lite_models_say_that_they_run_on_the_cpu_alone(name):
    with pytest.raises(InputError, match="leave --fast"):
        load_model(name, size="lite", fast=True)


def test_the_size_that_users_train_is_another_one():
    with pytest.raises(WeightsError, match="--size lite"):
        load_model("real3d", size="small")
    with pytest.raises(WeightsError, match="--size lite"):
        load_model("goha", size="small")


def test_an_avatar_file_brings_its_model_and_size(astronaut_path, tmp_path):
    load_model("goha").encode(astronaut_path).save(tmp_path / "a.avatar")
    avatar = Avatar.load(tmp_path / "a.avatar")
    assert (maker_of(avatar), size_of(avatar)) == ("goha", "lite")
    model, source = model_for(tmp_path / "a.avatar", ModelOptions())
    assert (model.name, type(model.network)) == ("goha", GohaLite)
    assert isinstance(source, type(avatar))
