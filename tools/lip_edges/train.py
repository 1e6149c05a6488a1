"""Train and measure the network that finds lips' edges in open mouths (docs/cards/lip_edges.md).

    python tools/lip_edges/train.py PORTRAITS OUT.safetensors

PORTRAITS holds pictures and their index.csv. A first network is measured on labelled photos that it never
saw; the one that is written learned from all.
"""

import argparse
import csv
import json
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional

from cameo3d.geometry.face_topology import (
    INNER_LIP_LOWER,
    INNER_LIP_UPPER,
    LIP_RINGS_LOWER,
    LIP_RINGS_UPPER,
)
from cameo3d.media.images import read_image
from cameo3d.perception import lip_edges
from cameo3d.perception.landmarks import find_faces

LABELS = Path(__file__).parent / "labels.json"
STEPS, BATCH, RATE = 1600, 12, 3e-3
EDGE = 3.0
"""How much more pixels near the edge count."""
LICENCES = ("A",)
SHOUTS = {f"sfhq-t2i_{number:04}" for number in (423, 434, 435, 474, 483)}
"""The worst landmarks; they are always among the photos that measure, next to every sixth of the others."""
MIRROR = {
    a: b
    for rings in (LIP_RINGS_UPPER, LIP_RINGS_LOWER)
    for ring in rings
    for a, b in zip(ring, ring[::-1], strict=True)
}


class Mouth(NamedTuple):
    """A labelled photo."""

    name: str
    photo: np.ndarray
    landmarks: np.ndarray
    outline: np.ndarray
    """Of the opening, pixels."""


def labelled_mouths(folder: Path) -> list[Mouth]:
    """All labelled portraits of the licences above, mirrored ones last."""
    labels = json.loads(LABELS.read_text())["photos"]
    with (folder / "index.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["licence_class"] in LICENCES]
    mouths = []
    for row in rows:
        name = Path(row["file"]).stem
        if name in labels:
            photo = read_image(folder / row["file"])
            faces = find_faces(photo)
            mouths.append(Mouth(name, photo, faces[0], np.array(labels[name])))
    return mouths


def mirrored(mouth: Mouth) -> Mouth:
    """The same from the other side."""
    width = mouth.photo.shape[1]
    landmarks, outline = mouth.landmarks.copy(), mouth.outline.copy()
    for a, b in MIRROR.items():
        landmarks[a] = mouth.landmarks[b]
    landmarks[:, 0], outline[:, 0] = width - landmarks[:, 0], width - outline[:, 0]
    return Mouth(mouth.name, np.ascontiguousarray(mouth.photo[:, ::-1]), landmarks, outline)


def split(mouths: list[Mouth]) -> tuple[list[Mouth], list[Mouth]]:
    """Photos to learn from, and photos to measure with."""
    others = sorted(mouth.name for mouth in mouths if mouth.name not in SHOUTS)
    unseen = SHOUTS | set(others[::6])
    return [m for m in mouths if m.name not in unseen], [m for m in mouths if m.name in unseen]


def train(mouths: list[Mouth]) -> lip_edges.OpeningNet:
    """Train one network; deterministic."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    both = mouths + [mirrored(mouth) for mouth in mouths]
    network = lip_edges.OpeningNet()
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    for step in range(STEPS):
        batch = [sample(rng, both[rng.integers(len(both))]) for _ in range(BATCH)]
        inputs, targets = (torch.from_numpy(np.stack(part)) for part in zip(*batch, strict=True))
        scores = network(inputs)
        shares = scores.sigmoid()
        common = (shares * targets).sum((1, 2))
        dice = 1 - (2 * common + 1) / (shares.sum((1, 2)) + targets.sum((1, 2)) + 1)
        # Around the edge, where teeth meet the lip, is what matters.
        near = functional.avg_pool2d(targets[:, None], 11, 1, 5, count_include_pad=False)[:, 0]
        weights = 1 + EDGE * 4 * near * (1 - near)
        loss = functional.binary_cross_entropy_with_logits(scores, targets, weights) + 0.5 * dice.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 99:
            print(step + 1, round(float(loss.detach()), 4), flush=True)
    return network.eval()


def sample(rng: np.random.Generator, mouth: Mouth) -> tuple[np.ndarray, np.ndarray]:
    """One mouth as the network sees it, spoiled in many ways, and its opening."""
    landmarks = mislaid(rng, mouth.landmarks)
    frame = lip_edges.mouth_frame(landmarks)
    angle, grow = rng.normal(0, 0.12), np.exp(rng.normal(0, 0.08, 2))
    turn = np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle)))) * grow
    center = np.full(2, lip_edges.SIZE / 2)
    shift = center + rng.normal(0, 0.04, 2) * lip_edges.SIZE - turn @ center
    frame = np.column_stack((turn @ frame[:, :2], turn @ frame[:, 2] + shift))
    colors = spoiled(rng, lip_edges.cut_mouth(mouth.photo, frame, lip_edges.SIZE).astype(float))
    opening = lip_edges.mask_of(mouth.outline @ frame[:, :2].T + frame[:, 2], lip_edges.SIZE)
    return lip_edges.network_input(colors, landmarks, frame), opening


def mislaid(rng: np.random.Generator, landmarks: np.ndarray) -> np.ndarray:
    """Landmarks with mistakes like those on shouts: edges too far in or out in parts, all a little off."""
    found = landmarks.copy()
    upper, lower = landmarks[list(INNER_LIP_UPPER), :2], landmarks[list(INNER_LIP_LOWER), :2]
    along = np.linspace(0, 1, len(upper))
    for inner, other, edge in ((INNER_LIP_UPPER, lower, upper), (INNER_LIP_LOWER, upper, lower)):
        bump = np.exp(-(((along - rng.uniform(0.1, 0.9)) / rng.uniform(0.15, 0.6)) ** 2))
        amount = rng.uniform(-0.2, 0.4) if rng.random() < 0.7 else 0.0
        found[list(inner), :2] += amount * bump[:, None] * (other - edge)
    width = float(np.linalg.norm(upper[-1] - upper[0]))
    found[:, :2] += rng.normal(0, 0.02, 2) * width
    return found


def spoiled(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Grey, tinted, blurred, noisy, lighter or darker, lit from one side."""
    if rng.random() < 0.25:
        picture = np.repeat(picture.mean(-1, keepdims=True), 3, -1)
    if rng.random() < 0.4:
        picture = picture * rng.uniform(0.75, 1.25, 3)
    if rng.random() < 0.4:
        picture = 255 * (picture.clip(0, 255) / 255) ** np.exp(rng.normal(0, 0.3))
    if rng.random() < 0.3:
        y, x = np.mgrid[: len(picture), : len(picture)] / len(picture) - 0.5
        picture = picture * (1 + (rng.uniform(-0.8, 0.8) * x + rng.uniform(-0.5, 0.5) * y))[..., None]
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.6))
    if rng.random() < 0.3:
        picture = picture + rng.normal(0, rng.uniform(1, 8), picture.shape)
    return picture.clip(0, 255)


