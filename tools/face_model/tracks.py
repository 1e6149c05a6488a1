"""What `track.py` wrote, read back and brought into head axes."""

import csv
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch

from cameo3d.perception import expression
from cameo3d.perception.expression import STABLE


@dataclass(frozen=True)
class Tracks:
    landmarks: np.ndarray
    """(frames, 478, 3) pixels."""
    teacher_landmarks: np.ndarray
    """(frames, 478, 3) pixels, as the teacher's own mesh network sees the same face."""
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
    """`cameo3d.perception.expression.in_head_axes` for arrays and a whole mean face."""
    target = torch.from_numpy(mean[list(STABLE)].astype(np.float64))
    points, camera_from_head = expression.in_head_axes(torch.from_numpy(landmarks.astype(np.float64)), target)
    return points.numpy(), camera_from_head.numpy()


def angle_from_frontal(camera_from_head: np.ndarray) -> np.ndarray:
    """Radians between the line of sight and where the head faces."""
    return np.arccos(camera_from_head[:, 2, 2].clip(-1, 1))
