from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.io import savemat
from tiny_goha import TINY

from cameo3d.bench.stand_in_face import sheet_arrays
from cameo3d.errors import WeightsError
from cameo3d.geometry.basel.bfm import BaselFace
from cameo3d.models.goha.generator import GohaGenerator
from cameo3d.models.goha.parsing import FaceParser
from cameo3d.perception.deep3d import FaceRegressor
from cameo3d.pipeline import importing as weights
from cameo3d.pipeline import models as loading
from cameo3d.pipeline.importing import import_weights
from cameo3d.weights.conversion.renaming import check_layout

NETWORKS = {"goha-regressor": lambda: FaceRegressor(width=4), "goha-parser": lambda: FaceParser(width=4)}


def same_names(official, expected):
    tensors = dict(official)
    check_layout(tensors, expected, "The toy's checkpoint")
    return tensors


@pytest.fixture
def release(monkeypatch, tmp_path):
    """GOHA's official files with networks of a few numbers, whose names need no change; their folder."""
    networks = {"goha-official": lambda: GohaGenerator(TINY), **NETWORKS}
    parts = tuple(
        replace(
            part,
            sizes=part.sizes if part.stored != "goha-official" else lambda *_: TINY,
            convert=same_names,
            network=lambda _, part=part: networks[part.stored](),
        )
        if part.stored in networks
        else part
        for part in weights.RELEASES["goha"]
    )
    monkeypatch.setitem(weights.RELEASES, "goha", parts)
    monkeypatch.setenv("CAMEO3D_WEIGHTS", str(tmp_path / "mine"))
    folder = tmp_path / "official"
    (folder / "logs" / "s3").mkdir(parents=True)
    states = {name: network().state_dict() for name, network in networks.items()}
    torch.save(
        {"iter": 825000, "model_state_dict": states["goha-official"]},
        folder / "logs" / "s3" / "checkpoint825000.ckpt",
    )
    torch.save({"net_recon": states["goha-regressor"]}, folder / "epoch_20.pth")
    torch.save(dict(states["goha-parser"]), folder / "79999_iter.pth")
    savemat(folder / "BFM_model_front.mat", sheet_arrays(9))
    return folder


def test_all_four_files_are_taken_over(release, tmp_path):
    paths = import_weights("goha", release, print)
    names = ["goha-face", "goha-official", "goha-parser", "goha-regressor"]
    assert sorted(path.stem for path in paths) == names
    stored = loading._stored("goha-face", None)
    face = BaselFace(**stored)
    expected = BaselFace.from_arrays(sheet_arrays(9))
    for name, tensor in vars(expected).items():
        assert torch.equal(getattr(face, name), tensor), name


def test_the_newest_checkpoint_is_taken(release):
    folder = release / "logs" / "s3"
    newest = {"iter": 900000, "model_state_dict": GohaGenerator(TINY).state_dict()}
    torch.save(newest, folder / "checkpoint900000.ckpt")
    import_weights("goha", release, print)
    stored = loading._stored("goha-official", TINY)
    name = "canonical.head.output.weight"
    assert torch.equal(stored[name], newest["model_state_dict"][name])


@pytest.mark.parametrize("name", ["epoch_20.pth", "BFM_model_front.mat", "logs/s3/checkpoint825000.ckpt"])
def test_a_missing_file_is_named_with_its_source(release, name):
    (release / name).unlink()
    with pytest.raises(WeightsError, match=f"does not hold {name} from https://"):
        import_weights("goha", release, print)


def test_without_the_parsers_own_file_the_rest_is_taken_over(release):
    (release / "79999_iter.pth").unlink()
    assert len(import_weights("goha", release, print)) == 3


def test_a_face_model_of_another_layout_writes_nothing(release, tmp_path):
    savemat(release / "BFM_model_front.mat", {**sheet_arrays(9), "idBase": np.zeros((3, 80))})
    with pytest.raises(WeightsError, match="idBase"):
        import_weights("goha", release, print)
    assert not list((tmp_path / "mine").glob("*"))


def test_what_is_missing_to_load_is_said_with_where_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("CAMEO3D_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match=r"checkpoint825000.ckpt from https://.*import goha FOLDER"):
        loading.load_goha()


def test_imported_files_make_a_model(release, monkeypatch):
    import_weights("goha", release, print)
    monkeypatch.setattr(loading, "GOHA", TINY)
    monkeypatch.setattr(loading, "FaceRegressor", NETWORKS["goha-regressor"])
    model = loading.load_goha(fast=True)
    assert model.fast
    stored = loading._stored("goha-regressor", None)
    assert all(torch.equal(x, stored[name]) for name, x in model.regressor.state_dict().items())
    assert model.picture_size == TINY.image_size
