"""Measure the face model and the expression network, and write their cards.

The numbers of the expression network come from people that training left out (class A) and, if tracked, from
the clips of the other licence classes, which never teach anything. The face model was learned from all of
class A, so it is measured on those other clips only.
"""

import argparse
import re
import textwrap
from pathlib import Path

import numpy as np
import torch
from distill import is_held_out, is_portrait
from scipy.optimize import lsq_linear
from sheet import write_sheets
from topology import mirrored_names
from tracks import Tracks, angle_from_frontal, check_licences, in_head_axes, read_tracks

from cameo3d.geometry import face_topology as names
from cameo3d.geometry.face_model import FaceModel, load_face_model
from cameo3d.perception.expression import load_expression_net
from cameo3d.values import BLENDSHAPES

SHOWN = 0.1
"""A shape whose score never reaches this in class A was never shown."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path, help="folder that holds data/ and models/")
    parser.add_argument("tracks", type=Path, help="folder that track.py wrote")
    parser.add_argument("other_tracks", type=Path, help="the same for --classes BC")
    parser.add_argument("cards", type=Path, help="folder to write the cards to")
    parser.add_argument("--sheets", type=Path, help="folder to draw the face model into")
    options = parser.parse_args()
    torch.set_num_threads(1)
    tracks, others = read_tracks(options.tracks), read_tracks(options.other_tracks)
    check_licences(tracks, options.shared)
    model = load_face_model()
    (options.cards / "expression.md").write_text(wrapped(expression_card(tracks, others)), "utf8")
    (options.cards / "face_model.md").write_text(wrapped(face_model_card(model, tracks, others)), "utf8")
    if options.sheets:
        options.sheets.mkdir(parents=True, exist_ok=True)
        write_sheets(model, options.sheets)


def expression_card(tracks: Tracks, others: Tracks) -> str:
    held_out, portrait = is_held_out(tracks), is_portrait(tracks)
    parts = {
        "portraits": tracks[held_out & portrait],
        "clips": tracks[held_out & ~portrait],
        "other clips": others,
    }
    errors, correlations = {}, {}
    for name, part in parts.items():
        estimated = scores_of(part)
        errors[name] = np.abs(estimated - part.scores).mean(0)
        correlations[name] = correlation(estimated, part.scores)
    pairs = mirrored_pairs(tracks)
    ceiling = correlation(*pairs)
    rest, full, _ = load_expression_net().calibration.numpy()
    unseen = [name for name, most in zip(BLENDSHAPES, tracks.scores.max(0), strict=True) if most < SHOWN]
    rows = [
        f"| {name} | {tracks.scores[:, i].max():.2f} | "
        + " | ".join(f"{errors[part][i]:.3f} | {number(correlations[part][i])}" for part in parts)
        + f" | {number(ceiling[i])} | {rest[i]:.2f} |"
        for i, name in enumerate(BLENDSHAPES)
    ]
    means = " | ".join(
        f"**{errors[part].mean():.3f}** | **{number(float(np.nanmean(correlations[part])))}**"
        for part in parts
    )
    rows.append(f"| **mean** | | {means} | **{number(float(np.nanmean(ceiling)))}** | |")
    trained = tracks[~held_out]
    odd = ", ".join(f"{name} {full[i]:.2f}" for i, name in enumerate(BLENDSHAPES) if full[i] != 1)
    return f"""# Card: expression

A network with two hidden layers of 128 that turns the 478 landmarks of one frame, brought into head axes,
into the 52 ARKit scores that Google's MediaPipe Face Landmarker (Apache-2.0, the teacher) gives the same
picture. Made by `tools/face_model/distill.py`; this card by `tools/face_model/report.py`. The weights are
this project's own, MIT.

* Learned from: {count(trained)} of licence class A (generated and public-domain or freely licensed portraits
  and clips), each also mirrored, with the landmarks of both mesh
  networks; in one sample of eight the face model closes one eye, since nobody winks in the data. Sources and
  credits: NOTICE.
* Held out, never trained on: {count(parts["portraits"])} (portraits) and {count(parts["clips"])} (clips) of
  class A. "Other clips" are {count(others)} of licences that allow tests only.
* `expression_scores` does not return raw scores but calibrated weights: the score of a relaxed face (column
  "rest") becomes 0, a score of 1 becomes 1. Exceptions for the score at weight 1: {odd}; mouthPucker is
  squared besides, since the teacher gives it nearly its full score for half-round lips.

