"""Reads the stored tensors of an ONNX file, which is a protocol buffer, without the onnx package.

Written after the message definitions of onnx.proto: of the model its graph (7), of the graph its initializers
(5), of a tensor its dimensions (1), kind (2), floats (4), name (8) and raw data (9).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cameo3d.errors import WeightsError
from cameo3d.media.files import shown

_KINDS = {1: np.float32, 3: np.int8, 7: np.int64}
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def read_onnx_tensors(path: Path) -> dict[str, np.ndarray]:
    """The tensors of float32, int8 and int64 in the file, by name; others are left out.

    Raises:
        WeightsError: If the file is no readable ONNX model.
    """
    try:
        tensors = {}
        for field, graph in _fields(path.read_bytes()):
            for part, tensor in _fields(graph) if field == 7 and isinstance(graph, bytes) else ():
                if part == 5 and isinstance(tensor, bytes):
                    tensors.update(_tensor(tensor))
    except (OSError, ValueError, IndexError) as error:
        raise WeightsError(f"{shown(path)} is no readable ONNX model; install its package again.") from error
    return tensors


def _tensor(message: bytes) -> dict[str, np.ndarray]:
    sizes: list[int] = []
    kind, name, raw = 0, "", b""
    for field, value in _fields(message):
        if field == 1:
            sizes += [value] if isinstance(value, int) else list(_varints(value))
        elif field == 2 and isinstance(value, int):
            kind = value
        elif field == 8 and isinstance(value, bytes):
            name = value.decode()
        elif field == 9 and isinstance(value, bytes):
            raw = value
        elif field == 4 and isinstance(value, bytes):
            raw += value
    if kind not in _KINDS or not raw:
        return {}
    return {name: np.frombuffer(raw, _KINDS[kind]).reshape(sizes)}


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of every field; fixed-width numbers are passed as bytes."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        if kind == _BYTES:
            length, place = _varint(message, place)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"no such kind of field: {kind}")
        if place + length > len(message):
            raise ValueError("the file ends early")
        yield number, message[place : place + length]
        place += length


def _varints(packed: bytes) -> Iterator[int]:
    place = 0
    while place < len(packed):
        value, place = _varint(packed, place)
        yield value


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
