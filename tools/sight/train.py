"""Train and measure the networks that judge what of a face a photo shows (docs/cards/sight.md).

    python tools/sight/train.py PORTRAITS OUT.safetensors

PORTRAITS holds pictures and their index.csv. Half of the photos, by a hash of their names, train networks
that are measured on the other half, and the other way round; those that are written learned from all.
"""

import argparse
import csv
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import torch
from covers import beside_eye, beside_mouth, cover_eye, cover_mouth
from safetensors.torch import save_file
from torch.nn import functional

from cameo3d.media.images import read_image
from cameo3d.perception import sight
from cameo3d.perception.landmarks import find_faces

LABELS = Path(__file__).parent / "labels.json"
BASE, MARGIN = 112, 1.25
"""Pixels across the squares that are kept, and their side in those that the networks see."""
STEPS, BATCH, RATE = 450, 64, 3e-3
COVERED, BESIDE = 0.4, 0.15
"""Shares of the plain ones that get something drawn over them, and next to them."""
SHARES = {"eye": (0.66, 0.17, 0.17), "mouth": (0.8, 0.17, 0.03)}
"""How often each class is drawn from the photos."""
SIDE_VIEW_DEGREES = 35
LICENCES = ("A",)


class Patches:
    """Squares around eyes and mouths of labelled portraits."""

    def __init__(self, folder: Path) -> None:
        labels = json.loads(LABELS.read_text())
        self.names: list[str] = []
        self.squares: dict[str, list] = {"eye": [], "mouth": []}
        self.labels: dict[str, list[int]] = {"eye": [], "mouth": []}
        self.light: list[float] = []
        scraps = []
        rng = np.random.default_rng(0)
        with (folder / "index.csv").open() as file:
            rows = [row for row in csv.DictReader(file) if row["licence_class"] in LICENCES]
        generated = [row for row in rows if row["file"].startswith(("sfhq", "faker"))]
        studio = [row for row in rows if not row["file"].startswith(("sfhq", "faker"))]
        for row in generated + studio[::4]:
            photo = read_image(folder / row["file"])
            faces = find_faces(photo)
            if not faces:
                continue
            name, face = row["file"].removesuffix(".jpg"), faces[0]
            turned = abs(float(row["yaw_deg"])) > SIDE_VIEW_DEGREES
            eye, mouth = (labels["photos"].get(name, {}).get(kind, "seen") for kind in ("eyes", "mouth"))
            self.names.append(name)
            self.light.append(sight.brightness(photo, face))
            self.squares["eye"].append([sight.eye_patch(photo, face, side, BASE, MARGIN) for side in (0, 1)])
            self.squares["mouth"].append([sight.mouth_patch(photo, face, BASE, MARGIN)])
            self.labels["eye"].append(_number(sight.EYE_CLASSES, "?" if turned and eye == "seen" else eye))
            self.labels["mouth"].append(_number(sight.MOUTH_CLASSES, mouth))
            x, y = (
                rng.integers(0, photo.shape[1] - 60),
                rng.integers(photo.shape[0] * 6 // 10, photo.shape[0] - 60),
            )
            scraps += [photo[y : y + 60, x : x + 60], photo[:60, x : x + 60]]
        self.scraps = np.stack(scraps)

    def rows(self, kind: str, half: int | None) -> np.ndarray:
        """Numbers of the photos with a label, of one half or of all."""
        halves = np.array([hashlib.sha256(name.encode()).digest()[0] % 2 for name in self.names])
        labelled = np.array(self.labels[kind]) >= 0
        return np.flatnonzero(labelled if half is None else labelled & (halves == half))

    def square(self, kind: str, photo: int, eye: int) -> np.ndarray:
        """One square, with a margin."""
        return self.squares[kind][photo][eye if kind == "eye" else 0]


def _number(classes: tuple[str, ...], label: str) -> int:
    return classes.index(label) if label in classes else -1


def main() -> None:
    """Measure two halves, then train on all and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("portraits", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--unmeasured", action="store_true", help="leave the two halves out")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    patches = Patches(arguments.portraits)
    print(len(patches.names), "photos")
    tensors = {}
    for kind in ("eye", "mouth"):
        for half in () if arguments.unmeasured else (0, 1):
            measure(
                train(patches, kind, patches.rows(kind, half)), patches, kind, patches.rows(kind, 1 - half)
            )
        network = train(patches, kind, patches.rows(kind, None))
        tensors |= {f"{kind}.{name}": value.half() for name, value in network.state_dict().items()}
    config = {"patch": sight.PATCH_SIZE, "steps": STEPS, "batch": BATCH, "learning_rate": RATE}
    metadata = {
        "model": "sight",
        "config": json.dumps(config),
        "source": "trained by tools/sight/train.py; see docs/cards/sight.md",
        "licence": "MIT",
        "revision": "1",
    }
    save_file(tensors, arguments.out, metadata)


def train(patches: Patches, kind: str, rows: np.ndarray) -> sight.PatchNet:
    """Train one network on some photos; deterministic."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    network = sight.PatchNet()
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    labels = np.array(patches.labels[kind])
    groups = [rows[labels[rows] == label] for label in range(3)]
    for _ in range(STEPS):
        chosen = [
            groups[label] if len(groups[label]) else groups[0]
            for label in rng.choice(3, BATCH, p=SHARES[kind])
        ]
        batch = [sample(rng, patches, kind, int(rng.choice(group))) for group in chosen]
        inputs, targets = (
            torch.from_numpy(np.stack([one for one, _ in batch])),
            torch.tensor([t for _, t in batch]),
        )
        loss = functional.cross_entropy(network(inputs), targets, label_smoothing=0.03)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def sample(rng: np.random.Generator, patches: Patches, kind: str, photo: int) -> tuple[np.ndarray, int]:
    """One square as the network sees it, spoiled in many ways, and its class."""
    square, label = patches.square(kind, photo, int(rng.integers(2))), patches.labels[kind][photo]
    picture = moved(
        square, turned=rng.normal(0, 0.1), grow=rng.normal(0, 0.07), shift=rng.normal(0, 0.035, 2)
    )
    if kind == "mouth" and rng.random() < 0.5:
        picture = picture[:, ::-1].copy()
    cover, beside = (cover_eye, beside_eye) if kind == "eye" else (cover_mouth, beside_mouth)
    chance = rng.random()
    if label == 0 and chance < COVERED:
        picture, label = cover(rng, picture, patches.scraps), 2
    elif label < 2 and chance < COVERED + BESIDE:
        picture = beside(rng, picture, patches.scraps)
    light = patches.light[photo] * np.exp(rng.normal(0, 0.15))
    return sight.network_input(halved(spoiled(rng, picture)), light), label


def moved(square: np.ndarray, turned: float = 0.0, grow: float = 0.0, shift=(0.0, 0.0)) -> np.ndarray:
    """Cut what the network sees out of a square with a margin, at twice its size."""
    size = 2 * sight.PATCH_SIZE
    scale = BASE / MARGIN / size * np.exp(grow)
    turn = scale * np.array(((np.cos(turned), -np.sin(turned)), (np.sin(turned), np.cos(turned))))
    corner = BASE / 2 + BASE * np.asarray(shift) - turn @ np.full(2, size / 2) + turn @ (0.5, 0.5) - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    matrix = np.column_stack((turn, corner))
    return cv2.warpAffine(square, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE).astype(
        float
    )


def spoiled(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Grey, tinted, blurred, noisy, lighter or darker."""
    if rng.random() < 0.25:
        picture = np.repeat(picture.mean(-1, keepdims=True), 3, -1)
    if rng.random() < 0.3:
        picture = picture * rng.uniform(0.8, 1.2, 3)
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 2.5))
    if rng.random() < 0.3:
        picture = picture + rng.normal(0, rng.uniform(1, 10), picture.shape)
    return (picture * rng.uniform(0.75, 1.3) + rng.uniform(-12, 12)).clip(0, 255)


def halved(picture: np.ndarray) -> np.ndarray:
    """To the size that the network sees."""
    return cv2.resize(picture, (sight.PATCH_SIZE, sight.PATCH_SIZE), interpolation=cv2.INTER_AREA)


@torch.no_grad()
def measure(network: sight.PatchNet, patches: Patches, kind: str, rows: np.ndarray) -> None:
    """Print how photos that the network never saw are classed, also with something drawn over them."""
    rng = np.random.default_rng(1)
    labels = np.array(patches.labels[kind])
    cover = cover_eye if kind == "eye" else cover_mouth
    seen, drawn, truth = [], [], []
    for photo in rows:
        for eye in (0, 1) if kind == "eye" else (0,):
            picture = moved(patches.square(kind, photo, eye))
            seen.append(sight.network_input(halved(picture), patches.light[photo]))
            truth.append(labels[photo])
            if labels[photo] == 0:
                covered = halved(cover(rng, picture, patches.scraps))
                drawn.append(sight.network_input(covered, patches.light[photo]))
    found = network(torch.from_numpy(np.stack(seen))).argmax(1).numpy()
    classes = sight.EYE_CLASSES if kind == "eye" else sight.MOUTH_CLASSES
    for number, name in enumerate(classes):
        counts = np.bincount(found[np.array(truth) == number], minlength=3)
        print(kind, name, dict(zip(classes, counts.tolist(), strict=True)), flush=True)
    counts = np.bincount(network(torch.from_numpy(np.stack(drawn))).argmax(1).numpy(), minlength=3)
    print(kind, "with a drawn cover", dict(zip(classes, counts.tolist(), strict=True)), flush=True)


if __name__ == "__main__":
    main()
