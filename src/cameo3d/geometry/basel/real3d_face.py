"""The Basel face model as Real3D-Portrait uses it: with MediaPipe's landmarks and PNCC colours."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from cameo3d.errors import WeightsError
from cameo3d.geometry.basel.bfm import PICTURE_SIZE, BaselFace, FacePoints, move_to_camera, project


@dataclass(frozen=True)
class Real3DFace:
    """The face model and what belongs to it; axes and units are those of `cameo3d.geometry.basel.bfm`."""

    basel: BaselFace
    """Shapes, in decimetres: x right, y up, z to the viewer."""
    mesh_vertices: Int64[Tensor, "468"]
    """The vertex of each of MediaPipe's points; -1 for the few that no vertex matches."""
    map_colors: Float[Tensor, "vertices 3"]
    """Where each vertex lies in the mean face, each axis from 0 to 1: its colour in PNCC pictures."""
    map_triangles: Int64[Tensor, "triangles 3"]
    """The mesh with holes for the eyes, as PNCC pictures show it."""

    @staticmethod
    def from_arrays(arrays: Mapping[str, np.ndarray]) -> "Real3DFace":
        """Take the model from the user's files, as `weights.conversion.basel` reads them.

        Args:
            arrays: Those of `BFM_model_front.mat`, `mesh_vertices`, `map_colors`, `left_eye_triangles` and
                `right_eye_triangles`; indices of triangles begin at 1.

        Raises:
            WeightsError: If arrays are missing or do not fit together.
        """
        basel = BaselFace.from_arrays(arrays)
        missing = sorted(
            {"mesh_vertices", "map_colors", "left_eye_triangles", "right_eye_triangles"} - arrays.keys()
        )
        if missing:
            raise WeightsError(f"The face model lacks {', '.join(missing)}; import the official files again.")
        count, triangle_count = len(basel.mean), len(basel.triangles)
        marks, colors = arrays["mesh_vertices"].reshape(-1), arrays["map_colors"]
        eyes = np.concatenate([arrays[f"{side}_eye_triangles"].reshape(-1) for side in ("left", "right")])
        strange = []
        if marks.shape != (468,) or not ((marks >= -1) & (marks < count)).all():
            strange.append("mesh_vertices does not name 468 vertices that exist")
        if colors.shape != (3, count):
            strange.append(f"map_colors is {list(colors.shape)} instead of {[3, count]}")
        if int(basel.landmarks.max()) + 1 >= count:
            strange.append("keypoints names the last vertex, which has no neighbour")
        if not ((eyes >= 1) & (eyes <= triangle_count)).all():
            strange.append("the triangles of the eyes do not exist")
        if strange:
            raise WeightsError(
                f"The face model's files do not fit together ({'; '.join(strange)}); "
                "take all of them from one release of Real3D-Portrait."
            )
        seen = torch.ones(triangle_count, dtype=torch.bool)
        seen[torch.from_numpy(eyes.astype(np.int64)) - 1] = False
        return Real3DFace(
            basel=basel,
            mesh_vertices=torch.from_numpy(marks.astype(np.int64)),
            map_colors=torch.from_numpy(np.ascontiguousarray(colors.T, dtype=np.float32)),
            map_triangles=basel.triangles[seen],
        )

    def tensors(self) -> dict[str, Tensor]:
        """All by name, to be stored."""
        inner = {f"basel.{name}": getattr(self.basel, name) for name in _names(BaselFace)}
        return inner | {name: getattr(self, name) for name in _names(Real3DFace)[1:]}

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor]) -> "Real3DFace":
        """Undo `tensors`.

        Raises:
            WeightsError: If one is missing.
        """
        basel, others = [f"basel.{name}" for name in _names(BaselFace)], _names(Real3DFace)[1:]
        missing = [name for name in (*basel, *others) if name not in tensors]
        if missing:
            raise WeightsError(
                f"The stored face model lacks {', '.join(missing)}; import the official files again."
            )
        return Real3DFace(BaselFace(*(tensors[name] for name in basel)), *(tensors[name] for name in others))

    @cached_property
    def mesh(self) -> FacePoints:
        """MediaPipe's 468 points as the official code has them: vertex 0 stands for those without a match."""
        return self.basel.at(self.mesh_vertices.clamp(min=0))

    @cached_property
    def key_points(self) -> FacePoints:
        """The 68 key points that steer the torso.

        The official code does not take off the one that the file's indices begin with, so that these are the
        neighbours of the vertices that were meant; the released weights know them so.
        """
        return self.basel.at(self.basel.landmarks + 1)

    def torso_points(
        self,
        identity: Float[Tensor, "batch 80"],
        expression: Float[Tensor, "batch 64"],
        angles: Float[Tensor, "batch 3"],
        translation: Float[Tensor, "batch 3"],
    ) -> Float[Tensor, "batch 68 3"]:
        """Key points as the torso's network takes them: x right and y down in [-1, 1], z zero."""
        shape = self.key_points.shape(identity, expression)
        points = picture_points(move_to_camera(shape, angles, translation))
        return torch.nn.functional.pad((2 * points - 1).clamp(-1, 1), (0, 1))


def picture_points(points: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 2"]:
    """Where points in camera space lie in the picture: x right, y down, in [0, 1]."""
    x, y = project(points).unbind(dim=-1)
    return torch.stack((x, PICTURE_SIZE - y), dim=-1) / PICTURE_SIZE


def _names(kind: type) -> list[str]:
    return [field.name for field in fields(kind)]
