"""Facts about MediaPipe's face mesh, read from the teacher's own file: triangles, mirror, metric size.

The teacher is a zip that holds, beside its networks, a canonical face of 468 vertices in centimetres
(Apache-2.0). Only its topology and its size are used; the shape of our mean face is learned.
"""

# pyright: reportMissingImports=false

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mediapipe.modules.face_geometry.protos import geometry_pipeline_metadata_pb2 as protos

from cameo3d.geometry import face_topology as names
from cameo3d.values import BLENDSHAPES

OPENINGS = (
    {*names.INNER_LIP_UPPER, *names.INNER_LIP_LOWER},
    {*names.RIGHT_LID_UPPER, *names.RIGHT_LID_LOWER},
    {*names.LEFT_LID_UPPER, *names.LEFT_LID_LOWER},
)


@dataclass(frozen=True)
class Topology:
    canonical: np.ndarray
    """The canonical face in head axes, metres: (468, 3)."""
    triangles: np.ndarray
    """Skin without the openings, normals towards the camera: (852, 3)."""
    mirror: np.ndarray
    """Vertex on the other side: (468,)."""


def read_topology(teacher: Path) -> Topology:
    metadata = protos.GeometryPipelineMetadata()  # pyright: ignore[reportAttributeAccessIssue]
    with zipfile.ZipFile(teacher) as archive:
        metadata.ParseFromString(archive.read("geometry_pipeline_metadata_landmarks.binarypb"))
    vertices = np.array(metadata.canonical_mesh.vertex_buffer).reshape(-1, 5)[:, :3]
    canonical = vertices * (0.01, -0.01, -0.01)  # from OpenGL's axes and centimetres
    triangles = np.array(metadata.canonical_mesh.index_buffer).reshape(-1, 3)
    skin = [not any(set(triangle.tolist()) <= ring for ring in OPENINGS) for triangle in triangles]
    distances = np.linalg.norm(canonical[:, None] * (-1, 1, 1) - canonical[None], axis=-1)
    mirror = distances.argmin(1)
    assert (mirror[mirror] == np.arange(468)).all(), "the canonical face is not symmetric"
    return Topology(canonical - canonical.mean(0), triangles[skin], mirror)


def mirrored_names() -> np.ndarray:
    """For every blendshape, the index of the one on the other side."""
    swap = {"Left": "Right", "Right": "Left"}
    sides = [next((side for side in swap if name.endswith(side)), None) for name in BLENDSHAPES]
    others = [
        name.removesuffix(side) + swap[side] if side else name
        for name, side in zip(BLENDSHAPES, sides, strict=True)
    ]
    return np.array([BLENDSHAPES.index(name) for name in others])
