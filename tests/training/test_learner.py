import pytest
import torch
from torch import nn

from cameo3d.errors import TrainingError
from cameo3d.training.learner import Group, Learner, Part, weighted_sum
from cameo3d.training.schedule import between, constant


def layer():
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def squares(network):
    return lambda batch: {"square": network(batch).square().mean()}


def test_two_small_batches_teach_as_one_large_one():
    batch = torch.randn(8, 3)
    one, two = layer(), layer()
    for network, parts in ((one, [batch]), (two, [batch[:4], batch[4:]])):
        learner = Learner({"all": Group(list(network.parameters()), constant(0.1))})
        learner.update(0, [Part(part, 0) for part in parts], squares(network), {"square": 1.0})
    torch.testing.assert_close(one.weight, two.weight)


def test_each_group_learns_at_its_own_rate_and_rests_while_it_is_0():
    network = layer()
    groups = {
        "weight": Group([network.weight], constant(0.1)),
        "bias": Group([network.bias], between(constant(0.2), 1)),
    }
    learner = Learner(groups, max_norm=1e9)
    before = network.weight.clone(), network.bias.clone()
    learner.update(0, [Part(torch.ones(2, 3), 0)], squares(network), {"square": 1.0})
    # Adam's first step is the rate itself.
    torch.testing.assert_close((network.weight - before[0]).abs(), torch.full((2, 3), 0.1), rtol=1e-3, atol=0)
    assert torch.equal(network.bias, before[1])
    learner.update(1, [Part(torch.ones(2, 3), 0)], squares(network), {"square": 1.0})
    torch.testing.assert_close((network.bias - before[1]).abs(), torch.full((2,), 0.2), rtol=1e-3, atol=0)


def test_gradients_are_clipped_by_their_common_norm():
    network = layer()
    learner = Learner({"all": Group(list(network.parameters()), constant(0.1))}, max_norm=0.01)
    logged = learner.update(0, [Part(torch.ones(2, 3), 0)], squares(network), {"square": 5.0})
    left = torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None]).norm()
    assert logged["gradient_norm"] > 0.1
    torch.testing.assert_close(left, torch.tensor(0.01), rtol=1e-3, atol=0)


def test_an_update_that_is_not_finite_changes_nothing_and_many_of_them_end_the_training():
    network = layer()
    learner = Learner({"all": Group(list(network.parameters()), constant(0.1))})
    before = network.weight.clone()
    broken = [Part(torch.full((1, 3), torch.nan), 0)]
    with pytest.raises(TrainingError, match="not finite in 20 updates"):
        for step in range(30):
            learner.update(step, broken, squares(network), {"square": 1.0})
            assert step < 19
    assert torch.equal(network.weight, before)


def test_mixed_precision_learns_in_bfloat16_with_weights_in_float32():
    network = layer()
    seen = []
    learner = Learner({"all": Group(list(network.parameters()), constant(0.1))}, precision="bfloat16")

    def losses(batch):
        seen.append(network(batch).dtype)
        return {"square": network(batch).float().square().mean()}

    first = learner.update(0, [Part(torch.ones(2, 3), 0)], losses, {"square": 1.0})["square"]
    for step in range(1, 20):
        last = learner.update(step, [Part(torch.ones(2, 3), 0)], losses, {"square": 1.0})["square"]
    assert seen[0] == torch.bfloat16
    assert network.weight.dtype == torch.float32
    assert last < 0.5 * first


def test_losses_count_by_their_weights_and_others_not_at_all():
    losses = {"a": torch.tensor(2.0), "b": torch.tensor(3.0), "c": torch.tensor(torch.nan)}
    assert weighted_sum(losses, {"a": 0.5, "b": 2.0, "c": 0.0}) == 7.0
    with pytest.raises(ValueError, match="weight"):
        weighted_sum(losses, {})
