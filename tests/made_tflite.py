"""TFLite files made up for tests: flatbuffers of a few tables, written by hand."""

import struct
from typing import Any

import numpy as np


class Fields(dict[int, Any]):
    """A table: fields by number; numbers as (letter of `struct`, value)."""


def flatbuffer(root: Fields, name: bytes = b"TFL3") -> bytes:
    """The file of a table."""
    data = bytearray(4) + name
    struct.pack_into("<I", data, 0, _write(data, root))
    return bytes(data)


def _write(data: bytearray, value: Any) -> int:
    """Append a table or a list; where it begins."""
    while len(data) % 4:
        data.append(0)
    if isinstance(value, Fields):
        return _write_table(data, value)
    if isinstance(value, list):
        start = len(data)
        data += struct.pack("<I", len(value)) + bytes(4 * len(value))
        for index, item in enumerate(value):
            _point(data, start + 4 + 4 * index, item)
        return start
    if isinstance(value, str | bytes):
        value = np.frombuffer(value.encode() if isinstance(value, str) else value, np.uint8)
    start = len(data)
    data += struct.pack("<I", len(value)) + value.tobytes()
    return start


def _write_table(data: bytearray, fields: Fields) -> int:
    count = max(fields, default=-1) + 1
    kinds = [fields[i][0] if isinstance(fields.get(i), tuple) else "I" for i in range(count)]
    vtable = len(data)
    data += bytes(4 + 2 * count)
    while len(data) % 4:
        data.append(0)
    start = len(data)
    data += struct.pack("<i", start - vtable)
    places = {}
    for index in range(count):
        if index in fields:
            places[index] = len(data)
            struct.pack_into("<H", data, vtable + 4 + 2 * index, len(data) - start)
            data += bytes(max(4, struct.calcsize(kinds[index])))
    struct.pack_into("<HH", data, vtable, 4 + 2 * count, len(data) - start)
    for index, place in places.items():
        if isinstance(fields[index], tuple):
            struct.pack_into(f"<{kinds[index]}", data, place, fields[index][1])
        else:
            _point(data, place, fields[index])
    return start


def _point(data: bytearray, place: int, value: Any) -> None:
    struct.pack_into("<I", data, place, _write(data, value) - place)


def ints(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int32)


class Network:
    """A TFLite network that is put together operator by operator."""

    def __init__(self, *shape: int) -> None:
        self.tensors: list[Fields] = []
        self.buffers: list[Fields] = [Fields()]
        self.codes: list[Fields] = []
        self.operators: list[Fields] = []
        self.input = self.tensor(shape)

    def tensor(self, shape: tuple[int, ...], numbers: np.ndarray | None = None) -> int:
        kinds = {"float32": 0, "float16": 1, "int32": 2}
        kind = 0 if numbers is None else kinds[str(numbers.dtype)]
        if numbers is not None:
            self.buffers.append(Fields({0: np.frombuffer(numbers.tobytes(), np.uint8)}))
        buffer = 0 if numbers is None else len(self.buffers) - 1
        self.tensors.append(Fields({0: ints(*shape), 1: ("b", kind), 2: ("I", buffer)}))
        return len(self.tensors) - 1

    def constant(self, numbers: np.ndarray) -> int:
        return self.tensor(numbers.shape, numbers)

    def add(
        self, code: int, inputs: tuple[int, ...], shape: tuple[int, ...], options: Fields | None = None
    ) -> int:
        """Append an operator; the tensor that it makes."""
        self.codes.append(Fields({0: ("b", min(code, 127)), 3: ("i", code)}))
        output = self.tensor(shape)
        fields = Fields({0: ("I", len(self.codes) - 1), 1: ints(*inputs), 2: ints(output)})
        if options is not None:
            fields[4] = options
        self.operators.append(fields)
        return output

    def file(self, output: int, mean: float | None = None, deviation: float = 1.0) -> bytes:
        network = Fields({0: self.tensors, 1: ints(self.input), 2: ints(output), 3: self.operators})
        model = Fields({0: ("I", 3), 1: self.codes, 2: [network], 4: self.buffers})
        if mean is not None:
            numbers = Fields({0: np.array([mean], np.float32), 1: np.array([deviation], np.float32)})
            unit = Fields({0: ("B", 1), 1: numbers})
            said = Fields({3: [Fields({2: [Fields({4: [unit]})]})]})
            self.buffers.append(Fields({0: np.frombuffer(flatbuffer(said, b"M001"), np.uint8)}))
            model[6] = [Fields({0: "TFLITE_METADATA", 1: ("I", len(self.buffers) - 1)})]
        return flatbuffer(model)


def classes_by_color() -> bytes:
    """A network of six classes that names the greatest of red, green and blue hair, body skin, face skin."""
    network = Network(1, 16, 16, 3)
    weight = np.zeros((6, 1, 1, 3), np.float16)
    weight[1:4, 0, 0] = np.eye(3)
    dense = network.add(6, (network.constant(weight),), weight.shape)
    bias = network.constant(np.array([0.2, 0, 0, 0, 0, 0], np.float32))
    options = Fields({0: ("b", 0), 1: ("i", 1), 2: ("i", 1)})
    told = network.add(3, (network.input, dense, bias), (1, 16, 16, 6), options)
    return network.file(network.add(25, (told,), (1, 16, 16, 6), Fields({0: ("f", 1.0)})), 0.0, 255.0)
