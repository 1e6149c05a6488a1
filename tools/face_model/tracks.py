"""What `track.py` wrote, read back and brought into head axes."""

import csv
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from topology import STABLE

CAMERA_DISTANCE = 1.0
"""Metres from camera to head that every picture is taken to have; it decides how much near parts swell."""


@dataclass(frozen=True)
class Tracks:
    landmarks: np.ndarray
    """(frames, 478, 3) pixels."""
    scores: np.ndarray
    """(frames, 52) the teacher's, in ARKit's order."""
    identity: np.ndarray
    """(frames,) who."""
    source: np.ndarray
    """(frames,) which file."""
    mirrored: np.ndarray
    """(frames,) whether the picture was mirrored before it was tracked."""

    def __getitem__(self, choice: np.ndarray) -> "Tracks":
        return Tracks(*(getattr(self, field.name)[choice] for field in fields(self)))

    def __len__(self) -> int:
        return len(self.scores)


def read_tracks(folder: Path) -> Tracks:
    files = sorted(file for file in folder.glob("*.npz") if not file.name.endswith(".part.npz"))
    loaded = [np.load(file) for file in files]
    loaded = [file for file in loaded if "scores" in file]
    columns = (np.concatenate([file[field.name] for file in loaded]) for field in fields(Tracks))
    return Tracks(*columns)


def check_licences(tracks: Tracks, shared: Path) -> None:
    """Refuse to learn from anything but licence class A."""
    allowed = set()
    for index in ("portraits", "talking"):
        with (shared / "data" / index / "index.csv").open(newline="") as file:
            allowed |= {row["file"] for row in csv.DictReader(file) if row["licence_class"] == "A"}
    others = set(tracks.source.tolist()) - allowed
    assert not others, f"not of licence class A: {sorted(others)[:5]}"


def in_head_axes(landmarks: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn, shift and scale landmarks onto a mean face by its stable vertices.

    MediaPipe's landmarks are nearly a weak-perspective view with depth in the unit of x. So depth first tells
    each point's distance, and x and y are multiplied with it.

    Returns:
        Points in metres (frames, points, 3), and rotations that turn the head into the camera (frames, 3, 3).
    """
    stable, target = list(STABLE), mean[list(STABLE)]
    target = target - target.mean(0)
    spread = np.sqrt((target**2).sum())
    points = centred(landmarks, stable, spread)
    points[..., :2] *= 1 + points[..., 2:] / CAMERA_DISTANCE
    points = centred(points, stable, spread)
    u, _, vt = np.linalg.svd(np.einsum("fvi,vj->fij", points[:, stable], target))
    flip = np.ones((len(points), 3))
    flip[:, 2] = np.linalg.det(u @ vt)
    camera_from_head = (u * flip[:, None]) @ vt
    return points @ camera_from_head + mean[stable].mean(0), camera_from_head


def centred(points: np.ndarray, stable: list[int], spread: float) -> np.ndarray:
    """Shift and scale points so that the stable ones have their mean at zero and a given spread."""
    points = points - points[:, stable].mean(1, keepdims=True)
    return points * (spread / np.sqrt((points[:, stable] ** 2).sum((1, 2))))[:, None, None]


def angle_from_frontal(camera_from_head: np.ndarray) -> np.ndarray:
    """Radians between the line of sight and where the head faces."""
    return np.arccos(camera_from_head[:, 2, 2].clip(-1, 1))
