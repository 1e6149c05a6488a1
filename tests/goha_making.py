"""Prepared GOHA data made up for tests: soft blobs on noise, with cameras of small turns."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from cameo3d.data.portraits.goha_pairs import GohaSet, Kind
from cameo3d.values.goha_folders import read_clips

SIZE = 64


class PreparedFrame(NamedTuple):
    """What `write_clip` writes of one frame."""

    name: str
    """Without a suffix."""
    picture: np.ndarray
    matte: np.ndarray
    camera: np.ndarray


def write_clip(folder: Path, frames: list[PreparedFrame]) -> None:
    """Write a clip as GOHA's own preparation does."""
    for part in ("images", "matting"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for frame in frames:
        Image.fromarray(frame.picture).save(folder / "images" / f"{frame.name}.png")
        Image.fromarray(frame.matte).save(folder / "matting" / f"{frame.name}.png")
    labels = [(f"{frame.name}.png", [float(x) for x in frame.camera]) for frame in frames]
    (folder / "dataset.json").write_text(json.dumps({"labels": labels}), "utf8")


def camera_numbers(yaw: float, pitch: float) -> np.ndarray:
    """A camera on the sphere of radius 2.7 that looks at the origin."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    turn = np.array(((cos, 0, sin), (0, 1, 0), (-sin, 0, cos)))
    tilt = np.array(((1, 0, 0), (0, np.cos(pitch), -np.sin(pitch)), (0, np.sin(pitch), np.cos(pitch))))
    pose = np.eye(4)
    pose[:3, :3] = turn @ tilt @ np.diag((1, -1, -1))
    pose[:3, 3] = -2.7 * pose[:3, 2]
    lens = np.array(((4.2647, 0, 0.5), (0, 4.2647, 0.5), (0, 0, 1)))
    return np.concatenate((pose.ravel(), lens.ravel())).astype(np.float32)


def made_frame(random: np.random.Generator, number: int) -> PreparedFrame:
    y, x = (np.mgrid[:SIZE, :SIZE] + 0.5) / SIZE * 2 - 1
    matte = (255 * np.clip(4 * (0.6 - np.hypot(x, y)), 0, 1)).astype(np.uint8)
    waves = np.stack([np.sin(random.uniform(1, 4) * x + random.uniform(1, 4) * y) for _ in range(3)], axis=-1)
    picture = (127 + 100 * waves).astype(np.uint8)
    return PreparedFrame(f"{number:05d}", picture, matte, camera_numbers(*random.uniform(-0.3, 0.3, 2)))


def made_clip(folder: Path, count: int, seed: int) -> list[PreparedFrame]:
    random = np.random.default_rng(seed)
    frames = [made_frame(random, number) for number in range(count)]
    write_clip(folder, frames)
    return frames


def made_set(folder: Path, name: str, kind: Kind, clips: int = 2) -> GohaSet:
    for number in range(clips):
        made_clip(folder / name / f"clip{number}", 1 if kind == "photos" else 3, seed=number + len(name))
    return GohaSet(name, kind, read_clips(folder / name))
