"""Draw the face model: the mean with every shape at weight 1, and the first components of identity."""

from pathlib import Path

import cv2
import numpy as np
import torch

from cameo3d.geometry.face_model import FaceModel
from cameo3d.values import BLENDSHAPES

TILE = 240
COLUMNS = 9


def draw_face(
    vertices: np.ndarray, triangles: np.ndarray, yaw_degrees: float = 0.0, label: str = ""
) -> np.ndarray:
    """Shade a face as a camera one metre in front of it sees it."""
    angle = np.radians(yaw_degrees)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    points = vertices @ turn.T + (0, 0.005, 1)
    image = points[:, :2] / points[:, 2:] * TILE * 4.6 + TILE / 2
    normals = np.cross(
        points[triangles[:, 1]] - points[triangles[:, 0]], points[triangles[:, 2]] - points[triangles[:, 0]]
    )
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    light = np.array((0.3, -0.5, -0.8)) / np.linalg.norm((0.3, -0.5, -0.8))
    tile = np.full((TILE, TILE, 3), 255, np.uint8)
    for index in np.argsort(-points[triangles][..., 2].mean(1)):
        shade = 90 + 150 * max(0.0, float(normals[index] @ light))
        color = (shade * 0.8, shade * 0.9, shade) if normals[index, 2] < 0 else (120, 60, 60)
        corners = np.round(image[triangles[index]] * 16).astype(np.int32)
        cv2.fillConvexPoly(tile, corners, color, cv2.LINE_AA, 4)
    cv2.putText(tile, label, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return tile


def write_sheets(model: FaceModel, folder: Path) -> None:
    triangles = model.triangles.numpy()
    none = torch.zeros(len(model.identity_basis))
    for yaw in (0, 35):
        tiles = [draw_face(model.mean.numpy(), triangles, yaw, "neutral")]
        for index, name in enumerate(BLENDSHAPES):
            weights = torch.zeros(52)
            weights[index] = 1
            if name == "mouthClose":
                weights[BLENDSHAPES.index("jawOpen")] = 1
            tiles.append(draw_face(model.vertices(none, weights).numpy(), triangles, yaw, name))
        _write(folder / f"expressions_{yaw}.png", tiles)
    tiles = []
    for component in range(9):
        for amount in (-2.5, 2.5):
            for yaw in (0, 35):
                weights = none.clone()
                weights[component] = amount
                shaped = model.vertices(weights, torch.zeros(52)).numpy()
                tiles.append(draw_face(shaped, triangles, yaw, f"{component}: {amount:+}"))
    _write(folder / "identity.png", tiles)


def _write(out: Path, tiles: list[np.ndarray]) -> None:
    tiles = tiles + [np.full_like(tiles[0], 255)] * (-len(tiles) % COLUMNS)
    rows = [np.concatenate(tiles[i : i + COLUMNS], 1) for i in range(0, len(tiles), COLUMNS)]
    cv2.imwrite(str(out), np.concatenate(rows))