## Never shown

In class A the teacher's score of these never reaches {SHOWN}, so the network says about zero for them, and
their displacements in the face model are hand-made: {", ".join(unseen)}.

## Error against the teacher

MAE: mean absolute error of the raw score. r: correlation over frames; a dash where the true score hardly
varies (standard deviation below 0.01). "Teacher r" is how well the teacher agrees with itself on a portrait
and its mirror image: about the best that can be asked for.

| shape | most in class A | portraits MAE | r | clips MAE | r | other clips MAE | r | teacher r | rest |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
{chr(10).join(rows)}

## Limits

One frame at a time, no smoothing. Faces turned by more than about 40 degrees, and mouths behind hands or
microphones, give landmarks that the mesh made up. Gaze scores follow the irises of the mesh and are rough;
`pipeline` measures gaze from the irises themselves. Most portraits are of adults, and the long clips of two
men.
"""


def face_model_card(model: FaceModel, tracks: Tracks, others: Tracks) -> str:
    mean = model.mean.numpy().astype(np.float64)
    portraits = tracks[is_portrait(tracks)]
    turned = angle_from_frontal(in_head_axes(others.landmarks[:, :468], mean)[1])
    frames = others[np.flatnonzero(turned < np.radians(25))[::25]]
    errors = {
        name: fit_errors(model, frames, *use)
        for name, use in (
            ("mean face, pose only", (False, False)),
            ("and identity", (True, False)),
            ("and expression, weights in [0, 1]", (True, True)),
        )
    }
    table = "\n".join(
        f"| {name} | {1000 * np.median(each):.2f} | {1000 * np.quantile(each, 0.95):.2f} |"
        for name, each in errors.items()
    )
    basis = model.expression_basis.numpy()
    blink, jaw_open, mouth_close = (
        basis[BLENDSHAPES.index(n)] for n in ("eyeBlinkLeft", "jawOpen", "mouthClose")
    )
    lids = [gap(face, names.LEFT_LID_UPPER, names.LEFT_LID_LOWER) for face in (mean, mean + blink)]
    lips = [
        gap(face, names.INNER_LIP_UPPER, names.INNER_LIP_LOWER)
        for face in (mean, mean + jaw_open, mean + jaw_open + mouth_close)
    ]
    strength = "\n".join(
        f"| {name} | {1000 * most:.1f} | {frames} |"
        for name, most, frames in zip(
            BLENDSHAPES, np.linalg.norm(basis, axis=-1).max(1), (tracks.scores > 0.3).sum(0), strict=True
        )
    )
    return f"""# Card: face_model

A linear face: mean, {len(model.identity_basis)} components of identity, and ARKit's 52 expressions, over
MediaPipe's 468 vertices. Made by `tools/face_model/learn.py`; this card by `tools/face_model/report.py`. The
tensors are this project's own, MIT. The list of triangles, which vertex mirrors which, and the size of the
face (outer corners of the eyes {1000 * np.ptp(mean[[33, 263], 0]):.1f} mm apart) are facts of MediaPipe's
canonical face (Apache-2.0).

* Learned from {count(tracks)} of licence class A, tracked with the mesh that runs in the package; mean and
  identity from the portraits ({count(portraits)}), weighted towards relaxed faces.
* Expression basis: ridge regression on the teacher's scores, made weights as in docs/cards/expression.md,
  towards hand-made shapes (`tools/face_model/priors.py`), which also say where on the face a shape may act.
  So what the data never show (that card lists it) is hand-made, and tongueOut moves nothing: the mesh has no
  tongue.
* Symmetric by construction: every frame also counts mirrored.

## Size of things

| what | mm |
| --- | --- |
| opening of an eye, mean face | {1000 * lids[0]:.1f} |
| the same at eyeBlink 1 | {1000 * lids[1]:.2f} |
| opening of the lips, mean face | {1000 * lips[0]:.2f} |
| the same at jawOpen 1 | {1000 * lips[1]:.1f} |
| the same at jawOpen 1 and mouthClose 1 | {1000 * lips[2]:.2f} |
| tip of the nose before the ears | {1000 * (mean[234, 2] - mean[4, 2]):.0f} |
| width at the ears | {1000 * (mean[454, 0] - mean[234, 0]):.0f} |
| forehead to chin | {1000 * (mean[152, 1] - mean[10, 1]):.0f} |

