import numpy as np
import pytest
import torch

from cameo3d.errors import WeightsError
from cameo3d.perception.inception import (
    BlockE,
    Inception,
    load_inception,
    mean_around,
    picture_features,
)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Inception().eval().requires_grad_(False)


def official(network) -> dict[str, torch.Tensor]:
    """Tensors in pytorch-fid's layout, which has a classifier and no counters; they need no room on disk."""
    tensors = {name: x for name, x in network.state_dict().items() if "num_batches" not in name}
    tensors |= {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}
    return {name: torch.full((1,), 0.5).expand(x.shape) for name, x in tensors.items()}


def test_it_has_the_published_number_of_weights():
    with torch.device("meta"):
        count = sum(x.numel() for x in Inception().parameters())
    assert count == 23_834_568 - 1000 * 2048 - 1000  # Inception-v3 without its classifier


def test_padding_does_not_count_in_means():
    torch.testing.assert_close(mean_around(torch.ones(1, 1, 5, 5)), torch.ones(1, 1, 5, 5))


def test_the_last_block_pools_by_the_largest():
    torch.manual_seed(0)
    largest, mean = BlockE(4, largest=True).eval(), BlockE(4, largest=False).eval()
    mean.load_state_dict(largest.state_dict())
    flat = torch.ones(1, 4, 8, 8)
    spot = flat.clone()
    spot[..., 4, 4] = 9.0
    torch.testing.assert_close(largest(flat), mean(flat))
    assert (largest(spot) - mean(spot)).abs().max() > 0.1
    torch.testing.assert_close(largest(spot)[:, :-192], mean(spot)[:, :-192])


def test_a_picture_of_any_size_has_2048_features(network):
    picture = np.random.default_rng(0).integers(0, 255, (64, 80, 3), np.uint8)
    features = picture_features(network, picture)
    assert features.shape == (1, 2048)
    assert features.std() > 0


def test_the_official_layout_fits(network, tmp_path):
    path = tmp_path / "pt_inception-2015-12-05-6726825d.pth"
    torch.save(official(network), path)
    assert float(load_inception(path).Mixed_7c.branch_pool.bn.bias[0]) == 0.5


def test_another_layout_is_refused(network, tmp_path):
    tensors = official(network)
    del tensors["Mixed_7c.branch1x1.conv.weight"]
    torch.save(tensors, tmp_path / "short.pth")
    with pytest.raises(WeightsError, match=r"missing: Mixed_7c\.branch1x1\.conv\.weight"):
        load_inception(tmp_path / "short.pth")
