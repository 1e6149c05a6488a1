"""A face as the mesh sees it in a picture, wherever it was told to look."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from cameo3d.blocks.processors import one_thread
from cameo3d.perception.face_mesh import SIDE, load_face_mesh
from cameo3d.perception.face_search import Box
from cameo3d.perception.face_square import FaceSquare, square_of_landmarks


@dataclass(frozen=True)
class Face:
    """One face of a picture."""

    landmarks: Float32[np.ndarray, "478 3"]
    """In pixels: x right, y down, z in the unit of x (smaller is nearer). The last ten are the irises."""
    confidence: float
    """How surely there is a face, in [0, 1]."""

    @property
    def box(self) -> Box:
        """Left, top, right and bottom of the mesh, in pixels."""
        points = self.landmarks[:468, :2]
        return np.concatenate((points.min(0), points.max(0)))

    @property
    def roll_radians(self) -> float:
        """How far the face is turned in the picture, clockwise, by the line between its eyes."""
        return square_of_landmarks(self.landmarks).roll


def mesh_in(rgb: UInt8[np.ndarray, "height width 3"], squares: list[FaceSquare]) -> list[Face]:
    """Lay the mesh over what each square of a picture shows, whether that is a face or not."""
    if not squares:
        return []
    faces = np.stack([square.cut(rgb, SIDE) for square in squares])
    with torch.inference_mode(), one_thread():
        seen = torch.from_numpy(faces).permute(0, 3, 1, 2).float() / 255  # channels stay last in memory
        points, confidences = load_face_mesh()(seen)
    return [
        Face(square.placed(each), confidence)
        for square, each, confidence in zip(
            squares, (points / SIDE).numpy(), confidences.tolist(), strict=True
        )
    ]
