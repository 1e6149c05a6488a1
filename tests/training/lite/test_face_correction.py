"""The face correction learns what pages teach, and nothing where it must not."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from cameo3d.app.train_correction import train_face_correction
from cameo3d.blocks.face_correction import SIZE
from cameo3d.data.portraits.split import is_held_out
from cameo3d.training.learner import Part
from cameo3d.training.lite.face_correction import (
    FaceCorrectionRecipe,
    FaceCorrectionStage,
    PageBatches,
    correction_losses,
    openings,
)
from cameo3d.training.loop import Plan, train


def pages(folder, name: str, held_out: bool = False) -> None:
    """A grey face that smiles: its truth is lighter in the lower half."""
    grid = torch.linspace(40, 200, SIZE).round().byte()
    pncc = torch.stack(
        (grid[None].expand(SIZE, -1), grid[:, None].expand(-1, SIZE), torch.full((SIZE, SIZE), 90).byte()), -1
    ).clone()
    pncc[60:64, 50:78] = 0  # the mouth
    grey = torch.full((SIZE, SIZE, 3), 120).byte()
    truth = grey.clone()
    truth[SIZE // 2 :] += 40
    cover = torch.full((SIZE, SIZE), 255).byte()
    save_file(
        {
            "photo": grey,
            "neutral_map": pncc,
            "photo_map": pncc.clone(),
            "warped": grey[None].clone(),
            "maps": pncc[None].clone(),
            "covers": cover[None],
            "truth": truth[None],
        },
        folder / f"{name}.safetensors",
        {"identity": name, "held_out": str(held_out)},
    )


def test_a_few_steps_bring_the_warped_photo_nearer_to_the_truth(tmp_path):
    pages(tmp_path, "one")
    recipe = FaceCorrectionRecipe(steps=25, batch=2, warm_up=1, rate=3e-3)
    batches, stage = PageBatches(tmp_path, recipe), FaceCorrectionStage(recipe)
    first = stage.step(0, [Part(batches.draw(0), 0)])["l1"]
    for step in range(1, 25):
        last = stage.step(step, [Part(batches.draw(step), step)])["l1"]
    assert last < 0.6 * first


def test_the_same_number_gives_the_same_batch(tmp_path):
    pages(tmp_path, "one")
    one, two = (PageBatches(tmp_path, FaceCorrectionRecipe(batch=2)).draw(7) for _ in range(2))
    assert one.seen.equal(two.seen)
    assert one.truth.equal(two.truth)


def test_people_of_the_evaluation_are_never_drawn(tmp_path):
    pages(tmp_path, "seen")
    pages(tmp_path, "unseen", held_out=True)
    recipe = FaceCorrectionRecipe()
    assert len(PageBatches(tmp_path, recipe)._photos) == 1
    assert len(PageBatches(tmp_path, recipe, held_out=True)._photos) == 1


def test_one_person_in_ten_is_held_out():
    share = np.mean([is_held_out(f"person {number}") for number in range(5000)])
    assert abs(share - 0.1) < 0.015


def test_openings_are_left_alone_and_what_is_around_them_counts_most(tmp_path):
    pages(tmp_path, "one")
    batch = PageBatches(tmp_path, FaceCorrectionRecipe(batch=1), held_out=False).draw(0)
    assert batch.cover[0, 0, 62, 64] < 0.05
    assert batch.cover[0, 0, 30, 30] > 0.95
    around = openings(batch.seen[:, 12:15], batch.cover)[0, 0]
    assert around[56, 64] == 1
    assert around[30, 30] == 0


def test_adding_the_missing_part_leaves_no_loss(tmp_path):
    pages(tmp_path, "one")
    batch = PageBatches(tmp_path, FaceCorrectionRecipe(batch=1)).draw(3)
    found = correction_losses(batch, batch.truth - batch.warped)
    assert float(found["l1"]) < 1e-6
    assert float(found["edges"]) < 1e-6


def test_held_out_people_are_judged_by_the_averaged_network_before_the_first_step_and_at_the_end(tmp_path):
    made, out = tmp_path / "pages", tmp_path / "out"
    made.mkdir()
    pages(made, "seen")
    pages(made, "unseen", held_out=True)
    recipe = FaceCorrectionRecipe(steps=3, batch=1, warm_up=1)
    train_face_correction(tmp_path, out, recipe)
    rows = [row.split(",") for row in (out / "held_out.csv").read_text().splitlines()]
    assert {(row[0], row[1]) for row in rows} >= {("0", "l1"), ("3", "l1")}
    # Grey faces whose lower half is lighter by 40 of 127.5, brought to the same mean: 20 everywhere.
    assert float(next(row[2] for row in rows if row[:2] == ["0", "l1"])) == pytest.approx(
        20 / 127.5, rel=0.05
    )
    train_face_correction(tmp_path, out, recipe)  # again: nothing is left to do, and nothing is written twice
    assert len((out / "held_out.csv").read_text().splitlines()) == len(rows)


def test_a_training_that_was_stopped_ends_as_one_run(tmp_path):
    pages(tmp_path, "one")
    recipe = FaceCorrectionRecipe(steps=4, batch=1, warm_up=1)

    def run(folder, *steps):
        for last in steps:
            stage, batches = FaceCorrectionStage(recipe), PageBatches(tmp_path, recipe)
            train(stage, batches, Plan(last, ema=0.9, save_every=2, log_every=1, workers=0), folder, "pages")
        return stage.networks.state_dict()

    whole, parts = run(tmp_path / "whole", 4), run(tmp_path / "parts", 2, 4)
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
