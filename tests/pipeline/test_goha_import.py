from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat
from tiny_goha import TINY
from torch.nn import functional

from cameo3d.bench.stand_in_face import sheet_arrays
from cameo3d.errors import WeightsError
from cameo3d.geometry.basel.bfm import BaselFace
from cameo3d.models.goha.config import OFFICIAL
from cameo3d.models.goha.framing import lens
from cameo3d.models.goha.generator import GohaGenerator
from cameo3d.models.goha.parsing import FaceParser
from cameo3d.perception.deep3d import FaceRegressor
from cameo3d.pipeline import importing as weights
from cameo3d.pipeline import models as loading
from cameo3d.pipeline.importing import import_weights
from cameo3d.weights.conversion.goha import convert_generator, has_appearance
from cameo3d.weights.conversion.goha_export import official_generator
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
    monkeypatch.setattr(loading, "FaceRegressor", NETWORKS["goha-regressor"])
    model = loading.load_goha(fast=True)
    assert model.fast
    stored = loading._stored("goha-regressor", None)
    assert all(torch.equal(x, stored[name]) for name, x in model.regressor.state_dict().items())
    assert model.picture_size == TINY.image_size


def of_stage_one(release, monkeypatch, iteration):
    """A checkpoint of stage 1 in the official layout, instead of the finished one; its network."""
    parts = tuple(
        replace(part, convert=convert_generator, network=GohaGenerator)
        if part.stored == "goha-official"
        else part
        for part in weights.RELEASES["goha"]
    )
    sizes = lambda _, official: replace(TINY, enlarges=False, appearance=has_appearance(official))  # noqa: E731
    parts = tuple(replace(part, sizes=sizes) if part.stored == "goha-official" else part for part in parts)
    monkeypatch.setitem(weights.RELEASES, "goha", parts)
    monkeypatch.setattr(loading, "FaceRegressor", NETWORKS["goha-regressor"])
    torch.manual_seed(iteration)
    network = GohaGenerator(replace(TINY, enlarges=False))
    content = {"iter": iteration, "model_state_dict": official_generator(network.state_dict())}
    torch.save(content, release / "logs" / "s3" / "checkpoint825000.ckpt")
    return network.eval()


@pytest.mark.parametrize(("iteration", "has_details"), [(695_000, True), (200_000, False)])
def test_stage_one_draws_its_rendering_made_larger(release, monkeypatch, iteration, has_details):
    network = of_stage_one(release, monkeypatch, iteration)
    import_weights("goha", release, print)
    stored = loading.load_goha().generator
    assert stored.config == replace(TINY, enlarges=False, appearance=has_details)
    planes = torch.randn(1, 3, TINY.plane_channels, 32, 32)
    camera, optics = torch.eye(4)[None] * torch.tensor([1.0, -1, -1, 1]), lens()
    camera[:, 2, 3] = 2.7
    with torch.inference_mode():
        small = network.renderer(planes, camera, optics, TINY.render_size).colors
        frame = stored.draw(planes, camera, optics)
    assert frame.shape == (1, 3, TINY.image_size, TINY.image_size)
    torch.testing.assert_close(frame, functional.interpolate(small, size=TINY.image_size, mode="bilinear"))


def test_a_checkpoint_from_before_expressions_is_refused(release, monkeypatch):
    of_stage_one(release, monkeypatch, 100_000)
    with pytest.raises(WeightsError, match="iteration 100000; expressions are part of GOHA from 120000 on"):
        import_weights("goha", release, print)


def test_what_a_checkpoint_holds_tells_its_stage():
    part = next(part for part in weights.RELEASES["goha"] if part.stored == "goha-official")
    tensors = {"id_net.x": torch.ones(1), "neural_layers.gfpgan.x": torch.ones(1)}
    path = Path("checkpoint1.ckpt")
    assert part.sizes(path, tensors) == OFFICIAL
    assert part.sizes(path, {"id_net.x": torch.ones(1)}) == replace(OFFICIAL, enlarges=False)
