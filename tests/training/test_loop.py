import csv
import importlib

import numpy as np
import pytest
import torch
from toy_stage import ToyBatches, ToyStage

from cameo3d.errors import TrainingError
from cameo3d.training.loop import Plan, train
from cameo3d.training.reports import progress_line

PLAN = Plan(steps=8, accumulate=2, log_every=1, sheet_every=4, save_every=2)


class Stopped(Exception):
    pass


def rows(folder):
    return list(csv.reader((folder / "log.csv").open()))


def weights(stage):
    return torch.cat([x.flatten() for x in stage.networks.state_dict().values()])


def test_a_killed_training_goes_on_with_the_same_losses_and_ends_with_the_same_weights(tmp_path):
    whole, first, second = ToyStage(), ToyStage(), ToyStage()
    train(whole, ToyBatches(), PLAN, tmp_path / "whole", "toy")

    def kill(step, means):
        if step == 5:
            raise Stopped

    with pytest.raises(Stopped):
        train(first, ToyBatches(), PLAN, tmp_path / "parts", "toy", report=kill)
    train(second, ToyBatches(), PLAN, tmp_path / "parts", "toy")
    assert torch.equal(weights(whole), weights(second))
    assert rows(tmp_path / "parts") == rows(tmp_path / "whole")


def test_the_average_follows_and_the_losses_fall(tmp_path):
    stage = ToyStage()
    train(stage, ToyBatches(), Plan(steps=300, log_every=100, ema=0.9), tmp_path, "toy")
    errors = [float(value) for _, name, value in rows(tmp_path) if name == "error"]
    assert errors[-1] < 0.01 * errors[0]
    torch.testing.assert_close(
        stage.networks["average"].weight, stage.networks["layer"].weight, atol=0.02, rtol=0
    )
    assert (tmp_path / "sheets" / "0000300.png").is_file()


def test_a_checkpoint_of_other_choices_is_refused(tmp_path):
    train(ToyStage(), ToyBatches(), PLAN, tmp_path, "toy")
    with pytest.raises(TrainingError, match="other choices"):
        train(ToyStage(), ToyBatches(), PLAN, tmp_path, "other")


def test_a_damaged_checkpoint_is_refused(tmp_path):
    (tmp_path / "checkpoint.safetensors").write_bytes(b"no tensors")
    with pytest.raises(TrainingError, match="damaged"):
        train(ToyStage(), ToyBatches(), PLAN, tmp_path, "toy")


def test_the_progress_line_tells_rate_and_time_left():
    line = progress_line(100, 1000, {"l1": 0.25, "steps_per_second": 0.5, "seconds_left": 1800.0})
    assert line == "step 100/1000, 2.0 s/step, 0 h 30 min left: l1 0.25"


def test_tensorboard_gets_scalars_and_sheets_if_it_is_installed(tmp_path):
    pytest.importorskip("tensorboard", reason="TensorBoard is in cameo3d[train]")
    train(ToyStage(), ToyBatches(), PLAN, tmp_path, "toy")
    accumulator = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(tmp_path / "events"))
    events.Reload()
    assert [event.step for event in events.Scalars("error")] == list(range(1, 9))
    assert np.isfinite([event.value for event in events.Scalars("error")]).all()
    assert events.Images("sheet")
