"""TFLite files read without running anything in them: a list of operators, and the numbers they work with."""

import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from cameo3d.errors import WeightsError

_MOST_BYTES, _MOST_NUMBERS = 200_000_000, 50_000_000
_TYPES = {0: np.dtype(np.float32), 1: np.dtype(np.float16), 2: np.dtype(np.int32)}
_CUSTOM = 32
_METADATA = "TFLITE_METADATA"
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Operator:
    """One step of the network."""

    code: int
    """Its number in TFLite's schema, `BuiltinOperator`."""
    custom: str
    """Its name, if it is none of these."""
    inputs: tuple[int, ...]
    """Tensors that it reads; -1 for one that is left out."""
    outputs: tuple[int, ...]
    options: "Table | None"
    """What its kind can choose, in the schema's order."""
    custom_options: bytes


@dataclass(frozen=True)
class Graph:
    """One network."""

    operators: tuple[Operator, ...]
    """In the order in which they are computed."""
    shapes: tuple[tuple[int, ...], ...]
    """Of all tensors."""
    constants: dict[int, np.ndarray]
    """Numbers of those tensors that the file holds."""
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    mean: float
    """To be taken from the bytes of pictures, as the file's own description says; 0 without one."""
    deviation: float
    """By which they are divided then; 255 without one."""


@dataclass(frozen=True)
class Table:
    """A table of a flatbuffer: fields by their number, each with a default."""

    data: bytes
    at: int

    def _field(self, number: int) -> int:
        """Where a field's value is; 0 if it has none."""
        table = self.at - _unpack("i", self.data, self.at)
        if 4 + 2 * number >= _unpack("H", self.data, table):
            return 0
        offset = _unpack("H", self.data, table + 4 + 2 * number)
        return offset and self.at + offset

    def number(self, field: int, kind: str, default: int | float) -> int | float:
        """A number; `kind` is a letter of the module `struct`."""
        at = self._field(field)
        return _unpack(kind, self.data, at) if at else default

    def integer(self, field: int, kind: str = "i", default: int = 0) -> int:
        """A whole number."""
        return int(self.number(field, kind, default))

    def table(self, field: int) -> "Table | None":
        """A table within."""
        at = self._field(field)
        return Table(self.data, at + _unpack("I", self.data, at)) if at else None

    def tables(self, field: int) -> "list[Table]":
        """A list of tables."""
        start, count = self._vector(field)
        places = [start + 4 * index for index in range(count)]
        return [Table(self.data, at + _unpack("I", self.data, at)) for at in places]

    def numbers(self, field: int, kind: type[np.generic] = np.int32) -> np.ndarray:
        """A list of numbers."""
        start, count = self._vector(field)
        return (
            np.frombuffer(self.data, np.dtype(kind).newbyteorder("<"), count, start)
            if count
            else np.empty(0, kind)
        )

    def text(self, field: int) -> str:
        """A text."""
        return self.numbers(field, np.uint8).tobytes().decode("utf8")

    def _vector(self, field: int) -> tuple[int, int]:
        at = self._field(field)
        if not at:
            return 0, 0
        start = at + _unpack("I", self.data, at)
        count = _unpack("I", self.data, start)
        if count > len(self.data):
            raise ValueError("a list longer than the file")
        return start + 4, count


def read_tflite(path: Path) -> Graph:
    """The first network of a TFLite file.

    Raises:
        WeightsError: If it is no such file, damaged, too large, or holds other numbers than float and int32.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise WeightsError(f"{path} has {path.stat().st_size} bytes, too many for a TFLite network.")
    data = path.read_bytes()
    if data[4:8] != b"TFL3":
        raise WeightsError(f"{path} is no TFLite file; download it again.")
    try:
        return _graph(data)
    except (struct.error, ValueError, IndexError, KeyError, UnicodeDecodeError, RecursionError) as error:
        raise WeightsError(f"{path} is damaged, or no network of floats; download it again.") from error


def _graph(data: bytes) -> Graph:
    model = _root(data)
    codes = [(max(c.integer(0, "b"), c.integer(3)), c.text(1)) for c in model.tables(1)]
    network, buffers = model.tables(2)[0], model.tables(4)
    tensors = network.tables(0)
    constants = {}
    for index, tensor in enumerate(tensors):
        held = buffers[tensor.integer(2, "I")].numbers(0, np.uint8)
        if len(held):
            if tensor.table(6) is not None:
                raise ValueError("a sparse tensor")
            kind = _TYPES[tensor.integer(1, "b")]
            constants[index] = held.view(kind).reshape(tensor.numbers(0).tolist())
    operators = []
    for each in network.tables(3):
        code, name = codes[each.integer(0, "I")]
        operators.append(
            Operator(
                code,
                name if code == _CUSTOM else "",
                tuple(each.numbers(1).tolist()),
                tuple(each.numbers(2).tolist()),
                each.table(4),
                each.numbers(5, np.uint8).tobytes(),
            )
        )
    shapes = [tuple(tensor.numbers(0).tolist()) for tensor in tensors]
    if any(math.prod(shape) > _MOST_NUMBERS for shape in shapes):
        raise ValueError("a tensor too large")
    mean, deviation = next(_normalizations(model, buffers), (0.0, 255.0))
    if not deviation > 0:
        raise ValueError("pictures divided by nothing")
    return Graph(
        tuple(operators),
        tuple(shapes),
        constants,
        tuple(network.numbers(1).tolist()),
        tuple(network.numbers(2).tolist()),
        mean,
        deviation,
    )


def _normalizations(model: Table, buffers: list[Table]) -> Iterator[tuple[float, float]]:
    """Mean and deviation of input pictures that the file's description gives (TFLite's metadata schema)."""
    for entry in model.tables(6):
        if entry.text(0) != _METADATA:
            continue
        said = _root(buffers[entry.integer(1, "I")].numbers(0, np.uint8).tobytes())
        units = _all(_all(said.tables(3), lambda part: part.tables(2)), lambda tensor: tensor.tables(4))
        for unit in units:
            options = unit.table(1)
            if unit.integer(0, "B") == 1 and options is not None:
                means, deviations = options.numbers(0, np.float32), options.numbers(1, np.float32)
                yield float(means[0]), float(deviations[0])


def _all(items: list[_Item], inner: Callable[[_Item], list[_Item]]) -> list[_Item]:
    return [found for item in items for found in inner(item)]


def _root(data: bytes) -> Table:
    return Table(data, _unpack("I", data, 0))


def _unpack(kind: str, data: bytes, at: int) -> Any:
    return struct.unpack_from(f"<{kind}", data, at)[0]
