"""What moods do to a face: the table in pipeline/moods.py, measured on pictures that are labelled with them.

    python tools/mood_table.py PORTRAITS

PORTRAITS is a folder of portraits with an index.csv (file, source_path, licence_class, yaw_deg). Used are
those of licence class A only: generated faces of SFHQ-T2I (MIT), which its authors' figures sort by text
queries, one query a row, and the Face Research Lab London Set (CC-BY-4.0), which shows everybody neutral and
smiling. docs/cards/mood.md says what came out.
"""

import argparse
import csv
import re
from pathlib import Path

import numpy as np

from cameo3d.geometry.crops import portrait_crop
from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.fitting import fit_portrait
from cameo3d.geometry.rotations import matrices_from_angles
from cameo3d.media.images import read_image
from cameo3d.perception.expression import expression_scores
from cameo3d.perception.landmarks import find_faces
from cameo3d.values import BLENDSHAPES

ROWS = {0: "angry", 1: "surprised", 2: "smiling", 3: "sad"}
"""SFHQ-T2I's queries by row: "angry or enraged", "surprised", "smiling", "sad or depressed"."""
FIGURE = re.compile(r"textual_search_2_Expression(?:_x_Sex)?_top_10_matches\.jpg#tile r(\d)c\d")
LONDON = {"london_neutral": "neutral", "london_smile": "happy"}
MOST_YAW = 25.0
"""Degrees; faces turned further are left out."""
SHAPES = ("browDown", "browInnerUp", "browOuterUp", "eyeSquint", "eyeWide", "mouthSmile")
QUANTILE, LEAST = 0.9, 0.1
"""A mood is as its clearest tenth of pictures shows it, in shapes that half of them show at least so far."""
OPEN = 0.2
"""Above this median of jawOpen pictures shout, and say nothing of the corners of a mouth that talks."""


def label(row: dict[str, str]) -> str | None:
    if row["licence_class"] != "A" or abs(float(row["yaw_deg"])) > MOST_YAW:
        return None
    match = FIGURE.search(row["source_path"])
    prefix = row["file"].rpartition("_")[0]
    return LONDON.get(prefix) if match is None else ROWS.get(int(match.group(1)))


def measured(path: Path) -> np.ndarray | None:
    """Of the largest face: ARKit's weights, yaw, pitch and roll in degrees, and `places`."""
    faces = find_faces(read_image(path))
    if not faces:
        return None
    crop, scores = portrait_crop(faces[0]), expression_scores(faces[0][None])[0]
    fit = fit_portrait(load_face_model(), faces[0], crop, scores)
    upright = (faces[0][:468] - faces[0][:468].mean(0)) @ matrices_from_angles(fit.rotation).numpy()
    return np.concatenate((fit.expression.numpy(), np.degrees(fit.rotation.numpy()), places(upright)))


def places(vertices: np.ndarray) -> np.ndarray:
    """How far the mouth's corners hang below the upper lip, and the inner brows stand above the eyes.

    In distances of the eyes' outer corners; y points down.
    """
    y = vertices[:, 1] / np.linalg.norm(vertices[33] - vertices[263])
    return np.array([(y[61] + y[291]) / 2 - y[0], (y[133] + y[362] - y[55] - y[285]) / 2])


def clearest(apart: np.ndarray, faces: np.ndarray) -> float:
    """The clearest tenth, without what neutral faces differ by anyhow."""
    own = max(0.0, 1 - (faces.std() / apart.std()) ** 2) ** 0.5
    return float(np.median(apart) + own * (np.quantile(apart, QUANTILE) - np.median(apart)))


def columns(name: str) -> list[int]:
    return [i for i, shape in enumerate(BLENDSHAPES) if shape in (name, f"{name}Left", f"{name}Right")]


def effect(name: str) -> np.ndarray:
    """What a shape at full weight does to `places`."""
    model = load_face_model()
    mean = model.mean.numpy()
    return places(mean + model.expression_basis.numpy()[columns(name)].sum(0)) - places(mean)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("portraits", type=Path)
    options = parser.parse_args()
    found: dict[str, list[np.ndarray]] = {}
    with (options.portraits / "index.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            mood = label(row)
            seen = measured(options.portraits / row["file"]) if mood else None
            if mood and seen is not None:
                found.setdefault(mood, []).append(seen)
    people = {mood: np.stack(rows) for mood, rows in found.items()}
    faces = people.pop("neutral")
    usual = np.median(faces, 0)
    for mood, rows in people.items():
        table = {}
        shouts = np.median(rows[:, BLENDSHAPES.index("jawOpen")]) > OPEN
        for name in SHAPES:
            at = columns(name)
            apart = rows[:, at].mean(1) - usual[at].mean()
            if np.median(apart) >= LEAST and not (shouts and name.startswith("mouth")):
                table[name] = np.quantile(apart, QUANTILE)
        hanging, raised = (rows[:, -2:] - usual[-2:]).T
        if not shouts and "mouthSmile" not in table:
            # MediaPipe hardly scores what pulls corners down and inner brows up; the landmarks show it.
            table["mouthFrown"] = np.quantile(hanging, QUANTILE) / effect("mouthFrown")[0]
            lowered = -table.get("browDown", 0) * effect("browDown")[1]
            table["browInnerUp"] = (np.quantile(raised, QUANTILE) + lowered) / effect("browInnerUp")[1]
        elif "browDown" in table:
            # Nor does it see all that pulls brows down.
            lowest = -clearest(-raised, faces[:, -1]) / effect("browDown")[1]
            table["browDown"] = max(table["browDown"], lowest)
        pitch = np.median(rows[:, 53]) - usual[53]
        print(f"{mood:10} {len(rows):3} pictures, {pitch:+5.1f} degrees down, {shouts=!s}: ", end="")
        print(", ".join(f"{name} {weight:.2f}" for name, weight in table.items()))


if __name__ == "__main__":
    main()