## Error on people it never saw

{count(frames)} of the licence classes B and C, one frame a second, heads turned by less than 25 degrees,
brought into head axes by their stable points. Root mean square distance across the picture (x and y) of the
468 vertices.

| fitted | median mm | 95 % of frames below |
| --- | --- | --- |
{table}

## What each shape moves

Largest displacement of any vertex at weight 1, and how many frames of class A have a score above 0.3.

| shape | mm | frames |
| --- | --- | --- |
{strength}

## Limits

MediaPipe guesses depth, and takes the outline of the face where it sees it, so cheeks near the ears slide
with the pose. Distances of the cameras are unknown; all pictures are taken as seen from one metre. Real chins
drop farther than the mesh's when a mouth opens very wide. The portraits are mostly of adults.
"""


def wrapped(card: str) -> str:
    """Break the lines of paragraphs and lists anew; tables and headings stay."""
    lines: list[str] = []
    for block in card.split("\n\n"):
        if block.startswith(("|", "#")):
            lines.append(block)
            continue
        items = [" ".join(item.split()) for item in re.split(r"\n(?=\* )", block)]
        lines.append(
            "\n".join(
                textwrap.fill(item, 110, subsequent_indent="  " * item.startswith("* ")) for item in items
            )
        )
    return "\n\n".join(lines).rstrip() + "\n"


def scores_of(part: Tracks) -> np.ndarray:
    with torch.inference_mode():
        return load_expression_net()(torch.from_numpy(part.landmarks)).numpy()


def correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Of each column; nan where one of them hardly varies."""
    varied = np.minimum(one.std(0), other.std(0)) >= 0.01
    result = np.full(one.shape[1], np.nan)
    for i in np.flatnonzero(varied):
        result[i] = np.corrcoef(one[:, i], other[:, i])[0, 1]
    return result


def mirrored_pairs(tracks: Tracks) -> tuple[np.ndarray, np.ndarray]:
    """The teacher's scores of portraits, and of their mirror images with left and right changed back."""
    at = {(s, bool(m)): i for i, (s, m) in enumerate(zip(tracks.source, tracks.mirrored, strict=True))}
    both = [(at[s, False], at[s, True]) for s, m in at if not m and (s, True) in at]
    plain, mirrored = np.array(both).T
    return tracks.scores[plain], tracks.scores[mirrored][:, mirrored_names()]


def fit_errors(model: FaceModel, frames: Tracks, with_identity: bool, with_expression: bool) -> np.ndarray:
    """Root mean square distance in x and y, frame by frame, metres, after a fit in head axes."""
    mean = model.mean.numpy().astype(np.float64)
    points, _ = in_head_axes(frames.landmarks[:, :468], mean)
    identity = model.identity_basis.numpy().reshape(len(model.identity_basis), -1)
    expression = model.expression_basis.numpy().reshape(52, -1)
    shift = np.tile(np.eye(3), 468)
    tilt = np.stack([np.cross(axis, mean).reshape(-1) for axis in np.eye(3)])
    pose = np.concatenate((shift, tilt, mean.reshape(1, -1)))
    free = np.full(len(pose), np.inf)
    bases, low, high = [pose], [-free], [free]
    if with_identity:
        bases, low, high = [*bases, identity], [*low, np.full(40, -3.0)], [*high, np.full(40, 3.0)]
    if with_expression:
        moving = np.abs(expression).max(1) > 0
        bases, low, high = [*bases, expression[moving]], [*low, np.zeros(51)], [*high, np.ones(51)]
    across = np.arange(468 * 3) % 3 < 2
    design = np.concatenate(bases).T[across]
    errors = []
    for shape in points:
        missing = (shape - mean).reshape(-1)[across]
        fit = lsq_linear(design, missing, (np.concatenate(low), np.concatenate(high)), max_iter=30)
        errors.append(np.sqrt(((design @ fit.x - missing) ** 2).sum() / 468))
    return np.array(errors)


def gap(vertices: np.ndarray, upper: tuple[int, ...], lower: tuple[int, ...]) -> float:
    """Opening at the middle of two edges, metres; negative if they cross."""
    middle = len(upper) // 2
    return float(vertices[lower[middle], 1] - vertices[upper[middle], 1])


def count(part: Tracks) -> str:
    return f"{len(part)} frames of {len(np.unique(part.identity))} people"


def number(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.2f}"


if __name__ == "__main__":
    main()
