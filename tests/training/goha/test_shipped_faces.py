"""GOHA's training on a bare machine: the shipped face model draws, on shards made without imported files."""

import logging
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from goha_making import made_set
from tiny_stages import SMALL, tiny_generator

from cameo3d.data.portraits.goha_pairs import GohaPairs
from cameo3d.data.portraits.preparing import Preparation
from cameo3d.data.portraits.workers import prepare_folder
from cameo3d.errors import TrainingError, WeightsError
from cameo3d.geometry.face_model import load_face_model
from cameo3d.media.images import read_image
from cameo3d.models.goha.shipped_faces import LaidFaces, People, ShippedDrawer
from cameo3d.training.goha import building
from cameo3d.training.goha.recipe import GohaRecipe
from cameo3d.training.goha.reconstruction import ReconstructionStage
from cameo3d.training.learner import Part
from cameo3d.training.running import run_stage
from cameo3d.training.setting import Setting
from cameo3d.training.stages import recipe_of
from cameo3d.values import BLENDSHAPES

CPU = torch.device("cpu")
SIZE = 32
STAGES = ("goha.reconstruction", "goha.adversarial", "goha.super_resolution")
OPEN = BLENDSHAPES.index("jawOpen")


@pytest.fixture(scope="module")
def shards(tmp_path_factory, astronaut_path) -> Path:
    """Four people of two frames each: the astronaut, mirrored, tinted and moved."""
    folder, out = tmp_path_factory.mktemp("clips"), tmp_path_factory.mktemp("shards")
    photo = read_image(astronaut_path)[:400, :, ::-1]
    tints = ((1.0, 1.0, 1.0), (0.4, 0.9, 1.0), (1.0, 0.6, 0.6), (0.5, 1.0, 0.5))
    for number, tint in enumerate(tints):
        clip = folder / f"clip{number}"
        clip.mkdir()
        picture = photo[:, :: -1 if number % 2 else 1]
        for frame, light in enumerate((1.0, 0.8)):
            moved = np.roll(picture, 6 * frame, axis=1) * np.array(tint) * light
            cv2.imwrite(str(clip / f"{frame}.png"), moved.astype(np.uint8))
    assert prepare_folder(folder, out, Preparation(size=SIZE)) == (4, 0)
    return out


@pytest.fixture
def bare(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("CAMEO3D_WEIGHTS", str(tmp_path / "nothing"))


def tiny(name: str, steps: int = 2) -> GohaRecipe:
    recipe = recipe_of(name, "small")
    network = replace(SMALL, parsing_width=4)
    plan = replace(recipe.plan, steps=steps, workers=0)
    return replace(recipe, plan=plan, network=network, batch=2, expression_from=0, appearance_from=0)


def face(**named: float) -> LaidFaces:
    """The mean face, straight ahead."""
    expression = torch.zeros(1, 52)
    for name, weight in named.items():
        expression[0, BLENDSHAPES.index(name)] = weight
    components = len(load_face_model().identity_basis)
    return LaidFaces(torch.zeros(1, components), expression, torch.zeros(1, 3), torch.zeros(1, 3))


def person(**named: float) -> People:
    y, x = torch.meshgrid(torch.linspace(-1, 1, 224), torch.linspace(-1, 1, 224), indexing="ij")
    return People(torch.stack((x, y, x * y))[None] * 0.9, face(**named))


@pytest.fixture(scope="module")
def drawer() -> ShippedDrawer:
    return ShippedDrawer(load_face_model(), CPU)


def test_a_face_without_expression_is_drawn_as_the_photo_shows_it(drawer):
    neutral = person()
    drawing, cover = drawer.neutral(neutral)
    assert 0.15 < cover.mean() < 0.6
    expected = (neutral.images + 1) / 2 * cover
    # Places are interpolated over triangles; a hundredth of a picture of 224 pixels is two of them.
    assert (drawing - expected).abs().max() < 0.01


def test_an_open_mouth_is_closed_in_the_neutral_drawing_and_opened_in_the_expressions(drawer):
    opened, closed = person(jawOpen=1.0), person()
    _, cover = drawer.neutral(opened)
    assert torch.equal(cover, drawer.neutral(closed)[1])  # whatever the photo's expression
    picture, coefficients = drawer.expression(closed, opened)

    def holes(picture):
        column = picture[0, :, :, 112].amax(dim=0) > 0
        return int((~column[:-1] & column[1:]).sum()) - 1  # behind the first rise, at the forehead

    assert holes(picture) == 1
    assert holes(drawer.expression(closed, closed)[0]) == 0
    assert coefficients.expression[0, OPEN] == 1
    assert coefficients.identity.shape == (1, 80)


def test_brows_eyes_and_lips_move_and_the_rest_keeps_still(drawer):
    resting = drawer.resting(person(), person())[0, 0]
    assert set(resting.unique().tolist()) == {0.0, 1.0}
    points = (drawer._points(face())[0, :, :2] * 224).long()
    at = {name: float(resting[points[i, 1], points[i, 0]]) for name, i in PLACES.items()}
    assert at == {
        "nose": 1, "cheek": 1, "chin": 1, "forehead": 1, "lip": 0, "eye": 0, "below the eye": 0, "brow": 0,
    }  # fmt: skip
    # The mouth of another's expression counts.
    opened = drawer.resting(person(), person(jawOpen=1.0))[0, 0]
    assert opened.sum() < resting.sum() - 100


PLACES = {
    "nose": 4, "cheek": 50, "chin": 199, "forehead": 151, "lip": 12, "eye": 159,
    "below the eye": 23, "brow": 105,
}  # fmt: skip


def test_four_pairs_of_a_bare_machine_are_learned_by_heart(shards, bare, caplog):
    caplog.set_level(logging.WARNING)
    recipe = replace(tiny(STAGES[0]), batch=4, rate=1e-3, expression_from=6, appearance_from=12)
    stage, batches = building.reconstruction(recipe, Setting(CPU, 42, shards, perceptual=False))
    assert "drawn by the package's own face model" in caplog.text
    assert isinstance(stage, ReconstructionStage)
    assert stage.drawer.kind == "shipped"
    pairs = batches.draw(1)
    assert isinstance(pairs, GohaPairs)
    logged = [stage.step(step, [Part(pairs, step)])["l1"] for step in range(96)]
    for mode in range(4):
        assert np.mean(logged[mode::6][-2:]) < 0.6 * np.mean(logged[:6]), mode
    canonical = [error for step, error in enumerate(logged) if step % 6 in (4, 5)]
    assert np.mean(canonical[-4:]) < 0.7 * canonical[0]


def test_each_stage_goes_on_from_the_one_before_and_notes_who_drew(shards, bare, tmp_path, monkeypatch):
    start = None
    for name in STAGES:
        setting = Setting(CPU, 42, shards, start, perceptual=False)
        start = run_stage(name, tiny(name), setting, tmp_path / name)
    monkeypatch.setattr(building, "_face_kind", lambda sets: "basel")
    monkeypatch.setattr(building, "_stored", lambda name: tiny_generator(parsing_width=4).parser.state_dict())
    with pytest.raises(TrainingError, match="drawn by the shipped face model"):
        building.adversarial(tiny(STAGES[1]), Setting(CPU, 42, shards, start, perceptual=False))


def test_folders_that_do_not_tell_where_faces_are_still_ask_for_the_basel_model(tmp_path, bare):
    made_set(tmp_path, "ravdess", "video", clips=1)
    with pytest.raises(WeightsError, match="weights import goha"):
        building.reconstruction(tiny(STAGES[0]), Setting(CPU, data=tmp_path, perceptual=False))
