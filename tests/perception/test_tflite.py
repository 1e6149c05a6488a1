"""Proved against LiteRT by tools/tflite_compare.py; here on networks whose results are known."""

import numpy as np
import pytest
import torch
from made_tflite import Fields, Network, classes_by_color, ints
from torch.nn import functional

from cameo3d.errors import WeightsError
from cameo3d.perception.selfie_classes import selfie_classes
from cameo3d.perception.tflite import TfliteNetwork
from cameo3d.weights.conversion.tflite import read_tflite

NONE, SAME, VALID = 0, 0, 1


def run(tmp_path, network, output, picture):
    path = tmp_path / "x.tflite"
    path.write_bytes(network.file(output))
    return TfliteNetwork(read_tflite(path))(torch.from_numpy(picture)).numpy()


def noise(*shape):
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def test_a_stride_of_two_pads_at_the_end_as_tensorflow_does(tmp_path):
    picture, weight = noise(1, 8, 8, 2), noise(3, 3, 3, 2)
    network = Network(1, 8, 8, 2)
    options = Fields({0: ("b", SAME), 1: ("i", 2), 2: ("i", 2), 3: ("b", 1)})
    output = network.add(3, (network.input, network.constant(weight)), (1, 4, 4, 3), options)
    x = functional.pad(torch.from_numpy(picture).permute(0, 3, 1, 2), (0, 1, 0, 1))
    expected = functional.conv2d(x, torch.from_numpy(weight).permute(0, 3, 1, 2), stride=2).relu()
    np.testing.assert_allclose(
        run(tmp_path, network, output, picture), expected.permute(0, 2, 3, 1), atol=1e-5
    )


def test_each_channel_has_its_own_kernel_in_a_depthwise_convolution(tmp_path):
    picture, weight = noise(1, 5, 5, 2), np.zeros((1, 1, 1, 2), np.float32)
    weight[..., 0], weight[..., 1] = 2, 3
    network = Network(1, 5, 5, 2)
    options = Fields({0: ("b", VALID), 1: ("i", 1), 2: ("i", 1), 3: ("i", 1)})
    output = network.add(4, (network.input, network.constant(weight)), (1, 5, 5, 2), options)
    np.testing.assert_allclose(run(tmp_path, network, output, picture), picture * (2, 3), rtol=1e-6)


def test_the_mean_of_a_window_counts_nothing_beyond_the_picture(tmp_path):
    network = Network(1, 3, 3, 1)
    sizes = {0: ("b", SAME), 1: ("i", 2), 2: ("i", 2), 3: ("i", 2), 4: ("i", 2)}
    output = network.add(1, (network.input,), (1, 2, 2, 1), Fields(sizes))
    np.testing.assert_allclose(run(tmp_path, network, output, np.ones((1, 3, 3, 1), np.float32)), 1)


@pytest.mark.parametrize(("rule", "expected"), [({}, [0, 0.5, 1, 1]), ({3: ("b", 1)}, [0, 0.25, 0.75, 1])])
def test_pictures_grow_by_the_rule_that_the_file_names(rule, expected, tmp_path):
    network = Network(1, 2, 1, 1)
    size = network.constant(ints(4, 1))
    output = network.add(23, (network.input, size), (1, 4, 1, 1), Fields(rule))
    picture = np.array([0, 1], np.float32).reshape(1, 2, 1, 1)
    np.testing.assert_allclose(run(tmp_path, network, output, picture)[0, :, 0, 0], expected)


def test_a_transposed_convolution_is_cut_to_the_size_of_the_file(tmp_path):
    network = Network(1, 2, 2, 1)
    weight = np.ones((1, 2, 2, 1), np.float32)
    options = Fields({0: ("b", SAME), 1: ("i", 2), 2: ("i", 2)})
    inputs = (network.constant(ints(1, 4, 4, 1)), network.constant(weight), network.input)
    output = network.add(67, inputs, (1, 4, 4, 1), options)
    picture = noise(1, 2, 2, 1)
    np.testing.assert_allclose(
        run(tmp_path, network, output, picture)[0, :, :, 0], picture[0, :, :, 0].repeat(2, 0).repeat(2, 1)
    )


def test_six_classes_of_a_picture_are_told_by_the_users_own_file(tmp_path):
    path = tmp_path / "selfie.tflite"
    path.write_bytes(classes_by_color())
    assert (read_tflite(path).mean, read_tflite(path).deviation) == (0.0, 255.0)
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:16], picture[16:32], picture[32:48] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    told = selfie_classes(picture, path)
    assert told.sum(axis=0).min() == told.sum(axis=0).max() == 1
    assert [told[:, row, 30].argmax() for row in (8, 24, 40, 60)] == [1, 2, 3, 0]


@pytest.mark.parametrize("cut", [8, 40, 200, -20])
def test_a_damaged_file_is_refused(cut, tmp_path):
    path = tmp_path / "broken.tflite"
    path.write_bytes(classes_by_color()[:cut])
    with pytest.raises(WeightsError, match=r"damaged|no TFLite file"):
        selfie_classes(np.zeros((8, 8, 3), np.uint8), path)


def test_changed_bytes_never_do_more_than_fail(tmp_path):
    good, random = classes_by_color(), np.random.default_rng(0)
    for number in range(60):
        data = bytearray(good)
        for place in random.integers(4, len(data), 3):
            data[place] = random.integers(256)
        path = tmp_path / f"{number}.tflite"
        path.write_bytes(data)
        try:
            selfie_classes(np.zeros((8, 8, 3), np.uint8), path)
        except WeightsError:
            continue


def test_an_operator_that_is_not_known_is_named(tmp_path):
    network = Network(1, 2, 2, 3)
    path = tmp_path / "x.tflite"
    path.write_bytes(network.file(network.add(99, (network.input,), (1, 2, 2, 3))))
    with pytest.raises(WeightsError, match="not known here: 99"):
        TfliteNetwork(read_tflite(path))
