"""Many views and expressions of one photo, drawn by the relief: all that is to be learned is known exactly.

The first frame of a shard is the photo's own pose and expression. A shard holds what a prepared clip does,
with coefficients, cameras and mattes that are not measured but known, and the depth of every frame.
Conditioning pictures (PNCC) are drawn from the coefficients when a batch is drawn, as for real clips.
"""

import zlib
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32

from cameo3d.data.portraits.preparing import frames_of
from cameo3d.data.portraits.shards import About, Clip
from cameo3d.data.portraits.sources import Source
from cameo3d.geometry.basel.poses import deep3d_poses
from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.rasterizer import rasterize
from cameo3d.imaging.compose import compose
from cameo3d.models.real3d.eg3d.cameras import camera_vectors
from cameo3d.models.real3d.layers import classify
from cameo3d.models.real3d.poses import camera_of_pose
from cameo3d.models.relief.avatar import ReliefAvatar
from cameo3d.models.relief.lifting import lift_portrait
from cameo3d.models.relief.painter import Painter
from cameo3d.models.relief.view import Viewport, background
from cameo3d.pipeline.portrait import make_portrait
from cameo3d.values import BLENDSHAPES, Motion, Portrait

_SPREAD, _MOST = (12.0, 7.0, 5.0), (25.0, 15.0, 12.0)
"""Standard deviation and limit of yaw, pitch and roll about the photo's own, degrees."""
_SHIFT = 0.006
"""Standard deviation of the head's place, metres."""
_GAZE = 0.15
"""Of the gaze, radians."""
_SHAPES = (
    ("jawOpen", 0.7), ("mouthSmile", 0.8), ("mouthPucker", 0.8), ("mouthFunnel", 0.7), ("mouthStretch", 0.6),
    ("mouthFrown", 0.6), ("mouthUpperUp", 0.5), ("mouthLowerDown", 0.5), ("mouthPress", 0.6),
    ("browInnerUp", 0.8), ("browDown", 0.8), ("eyeBlink", 1.0), ("eyeSquint", 0.7), ("cheekPuff", 0.6),
)  # fmt: skip
"""Shapes, of both sides at once, and their most."""
_AT_ONCE = 4
"""Most shapes of a frame."""


@dataclass(frozen=True)
class Synthesis:
    """How shards are synthesised; those of one folder share it."""

    size: int = 512
    views: int = 16
    """Frames of a shard, of which the first is the photo's own pose and expression."""
    seed: int = 0
    licence: str = ""
    """Noted in every shard."""


def synthesise(source: Source, how: Synthesis) -> Clip:
    """Draw views and expressions of a photo, or of a clip's first frame; the same ones every time.

    Raises:
        InputError: If it cannot be read.
        FaceError: If it shows no face that can be lifted.
    """
    portrait = make_portrait(next(frames_of(source, 1)))
    model = load_face_model()
    avatar = lift_portrait(portrait, model)
    size = how.size
    painter = Painter(avatar, model, Viewport(0.0, 0.0, float(size), size, size))
    plate = background(avatar, painter.view)
    motion = drawn_motion(
        avatar, how.views, np.random.default_rng((how.seed, zlib.crc32(source.name.encode())))
    )
    pictures, mattes, classes, depths, landmarks = [], [], [], [], []
    for index in range(how.views):
        frame = motion.frame(index)
        image = painter.paint(frame)
        surfaces = painter.surfaces(frame)
        points = _landmarks(painter.view.pixels(surfaces[0][:468]), portrait, size)
        picture = compose(image, plate)
        pictures.append(picture)
        mattes.append(image[..., 3])
        classes.append(
            classify(picture, image[..., 3].astype(np.float32) / 255, points).argmax(0).astype(np.uint8)
        )
        depths.append(_depth(avatar, painter.view, *surfaces))
        landmarks.append(points)
    euler, translation = deep3d_poses(motion.rotation, motion.translation)
    return Clip(
        About(
            source.name, source.person, source.validation, "shipped", size, 25.0, "synthesised", how.licence
        ),
        pictures,
        classes,
        mattes,
        plate,
        avatar.person.identity,
        motion.expression,
        euler,
        translation,
        torch.from_numpy(np.stack(landmarks)),
        {
            "depth": torch.from_numpy(np.stack(depths)),
            "cameras": camera_vectors(camera_of_pose(euler, translation)),
        },
    )


def drawn_motion(avatar: ReliefAvatar, count: int, random: np.random.Generator) -> Motion:
    """Poses and expressions about a photo's own, which come first."""
    person = avatar.person
    turns = np.radians(random.normal(0, _SPREAD, (count, 3)).clip(-np.array(_MOST), _MOST))
    shifts, gazes = random.normal(0, _SHIFT, (count, 3)), random.normal(0, _GAZE, (count, 2))
    expression = person.expression.repeat(count, 1)
    for row in expression[1:]:
        for shape in random.choice(len(_SHAPES), random.integers(1, _AT_ONCE + 1), replace=False):
            name, most = _SHAPES[shape]
            weight = float(random.uniform(0, most))
            for index, full in enumerate(BLENDSHAPES):
                if full.startswith(name):
                    row[index] = weight
    turns[0], shifts[0], gazes[0] = 0, 0, 0
    return Motion(
        expression,
        person.rotation + torch.from_numpy(turns).float(),
        person.translation + torch.from_numpy(shifts).float(),
        person.gaze + torch.from_numpy(gazes).float()[:, None],
        25.0,
        "synthesised",
    )


def _depth(
    avatar: ReliefAvatar, view: Viewport, front: np.ndarray, back: np.ndarray
) -> Float[np.ndarray, "size size"]:
    """Metres along the camera's axis to the nearest surface, infinite where there is none; half precision."""
    nearest = [
        rasterize(
            view.pixels(surface),
            np.ascontiguousarray(surface[:, 2], np.float32),
            triangles.numpy(),
            np.zeros((len(surface), 1), np.float32),
            view.height,
            view.width,
        ).depths
        for surface, triangles in ((front, avatar.triangles), (back, avatar.back_triangles))
    ]
    return np.minimum(*nearest).astype(np.float16)


def _landmarks(
    face: Float32[np.ndarray, "468 2"], portrait: Portrait, size: int
) -> Float32[np.ndarray, "478 3"]:
    """The face mesh of a drawn frame, with irises that go where the eyes do; depths are left out."""
    crop, photo = portrait.person.crop, portrait.landmarks.numpy()[:, :2]
    corner = (crop.center_x - crop.side / 2, crop.center_y - crop.side / 2)
    before = ((photo - corner) * (size / crop.side)).astype(np.float32)
    points = np.zeros((478, 3), np.float32)
    points[:468, :2] = face
    for irises, ends in ((slice(468, 473), [33, 133]), (slice(473, 478), [263, 362])):
        points[irises, :2] = before[irises] + (face[ends] - before[ends]).mean(0)
    return points
