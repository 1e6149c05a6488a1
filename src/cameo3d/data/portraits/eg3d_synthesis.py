"""Many views of made-up people, drawn by an EG3D that the user owns: cameras are known exactly.

The checkpoint is the teacher of Real3D-Portrait's first stage. What it does not tell (mattes, classes and how
the shipped face model lies over a picture) is measured, as for real photos.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from cameo3d.data.portraits.faces import fit_frames
from cameo3d.data.portraits.shards import About, Clip
from cameo3d.data.portraits.sources import Source
from cameo3d.errors import FaceError
from cameo3d.models.real3d.eg3d.cameras import drawn_cameras
from cameo3d.models.real3d.eg3d.config import EG3D
from cameo3d.models.real3d.eg3d.generator import Eg3dGenerator
from cameo3d.models.real3d.generator import split_camera
from cameo3d.models.real3d.layers import nearest_background
from cameo3d.models.real3d.segmentation import BACKGROUND, classify
from cameo3d.perception.landmarks import find_faces
from cameo3d.perception.matte import person_matte
from cameo3d.weights.conversion.real3d_training import read_teacher

_LEAST_SHARE = 0.5
"""Of the views that must show a face; what an EG3D draws is nobody now and then."""


@dataclass(frozen=True)
class Eg3dSynthesis:
    """How people are made up; those of one folder share it."""

    size: int = 512
    people: int = 100
    views: int = 16
    seed: int = 0
    truncation: float = 0.7
    """How far from the mean person, as a share of the way."""
    licence: str = ""
    """Noted in every shard; that of the checkpoint."""


def made_up_people(checkpoint: Path, how: Eg3dSynthesis) -> list[Source]:
    """A source for each person, by number."""
    names = [f"person-{number:06d}" for number in range(how.people)]
    return [Source(name, checkpoint, "photo", name) for name in names]


@torch.no_grad()
def draw_person(source: Source, how: Eg3dSynthesis) -> Clip:
    """Draw one person from several cameras around the head; the same ones every time.

    Raises:
        WeightsError: If the checkpoint cannot be opened or is no EG3D.
        FaceError: If too few views show a face.
    """
    teacher, number = _teacher(source.path), int(source.name.rpartition("-")[2])
    random = torch.Generator().manual_seed(how.seed * 1_000_003 + number)
    latent = torch.randn((1, teacher.config.latent), generator=random)
    conditioning = drawn_cameras(random, 1, pitch=10.0, yaw=16.0, near=2.7, far=3.2)
    cameras = drawn_cameras(random, how.views, pitch=26.0, yaw=38.0, near=2.7, far=4.0)
    planes = teacher.draw_planes(latent, conditioning, how.truncation)
    drawn = [_bytes(teacher(planes, *split_camera(camera[None]))[0], how.size) for camera in cameras]
    found = [next(iter(find_faces(picture)), None) for picture in drawn]
    seen = [index for index, points in enumerate(found) if points is not None]
    if len(seen) < max(1, _LEAST_SHARE * how.views):
        raise FaceError(f"It shows a face in {len(seen)} of {how.views} views only.")
    landmarks = np.stack([points for points in found if points is not None])
    pictures = [drawn[index] for index in seen]
    mattes = [person_matte(picture).astype(np.float32) for picture in pictures]
    classes = [classify(*each) for each in zip(pictures, mattes, landmarks, strict=True)]
    identity, expression, euler, translation = fit_frames("shipped", landmarks, how.size)
    about = About(
        source.name, source.person, source.validation, "shipped", how.size, 25.0, "eg3d", how.licence
    )
    return Clip(
        about,
        pictures,
        [six.argmax(axis=0).astype(np.uint8) for six in classes],
        [np.rint(matte * 255).astype(np.uint8) for matte in mattes],
        # Every view has a background of its own; the first one's stands for all.
        nearest_background(pictures[0], ~classes[0][BACKGROUND]),
        identity,
        expression,
        euler,
        translation,
        torch.from_numpy(landmarks),
        {"cameras": cameras[seen], "latent": latent[0], "conditioning": conditioning[0]},
    )


@lru_cache(maxsize=1)
def _teacher(checkpoint: Path) -> Eg3dGenerator:
    teacher = Eg3dGenerator(EG3D)
    teacher.load_state_dict(read_teacher(checkpoint, teacher.state_dict()))
    return teacher.eval().requires_grad_(False)


def _bytes(image: Tensor, size: int) -> UInt8[np.ndarray, "{size} {size} 3"]:
    """A network's picture as bytes, made smaller if it has to be."""
    picture = ((image[0].clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()
    if len(picture) == size:
        return np.ascontiguousarray(picture)
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
