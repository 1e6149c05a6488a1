import json
import struct

import numpy as np
import pytest
import torch

from cameo3d.errors import OutputError
from cameo3d.values.mesh import Mesh

MESH = Mesh(
    torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]),
    torch.tensor([[0, 1, 2], [0, 3, 1]], dtype=torch.int32),
    torch.tensor([[255, 0, 0], [0, 255, 0], [0, 0, 255], [128, 128, 128]], dtype=torch.uint8),
)


def test_a_ply_holds_places_colours_and_corners(tmp_path):
    MESH.save(tmp_path / "head.ply")
    header, body = (tmp_path / "head.ply").read_bytes().split(b"end_header\n")
    assert b"element vertex 4" in header
    assert b"element face 2" in header
    vertices = np.frombuffer(body, [("place", "<f4", 3), ("color", "u1", 3)], 4)
    np.testing.assert_array_equal(vertices["place"], MESH.vertices.numpy())
    np.testing.assert_array_equal(vertices["color"], MESH.colors.numpy())
    faces = np.frombuffer(body, [("count", "u1"), ("corners", "<i4", 3)], 2, offset=4 * 15)
    np.testing.assert_array_equal(faces["corners"], MESH.triangles.numpy())


def test_an_obj_counts_from_one(tmp_path):
    MESH.save(tmp_path / "head.obj")
    lines = (tmp_path / "head.obj").read_text().splitlines()
    assert lines[2] == "v 1.000000 0.000000 0.000000 0.0000 1.0000 0.0000"
    assert lines[-2:] == ["f 1 2 3", "f 1 4 2"]


def test_a_glb_is_well_formed_and_its_colours_are_linear(tmp_path):
    MESH.save(tmp_path / "head.glb")
    data = (tmp_path / "head.glb").read_bytes()
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON"
    assert size % 4 == 0
    scene = json.loads(data[20 : 20 + size])
    binary = data[20 + size + 8 :]
    assert scene["buffers"][0]["byteLength"] == len(binary)

    def view(index, kind, width):
        part = scene["bufferViews"][index]
        assert part["byteOffset"] % 4 == 0
        count = part["byteLength"] // np.dtype(kind).itemsize
        return np.frombuffer(binary, kind, count, part["byteOffset"]).reshape(-1, width)

    np.testing.assert_array_equal(view(0, "<f4", 3), MESH.vertices.numpy())
    np.testing.assert_array_equal(view(2, "<u4", 3), MESH.triangles.numpy())
    assert view(1, "u1", 4)[3].tolist() == [55, 55, 55, 255]  # half of sRGB is 0.216 of the light
    assert scene["accessors"][0]["max"] == [1, 1, 1]


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(OutputError, match="should end in"):
        MESH.save(tmp_path / "head.stl")
