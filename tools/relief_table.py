"""Measure how well avatars keep a person, follow lips and lids, and turn as asked, by one program.

    python tools/relief_table.py [--model real3d|goha] [--turns yaw20 pitch20] [--identity] PHOTO...

The models of size lite are measured as the relief is.

Every photo is encoded once. Shown are, over all photos, median, mean and worst of

- dlib's distance between photo and picture, at the photo's pose and turned both ways by every
  one of --turns: the mean of both sides, and the worse side;
- by how many degrees those turns are missed, on the worse side;
- the correlation of the lips' opening with the one asked for, and of the lids';
- the correlation of the mouth's width, from spread to rounded lips, as a voice asks for it.

MediaPipe's mesh sees the faces.
"""

import argparse
import json
import logging
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from cameo3d.errors import CameoError
from cameo3d.geometry.crops import portrait_crop
from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.fitting import fit_portrait
from cameo3d.imaging.compose import compose
from cameo3d.imaging.framing import cut
from cameo3d.models.avatar import render
from cameo3d.perception.expression import expression_scores
from cameo3d.perception.identity import load_recogniser
from cameo3d.perception.landmarks import find_faces
from cameo3d.pipeline.animate import Model, load_model
from cameo3d.pipeline.hidden import held_where_hidden
from cameo3d.pipeline.retarget import turned_about_the_neck, voiced_motion
from cameo3d.values import BLENDSHAPES, Motion, Person
from cameo3d.values.motion import still_motion

OPENINGS = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7)
"""Weights of jawOpen."""
ROUNDED = (
    {"mouthStretchLeft": 0.3, "mouthStretchRight": 0.3},
    {},
    {"mouthPucker": 0.4},
    {"mouthPucker": 0.9},
)
"""What a voice asks for, from a wide mouth to a narrow one."""
LIDS = (0.0, 0.25, 0.5, 0.75, 1.0)
AXES = ("yaw", "pitch", "roll")
TURNS = ("yaw20", "yaw35", "pitch20", "roll25")


def weights(**named: float) -> torch.Tensor:
    """An expression."""
    expression = torch.zeros(52)
    for name, weight in named.items():
        expression[BLENDSHAPES.index(name)] = weight
    return expression


class Turn(NamedTuple):
    """Of the head, away from the photo's pose, to either side."""

    name: str
    axis: int
    degrees: float

    def to(self, side: int) -> np.ndarray:
        """Yaw, pitch and roll to side -1 or 1, degrees."""
        return side * self.degrees * np.eye(3)[self.axis]


def turn(text: str) -> Turn:
    """What a name like yaw20 stands for."""
    axis = text.rstrip("0123456789")
    if axis not in AXES or axis == text:
        raise argparse.ArgumentTypeError(f'"{text}" is no turn; write yaw20, pitch20 or roll25')
    return Turn(text, AXES.index(axis), float(text[len(axis) :]))


def posed(person: Person, expressions: list[torch.Tensor], degrees: np.ndarray | None = None) -> Motion:
    """Expressions at the photo's pose, turned by yaw, pitch and roll."""
    offset = np.zeros(3) if degrees is None else np.radians(degrees)
    rotation = person.rotation + torch.as_tensor(offset).float()
    rotations = rotation.expand(len(expressions), 3)
    gaze = person.gaze.expand(len(expressions), 2, 2)
    places = turned_about_the_neck(rotations, person)
    return Motion(torch.stack(expressions), rotations, places, gaze, 25.0, "table")


def opening(mesh: np.ndarray) -> float:
    """Of the lips, in heights of the face."""
    return float(np.linalg.norm(mesh[14, :2] - mesh[13, :2]) / np.linalg.norm(mesh[10, :2] - mesh[152, :2]))


def width(mesh: np.ndarray) -> float:
    """Of the mouth, in distances between the eyes' outer corners."""
    return float(np.linalg.norm(mesh[61, :2] - mesh[291, :2]) / np.linalg.norm(mesh[33, :2] - mesh[263, :2]))


def lids(mesh: np.ndarray) -> float:
    """How open the eyes are, in their widths."""
    eyes = ((159, 145, 33, 133), (386, 374, 263, 362))
    return float(
        np.mean(
            [np.linalg.norm(mesh[a] - mesh[b]) / np.linalg.norm(mesh[c] - mesh[d]) for a, b, c, d in eyes]
        )
    )


