"""The light in a photo, estimated once from the shade of its face, for what is drawn into it."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32, Int32, UInt8

GAMMA = 2.2
_USUAL = np.array([0.0, -0.5, -0.87])
"""Where light comes from in a photo that does not tell: from above, next to the camera."""
_USUAL_SHARE, _TRUST = 0.45, 0.15
"""How much of all light comes from there, and how firmly that is believed, in shares of the face's."""
_ROUNDS, _OUTLIER = 4, 0.12
"""Beards, brows and lips are no witnesses: rounds of weighting, and the error that halves a weight."""
_LEAST_AMBIENT = 0.2
_SIDEWAYS = 0.15
"""How far a vertex must face the camera to count."""
_SOFT = 0.02
"""Standard deviation of the blur before a colour is read, in widths of the face."""


@dataclass(frozen=True)
class Light:
    """Light from everywhere, and from one direction."""

    direction: Float[np.ndarray, "3"]
    """Towards the light, in the camera's axes, of length 1."""
    ambient: float
    """Share of the light that comes from everywhere, of what a surface gets that faces the light."""

    def shade(self, normals: Float[np.ndarray, "*shape 3"]) -> Float[np.ndarray, "*shape"]:
        """How bright surfaces look on a screen, in units of one that faces the camera."""
        direct = (normals @ self.direction).clip(0)
        facing = self.ambient + (1 - self.ambient) * max(0.0, -float(self.direction[2]))
        return ((self.ambient + (1 - self.ambient) * direct) / facing) ** (1 / GAMMA)

    def glint(self, normals: Float[np.ndarray, "*shape 3"], power: float) -> Float[np.ndarray, "*shape"]:
        """How strongly wet surfaces mirror the light into the camera, from 0 to 1 (Blinn's highlight)."""
        half = self.direction - np.array((0, 0, 1), np.float32)
        half = half / np.linalg.norm(half).clip(1e-6)
        return (normals @ half).clip(0) ** power * (1 - self.ambient) ** 0.5


def find_light(
    image: UInt8[np.ndarray, "height width 3"],
    points: Float32[np.ndarray, "468 2"],
    positions: Float32[np.ndarray, "468 3"],
    triangles: Int32[np.ndarray, "triangles 3"],
) -> Light:
    """Find the light that best explains how bright a face is where it faces which way.

    Args:
        image: The canvas.
        points: The face's vertices on it, pixels.
        positions: The same vertices in the camera's axes, metres.
        triangles: Of the face; their order of corners does not matter.
    """
    normals = surface_normals(positions, triangles)
    width = float(np.ptp(points[:, 0]))
    sigma, places = max(0.5, _SOFT * width), points.astype(int).clip(0, np.array(image.shape[1::-1]) - 1)
    reach = math.ceil(4 * sigma)
    low, high = (places.min(0) - reach).clip(0), places.max(0) + reach
    soft = cv2.GaussianBlur(image[low[1] : high[1], low[0] : high[0]], (0, 0), sigma)
    column, row = (places - low).T
    linear = (soft[row, column].mean(-1) / 255) ** GAMMA
    seen = -normals[:, 2] > _SIDEWAYS
    normals, linear = normals[seen], linear[seen] / max(1e-4, float(np.median(linear[seen])))
    design = np.column_stack((np.ones(len(normals)), normals))
    # A ridge towards usual light decides what the face leaves open.
    usual = np.concatenate(([1 - _USUAL_SHARE], _USUAL_SHARE * _USUAL))
    weights = np.ones(len(linear))
    found = usual
    for _ in range(_ROUNDS):
        ridge = _TRUST * len(linear) * 0.1 * np.eye(4)
        normal = design.T @ (design * weights[:, None]) + ridge
        found = np.linalg.solve(normal, design.T @ (linear * weights) + ridge @ usual)
        weights = 1 / (1 + ((linear - design @ found) / _OUTLIER) ** 2)
    strength = float(np.linalg.norm(found[1:]))
    if strength < 1e-3:
        return Light((_USUAL / np.linalg.norm(_USUAL)).astype(np.float32), 1.0)
    ambient = float(np.clip(found[0] / (found[0] + strength), _LEAST_AMBIENT, 1))
    return Light((found[1:] / strength).astype(np.float32), ambient)


def surface_normals(
    positions: Float[np.ndarray, "points 3"], triangles: Int32[np.ndarray, "triangles 3"]
) -> Float[np.ndarray, "points 3"]:
    """Unit normals of vertices, on the side that faces the camera on average."""
    corners = positions[triangles].astype(float)
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    faces *= np.where(faces[:, 2:].sum() > 0, -1, 1)
    normals = np.zeros((len(positions), 3))
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], faces)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True).clip(1e-9)
