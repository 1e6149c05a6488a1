"""Turns the TFLite files of the mediapipe wheel into the safetensors that the package ships.

Run after `pip install --no-deps mediapipe==0.10.14 tflite==2.18.0 flatbuffers`; mediapipe's code is not
imported, so its wheel may also just be unpacked. The files hold half precision, and so do ours: nothing is
rounded.

    python tools/eyes/convert.py
"""

# pyright: reportMissingImports=false

import argparse
import hashlib
import importlib.util
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import tflite
import torch
from torch import Tensor, nn

from cameo3d.blocks.depthwise import Pointwise
from cameo3d.perception.face_detection import FarDetector, NearDetector
from cameo3d.perception.face_mesh import FaceMesh
from cameo3d.perception.selfie_segmentation import SelfieSegmentation

ASSETS = Path(__file__).parents[2] / "src/cameo3d/assets"
CONVOLUTION = tflite.BuiltinOperator.CONV_2D
DEPTHWISE = tflite.BuiltinOperator.DEPTHWISE_CONV_2D
PRELU = tflite.BuiltinOperator.PRELU
CUSTOM = tflite.BuiltinOperator.CUSTOM
PASSING = (tflite.BuiltinOperator.DEQUANTIZE, tflite.BuiltinOperator.DENSIFY)
TYPES = {0: np.float32, 1: np.float16, 2: np.int32}
INDICES = {1: "Int32Vector", 2: "Uint16Vector", 3: "Uint8Vector"}

FACE_MESH = ("stem", "fine", "coarse", "mesh", "looks", "heads", "points", "presence")
"""Modules in the order in which the file computes them, where it is not that of their registration."""
FAR = (
    *("stem", "first", "down.0", "across.0", "down.1", "across.1", "down.2", "across.2", "down.3"),
    *("lift.0", "up.0", "lift.1", "up.1", "lift.2", "up.2", "scores", "numbers"),
)


class File:
    """The layers of one TFLite file, by kind, in the order in which they are computed."""

    def __init__(self, path: Path) -> None:
        self.model: Any = tflite.Model.GetRootAs(path.read_bytes(), 0)
        self.graph = self.model.Subgraphs(0)
        operators = [self.graph.Operators(i) for i in range(self.graph.OperatorsLength())]
        self.made_by = {output: each for each in operators for output in each.OutputsAsNumpy()}
        self.layers: dict[str, list[list[np.ndarray]]] = defaultdict(list)
        for each in operators:
            kind, tensors = self._code(each), [int(i) for i in each.InputsAsNumpy()[1:]]
            if kind == PRELU:
                self.layers["prelu"].append([self.constant(tensors[0])])
            elif kind == DEPTHWISE:
                self.layers["depthwise"].append([self.constant(i) for i in tensors])
            elif kind == CONVOLUTION:
                found = [self.constant(i) for i in tensors]
                self.layers["pointwise" if found[0].shape[1] == 1 else "convolution"].append(found)
            elif kind == CUSTOM and self._name(each) == "Convolution2DTransposeBias":
                self.layers["transposed"].append([self.constant(i) for i in tensors])

    def constant(self, index: int) -> np.ndarray:
        """A tensor's numbers; those of a sparse one with its zeros."""
        tensor = self.graph.Tensors(index)
        stored = self.model.Buffers(tensor.Buffer())
        if stored.DataLength() == 0:
            source = self.made_by[index]
            assert self._code(source) in PASSING, "a weight that is computed"
            return self.constant(int(source.Inputs(0)))
        numbers = np.frombuffer(stored.DataAsNumpy().tobytes(), TYPES[tensor.Type()])
        shape = [int(n) for n in tensor.ShapeAsNumpy()]
        return numbers.reshape(shape) if tensor.Sparsity() is None else _dense(tensor, numbers, shape)

    def _code(self, operator: Any) -> int:
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        return max(code.BuiltinCode(), code.DeprecatedBuiltinCode())

    def _name(self, operator: Any) -> str:
        return self.model.OperatorCodes(operator.OpcodeIndex()).CustomCode().decode()


def _dense(tensor: Any, numbers: np.ndarray, shape: list[int]) -> np.ndarray:
    """A tensor of which the last axis is stored sparsely, row by row."""
    rows = tensor.Sparsity().DimMetadata(len(shape) - 1)
    segments, columns = (
        _list(kind(), table())
        for kind, table in (
            (rows.ArraySegmentsType, rows.ArraySegments),
            (rows.ArrayIndicesType, rows.ArrayIndices),
        )
    )
    dense = np.zeros((int(np.prod(shape[:-1])), shape[-1]), np.float16)
    for row in range(len(dense)):
        part = slice(segments[row], segments[row + 1])
        dense[row, columns[part]] = numbers[part]
    return dense.reshape(shape)


def _list(kind: int, table: Any) -> np.ndarray:
    name = INDICES[kind]
    vector = getattr(tflite, name)()
    vector.Init(table.Bytes, table.Pos)
    return np.atleast_1d(vector.ValuesAsNumpy()).astype(np.int64)


