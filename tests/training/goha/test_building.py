import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from goha_making import made_set
from synthetic_basel import basel_face
from tiny_stages import SMALL

from cameo3d.errors import TrainingError, WeightsError
from cameo3d.models.goha.parsing import FaceParser
from cameo3d.perception.deep3d import FaceRegressor
from cameo3d.training.goha import building
from cameo3d.training.goha.recipe import GohaRecipe
from cameo3d.training.running import run_stage
from cameo3d.training.setting import Setting
from cameo3d.training.stages import recipe_of

CPU = torch.device("cpu")
STAGES = ("goha.reconstruction", "goha.adversarial", "goha.super_resolution")


def small(name: str) -> GohaRecipe:
    recipe = recipe_of(name, "small")
    plan = replace(recipe.plan, steps=2, workers=0)
    network = replace(SMALL, parsing_width=64)
    return replace(recipe, plan=plan, network=network, batch=1, expression_from=0, appearance_from=0)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Prepared folders, and stand-ins for the weights that a user imports."""
    made_set(tmp_path / "data", "ravdess", "video", clips=1)
    made_set(tmp_path / "data", "synthetic", "views", clips=1)
    made_set(tmp_path / "data", "ffhq", "photos", clips=1)
    torch.manual_seed(0)
    face = basel_face().basel
    stored = {
        "goha-parser": FaceParser().state_dict(),
        "goha-regressor": FaceRegressor().state_dict(),
        "goha-face": vars(face),
    }
    monkeypatch.setattr(building, "_stored", stored.__getitem__)
    monkeypatch.setattr(building, "_face_kind", lambda sets: "basel")
    monkeypatch.setenv("CAMEO3D_WEIGHTS", str(tmp_path))
    return tmp_path / "data"


def test_each_stage_goes_on_from_the_checkpoint_of_the_one_before(data, tmp_path):
    start = None
    for name in STAGES:
        setting = Setting(CPU, 42, data, start, perceptual=False)
        start = run_stage(name, small(name), setting, tmp_path / name)
        rows = (tmp_path / name / "log.csv").read_text().splitlines()
        assert {row.split(",")[0] for row in rows} == {"2"}
        assert any(",l1," in row for row in rows)
        assert list((tmp_path / name / "sheets").iterdir())


def test_later_stages_ask_for_the_stage_before_and_refuse_other_sizes(data, tmp_path):
    setting = Setting(CPU, 42, data, perceptual=False)
    with pytest.raises(TrainingError, match="--start"):
        building.adversarial(small(STAGES[1]), setting)
    start = run_stage(STAGES[0], small(STAGES[0]), setting, tmp_path / "first")
    other = replace(small(STAGES[1]), network=replace(small(STAGES[1]).network, fused_width=48))
    with pytest.raises(TrainingError, match="other sizes"):
        building.adversarial(other, replace(setting, start=start))


def test_without_the_imported_networks_the_message_says_what_to_get(tmp_path, monkeypatch):
    monkeypatch.setenv("CAMEO3D_WEIGHTS", str(tmp_path))
    made_set(tmp_path, "ravdess", "video", clips=1)
    with pytest.raises(WeightsError, match="weights import goha"):
        building.reconstruction(small(STAGES[0]), Setting(CPU, data=tmp_path, perceptual=False))


def test_a_folder_of_clips_alone_is_one_set(data):
    [alone] = building._sets(Setting(CPU, data=data / "ravdess"))
    assert (alone.name, alone.kind, len(alone.clips)) == ("clips", "video", 1)
    assert [one.name for one in building._sets(Setting(CPU, data=data))] == ["ravdess", "synthetic", "ffhq"]


def test_every_recipe_can_be_written_into_a_checkpoint():
    for name in STAGES:
        for size in (
            "official",
            "small",
            "end-to-end",
            "small-end-to-end",
            "without-appearance",
            "linear-expression",
        ):
            assert json.dumps(vars(recipe_of(name, size)), default=str)
