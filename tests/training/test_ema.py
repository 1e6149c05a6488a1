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