def edge_errors(landmarks: np.ndarray, outline: np.ndarray) -> np.ndarray:
    """How far the edges of the upper and of the lower lip lie from the outline, in widths of the mouth."""
    closed = np.concatenate((outline, outline[:1])).astype(np.float32)
    width = np.linalg.norm(landmarks[INNER_LIP_UPPER[-1], :2] - landmarks[INNER_LIP_UPPER[0], :2])
    return np.array(
        [
            np.mean(
                [
                    abs(cv2.pointPolygonTest(closed, tuple(map(float, landmarks[k, :2])), True))
                    for k in edge[2:-2]
                ]
            )
            / width
            for edge in (INNER_LIP_UPPER, INNER_LIP_LOWER)
        ]
    )


def measure(network: lip_edges.OpeningNet, mouths: list[Mouth]) -> np.ndarray:
    """Errors of landmarks and of edges found, by mouth and lip."""
    return np.array(
        [
            [
                edge_errors(points, mouth.outline)
                for points in (
                    mouth.landmarks,
                    lip_edges.find_lip_edges(mouth.photo, mouth.landmarks, network),
                )
            ]
            for mouth in mouths
        ]
    )


def main() -> None:
    """Measure, then train on all and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("portraits", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--unmeasured", action="store_true", help="leave the first network out")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    mouths = labelled_mouths(arguments.portraits)
    print(len(mouths), "photos")
    if not arguments.unmeasured:
        learned, unseen = split(mouths)
        report(unseen, measure(train(learned), unseen))
    network = train(mouths)
    tensors = {name: value.half() for name, value in network.state_dict().items()}
    config = {"size": lip_edges.SIZE, "steps": STEPS, "batch": BATCH, "learning_rate": RATE}
    metadata = {
        "model": "lip_edges",
        "config": json.dumps(config),
        "source": "trained by tools/lip_edges/train.py; see docs/cards/lip_edges.md",
        "licence": "MIT",
        "revision": "1",
    }
    save_file(tensors, arguments.out, metadata)


def report(mouths: list[Mouth], errors: np.ndarray) -> None:
    """Print distances of edges from the labels, in percent of the mouth's width."""
    for mouth, each in zip(mouths, errors, strict=True):
        print(mouth.name, *np.round(100 * each, 1).tolist())
    for number, lip in enumerate(("upper", "lower")):
        for k, what in enumerate(("landmarks", "found")):
            values = 100 * errors[:, k, number]
            print(
                f"{lip} lip, {what}: median {np.median(values):.2f}, mean {values.mean():.2f}, "
                f"worst {values.max():.2f}, {len(values)} photos",
                flush=True,
            )


if __name__ == "__main__":
    main()
