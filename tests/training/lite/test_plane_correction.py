"""A wall that stands nearer than its plane says: rays tell, and the network learns it."""

import numpy as np
import pytest
import torch
from frustum_twin import packed_planes
from safetensors.torch import save_file

from cameo3d.blocks.frustum_kernel import RayTracer
from cameo3d.blocks.frustum_planes import FRONT, HEAD, Bend, PlaneFrame
from cameo3d.blocks.plane_correction import PlaneCorrection
from cameo3d.data.portraits.plane_pairs import PLANE, RAYS, read_plane_pairs
from cameo3d.training.learner import Part
from cameo3d.training.lite.plane_correction import (
    PlaneCorrectionRecipe,
    PlaneCorrectionStage,
    RayBatch,
    RayBatches,
    drawn,
    mirrored,
    paired,
    picture_losses,
)

FRAME = PlaneFrame(scale=2.5, left=-0.2, top=-0.2, middle=1.0)
TURN = 0.25
NEARER = 0.01
"""Metres by which the wall stands before what its plane says."""


def wall(front: float) -> torch.Tensor:
    full = torch.ones(PLANE, PLANE)
    return packed_planes(
        front * full, 1.02 * full, full, 0 * full, full, torch.full((3, PLANE, PLANE), 0.5), 1.0
    )


def turned() -> Bend:
    c, s = np.cos(TURN), np.sin(TURN)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], np.float32)
    pivot = np.array([0, 0, 0.97], np.float32)
    return Bend(turn, pivot - pivot @ turn, np.zeros((3, 3), np.float32), np.zeros(3, np.float32))


def directions() -> np.ndarray:
    return np.linspace(-0.12, 0.12, RAYS, dtype=np.float32)


def seen(front: float):
    tracer = RayTracer(wall(front).permute(0, 2, 3, 1).numpy(), FRAME, turned(), 0.8, 1.2)
    return tracer.grid(directions(), directions())


@pytest.fixture(scope="module")
def page() -> np.ndarray:
    """Waves, so that every step aside is seen."""
    x = np.arange(160) / 160
    waves = 0.5 + 0.25 * np.sin(60 * x)[None, :, None] + 0.2 * np.cos(45 * x)[:, None, None]
    return np.rint(np.repeat(waves, 3, 2) * 255).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(page, tmp_path_factory):
    """What the plane says is at 0.97, where the wall really is `NEARER`."""
    path = tmp_path_factory.mktemp("pairs")
    places = torch.from_numpy(seen(0.97 - NEARER).places)[None]
    picture = torch.from_numpy(page).permute(2, 0, 1)[None].float()
    truth = torch.nn.functional.grid_sample(picture, 2 * places - 1, align_corners=False)[0]
    bend = turned()
    numbers = np.concatenate((bend.turn.ravel(), bend.shift, bend.sway.ravel(), bend.drift))
    pair = {
        "plane": wall(0.97)[0].half(),
        "frame": torch.tensor((FRAME.scale, FRAME.left, FRAME.top, FRAME.middle)),
        "rays": torch.from_numpy(directions()),
        "pages": torch.from_numpy(page)[None],
        "depths": torch.from_numpy(seen(0.97).depth)[None].half(),
        "bends": torch.from_numpy(numbers)[None],
        "truths": truth.permute(1, 2, 0)[None].round().byte(),
        "mattes": torch.full((1, RAYS, RAYS), 255).byte(),
    }
    save_file({name: x.contiguous() for name, x in pair.items()}, path / "one.safetensors",
              {"identity": "one", "held_out": "False"})  # fmt: skip
    return path


@pytest.fixture
def batch(folder) -> RayBatch:
    return RayBatches(folder, PlaneCorrectionRecipe(batch=1, jitter=0.0)).draw(0)


def test_moving_the_surface_to_where_it_is_draws_the_truth(batch):
    nothing = torch.zeros_like(batch.plane)
    right, wrong = nothing.clone(), nothing.clone()
    right[:, FRONT], wrong[:, FRONT] = NEARER, -NEARER
    errors = [float(picture_losses(batch, drawn(batch, each))["l1"]) for each in (right, nothing, wrong)]
    assert errors[0] < 0.25 * errors[1] < 0.25 * errors[2]


def test_in_a_mirror_everything_is_seen_mirrored(folder):
    row = paired(read_plane_pairs(folder / "one.safetensors"), 0, torch.ones(3))
    there, back = (RayBatch(*(x[None] for x in each)) for each in (row, mirrored(row)))
    nothing = torch.zeros_like(there.plane)
    torch.testing.assert_close(drawn(back, nothing).flip(-1), drawn(there, nothing), atol=2e-3, rtol=0)
    for one, other in zip(mirrored(mirrored(row)), row, strict=True):
        torch.testing.assert_close(one, other)


def test_what_follows_the_head_less_looks_elsewhere(batch):
    nothing = torch.zeros_like(batch.plane)
    less = nothing.clone()
    less[:, HEAD] = -0.5
    assert (drawn(batch, less) - drawn(batch, nothing)).abs().mean() > 0.01


def test_a_new_network_corrects_nothing_and_one_that_learned_stays_in_bounds():
    network, plane = PlaneCorrection(), wall(0.97)[:1]
    assert not network(plane).any()
    torch.nn.init.constant_(network.network.last.bias, 9.0)  # type: ignore[arg-type]
    added = network(plane)
    assert added[:, FRONT].max() <= 0.02
    assert (plane + added)[:, HEAD].max() <= 1
    assert not added[:, 5:].any()  # colours stay


def test_a_few_steps_find_where_the_wall_is(folder):
    recipe = PlaneCorrectionRecipe(steps=30, batch=1, warm_up=1, rate=5e-3, jitter=0.0)
    batches, stage = RayBatches(folder, recipe), PlaneCorrectionStage(recipe)
    first = stage.step(0, [Part(batches.draw(0), 0)])["l1"]
    for step in range(1, 30):
        last = stage.step(step, [Part(batches.draw(step), step)])["l1"]
    assert last < 0.6 * first
    added = stage.networks["planes"](batches.draw(0).plane)
    assert added[:, FRONT].mean() > 0.3 * NEARER
