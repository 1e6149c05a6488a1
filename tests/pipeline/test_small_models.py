"""On a bare machine every model works."""

import pytest

from cameo3d.errors import InputError
from cameo3d.models.goha.lite.avatar import GohaLite
from cameo3d.models.real3d.lite.avatar import Real3DLite
from cameo3d.pipeline.models import load_network
from cameo3d.pipeline.options import ModelOptions


@pytest.fixture(autouse=True)
def no_weights_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("CAMEO3D_WEIGHTS", str(tmp_path / "none"))


@pytest.mark.parametrize(("name", "kind"), [("real3d", Real3DLite), ("goha", GohaLite)])
def test_without_imported_weights_the_small_model_is_made_ready(name, kind):
    assert isinstance(load_network(ModelOptions(model=name)), kind)
    assert isinstance(load_network(ModelOptions(model=name, size="lite")), kind)


@pytest.mark.parametrize("name", ["real3d", "goha"])
def test_small_models_say_that_they_run_on_the_cpu_alone(name):
    with pytest.raises(InputError, match="leave"):
        load_network(ModelOptions(model=name, size="lite", fast=True))