def converted(network: nn.Module, file: File, order: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """The network's weights out of a file, which must hold neither more layers nor fewer."""
    modules = dict(network.named_modules())
    starts = order or tuple(name for name, _ in network.named_children())
    weights: dict[str, Tensor] = {}
    queues = {kind: list(layers) for kind, layers in file.layers.items()}
    for start in starts:
        for name, module in modules[start].named_modules(prefix=start):
            for part, value in _taken(module, queues).items():
                weights[f"{name}.{part}"] = torch.from_numpy(np.array(value, np.float16))
                assert np.array_equal(weights[f"{name}.{part}"].numpy(), value), "a number is rounded"
    left = {kind: len(layers) for kind, layers in queues.items() if layers}
    assert not left, f"layers without a place: {left}"
    network.load_state_dict({name: value.float() for name, value in weights.items()}, strict=True)
    return weights


def _taken(module: nn.Module, queues: dict[str, list[list[np.ndarray]]]) -> dict[str, np.ndarray]:
    """The next layers of a module's kind, in its own layout."""
    if isinstance(module, nn.ConvTranspose2d):
        weight, bias = queues["transposed"].pop(0)
        return {"weight": weight.transpose(3, 0, 1, 2), "bias": bias}
    if isinstance(module, nn.PReLU):
        return {"weight": np.concatenate(_next(queues["prelu"], module.num_parameters)[0], axis=-1).ravel()}
    if isinstance(module, Pointwise):
        groups = module.weight.shape[0]
        weights, biases = zip(*(queues["pointwise"].pop(0) for _ in range(groups)), strict=True)
        return {
            "weight": np.stack([weight[:, 0, 0].T for weight in weights]),
            "bias": np.stack(biases),
        }
    if isinstance(module, nn.Linear):
        weight, bias = queues["convolution"].pop(0)
        return {"weight": weight.transpose(0, 3, 1, 2).reshape(len(weight), -1), "bias": bias}
    if isinstance(module, nn.Conv2d) and module.groups > 1:
        weights, biases = _next(queues["depthwise"], module.groups)
        weight = np.concatenate(weights, axis=-1)  # 1 rows columns channels
        return {"weight": weight.transpose(3, 0, 1, 2), "bias": np.concatenate(biases)}
    if isinstance(module, nn.Conv2d):
        weight, bias = queues["convolution"].pop(0)
        return {"weight": weight.transpose(0, 3, 1, 2), "bias": bias}
    return {}


def _next(queue: list[list[np.ndarray]], width: int) -> list[list[np.ndarray]]:
    """As many next layers as have so many channels together: those of groups lie next to each other."""
    taken: list[list[np.ndarray]] = []
    while sum(layer[0].shape[-1] for layer in taken) < width:
        taken.append(queue.pop(0))
    return [list(parts) for parts in zip(*taken, strict=True)]


def _wheel() -> Path:
    found = importlib.util.find_spec("mediapipe")
    assert found is not None, "install mediapipe==0.10.14, or name its folder"
    assert found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0])


def _save(name: str, weights: dict[str, Tensor], config: str, source: str) -> None:
    path = ASSETS / f"{name}.safetensors"
    metadata = {
        **{"model": name, "config": config, "source": source, "licence": "Apache-2.0"},
        "revision": "1",
    }
    content = safetensors.torch.save({key: value.contiguous() for key, value in weights.items()}, metadata)
    path.write_bytes(_in_order(content))
    count = sum(value.numel() for value in weights.values())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"{path.name}: {count} numbers, {path.stat().st_size} bytes, sha256 {digest}")


def _in_order(content: bytes) -> bytes:
    """A safetensors file with the entries of its header in alphabetical order, which otherwise is any."""
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:start]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[start:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--mediapipe", type=Path, help="folder of the unpacked package; default: installed one"
    )
    modules = (parser.parse_args().mediapipe or _wheel()) / "modules"
    source = "mediapipe 0.10.14, "
    mesh = "face_landmark/face_landmark_with_attention.tflite"
    _save(
        "face_mesh",
        converted(FaceMesh(), File(modules / mesh), FACE_MESH),
        '{"side": 192, "points": 478}',
        source + mesh,
    )
    near = "face_detection/face_detection_short_range.tflite"
    far = "face_detection/face_detection_full_range_sparse.tflite"
    detectors = {
        **{f"near.{name}": value for name, value in converted(NearDetector(), File(modules / near)).items()},
        **{
            f"far.{name}": value for name, value in converted(FarDetector(), File(modules / far), FAR).items()
        },
    }
    _save("face_detection", detectors, '{"near": 128, "far": 192}', f"{source}{near}, {far}")
    person = "selfie_segmentation/selfie_segmentation.tflite"
    _save(
        "selfie_segmentation",
        converted(SelfieSegmentation(), File(modules / person)),
        '{"side": 256}',
        source + person,
    )


if __name__ == "__main__":
    main()
