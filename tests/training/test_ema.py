import torch
from torch import nn

from cameo3d.training.ema import ema_decay, update_ema


def test_parameters_are_averaged_and_buffers_copied():
    average, network = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    with torch.no_grad():
        network.weight.fill_(3.0)
    network.load_state_dict(network.state_dict() | {"running_mean": torch.full((2,), 5.0)})
    assert network.num_batches_tracked is not None
    network.num_batches_tracked.fill_(7)
    update_ema(average, network, 0.75)
    assert torch.equal(average.weight, torch.tensor([1.5, 1.5]))
    assert torch.equal(average.state_dict()["running_mean"], torch.tensor([5.0, 5.0]))
    assert average.num_batches_tracked == 7


def test_the_average_begins_as_the_network():
    assert ema_decay(0.999, 0) == 0
    assert ema_decay(0.999, 10) == 0.5
    assert ema_decay(0.999, 10**6) == 0.999


def test_after_n_steps_the_start_has_decayed_to_its_nth_power():
    average, network = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(average.weight, 5.0)
    torch.nn.init.constant_(network.weight, 2.0)
    for _ in range(7):
        update_ema(average, network, 0.9)
    torch.testing.assert_close(average.weight, torch.full((1, 1), 2 + 0.9**7 * 3))
    assert torch.equal(network.weight, torch.full((1, 1), 2.0))


def test_the_growing_decay_makes_a_weighted_mean_of_all_steps():
    average, network = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    expected = float("nan")
    for step in range(5):
        torch.nn.init.constant_(network.weight, float(step))
        update_ema(average, network, ema_decay(0.99, step))
        expected = float(step) if step == 0 else expected + (step - expected) * 10 / (step + 10)
    torch.testing.assert_close(average.weight, torch.full((1, 1), expected))