def head(mesh: np.ndarray) -> np.ndarray:
    """Yaw, pitch and roll, degrees."""
    fit = fit_portrait(load_face_model(), mesh, portrait_crop(mesh), expression_scores(mesh[None])[0])
    return np.degrees(fit.rotation.numpy())


def measure(path: Path, model: Model, turns: Sequence[Turn], moving: bool) -> dict[str, float]:
    """All figures of one photo, or without those of what moves; what could not be seen is missing."""
    embed = load_recogniser()
    avatar = model.encode(path)
    person, behind = avatar.person, model.network.background(avatar)

    def shown(motion: Motion) -> list[np.ndarray]:
        held = held_where_hidden(motion, person, person.sight)
        return [compose(frame, behind) for frame in render(model.network, avatar, held)]

    def seen(pictures: list[np.ndarray]) -> list[np.ndarray | None]:
        faces = [find_faces(picture) for picture in pictures]
        return [found[0] if found else None for found in faces]

    figures: dict[str, float] = {}
    photo = cut(person.photo.numpy(), person.crop, 512, border="edge")
    own = find_faces(photo)
    if own:
        truth = embed(photo, own[0])
        still = shown(posed(person, [person.expression]))
        for picture, mesh in zip(still, seen(still), strict=True):
            if mesh is not None:
                figures["identity"] = float(np.linalg.norm(embed(picture, mesh) - truth))
        for turned in turns:
            sides = [turned.to(side) for side in (-1, 1)]
            pictures = [shown(posed(person, [person.expression], side))[0] for side in sides]
            distances, missed = [], []
            for side, picture, mesh in zip(sides, pictures, seen(pictures), strict=True):
                if mesh is None:
                    continue
                distances.append(float(np.linalg.norm(embed(picture, mesh) - truth)))
                wanted = np.degrees(person.rotation.numpy()) + side
                missed.append(float(abs(head(mesh) - wanted)[turned.axis]))
            if len(distances) == 2:
                figures[f"identity, {turned.name}"] = float(np.mean(distances))
                figures[f"identity, {turned.name}, worse side"] = max(distances)
                figures[f"missed degrees, {turned.name}"] = max(missed)

    if not moving:
        return figures

    def followed(name: str, motion: Motion, look, wanted: np.ndarray) -> None:
        meshes = seen(shown(motion))
        values = np.array([np.nan if mesh is None else look(mesh) for mesh in meshes])
        known = np.isfinite(values)
        if known.sum() > 2 and np.ptp(values[known]) > 1e-6:
            figures[name] = float(np.corrcoef(values[known], wanted[known])[0, 1])
            figures[f"{name}, range"] = float(np.ptp(values[known]))

    opened = posed(person, [weights(jawOpen=weight) for weight in OPENINGS])
    followed("lips", opened, opening, np.array(OPENINGS))
    asked = [still_motion(1, 25.0) for _ in ROUNDED]
    for motion, named in zip(asked, ROUNDED, strict=True):
        motion.expression[0] = weights(jawOpen=0.15, **named)
    voiced = [voiced_motion(motion, person).expression[0] for motion in asked]
    followed("width", posed(person, voiced), width, -np.arange(len(ROUNDED), dtype=float))
    closing = posed(person, [weights(eyeBlinkLeft=weight, eyeBlinkRight=weight) for weight in LIDS])
    followed("lids", closing, lids, -np.array(LIDS))
    return figures


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description="Measure avatars of photos.")
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--model", choices=("relief", "real3d", "goha"), default="relief")
    parser.add_argument("--turns", nargs="*", type=turn, default=[turn(name) for name in TURNS])
    parser.add_argument("--identity", action="store_true", help="leave out what moves")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    size = None if options.model == "relief" else "lite"
    model = load_model(options.model, size=size)
    columns = defaultdict(list)
    for path in options.photos:
        try:
            figures = measure(path, model, options.turns, not options.identity)
        except CameoError as error:
            print(f"{path.name}: {error}")
            continue
        print(path.name, json.dumps(figures), file=sys.stderr)
        for name, value in figures.items():
            columns[name].append(value)
    for name, values in columns.items():
        worst = max(values) if name.startswith(("identity", "missed")) else min(values)
        middle = f"median {np.median(values):.3f}  mean {np.mean(values):.3f}"
        print(f"{name:28} {middle}  worst {worst:.3f}  n {len(values)}")


if __name__ == "__main__":
    main()
