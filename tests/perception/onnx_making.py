"""A smallest recogniser as an ONNX file, written byte by byte: the mean of each colour."""


def mean_color_model(side: int) -> bytes:
    """The file's content: one square picture in, three numbers out."""
    pool = _text(1, "picture") + _text(2, "pooled") + _text(4, "GlobalAveragePool")
    flatten = _text(1, "pooled") + _text(2, "means") + _text(4, "Flatten")
    graph = (
        *(_part(1, pool), _part(1, flatten), _text(2, "means of colours")),
        *(_part(11, _value("picture", (1, 3, side, side))), _part(12, _value("means", (1, 3)))),
    )
    return _number(1, 8) + _part(7, b"".join(graph)) + _part(8, _text(1, "") + _number(2, 13))


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    axes = b"".join(_part(1, _number(1, size)) for size in shape)
    return _text(1, name) + _part(2, _part(1, _number(1, 1) + _part(2, axes)))


def _text(field: int, value: str) -> bytes:
    return _part(field, value.encode())


def _part(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(value: int) -> bytes:
    result = bytearray()
    while value > 127:
        result.append(value & 127 | 128)
        value >>= 7
    return bytes((*result, value))
