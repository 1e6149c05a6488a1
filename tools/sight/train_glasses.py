"""Train and measure the network that finds glasses (docs/cards/glasses.md).

    python tools/sight/train_glasses.py PORTRAITS OUT.safetensors

PORTRAITS holds pictures and their index.csv. That there are glasses is learned from labelled portraits, where
they are from glasses drawn onto people who wear none. Half of the photos, by a hash of their names, train the
network, which is measured on the other half.
"""

import argparse
import csv
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from spectacles import draw_glasses
from torch.nn import functional

from cameo3d.media.images import read_image
from cameo3d.perception import glasses, sight
from cameo3d.perception.landmarks import find_faces

LABELS = Path(__file__).parent / "glasses.json"
MARGIN, FINER = 1.15, 1.5
"""Width of the strips that are kept, in those that the network sees, and how much finer glasses are drawn."""
DRAWN = 2000
PHASES, RATE = ((460, (10, 3, 3)), (450, (10, 1, 1))), 3e-3
"""Steps, and drawn glasses, worn ones and none in a batch; the rate rises and falls in each phase."""
KEPT = (200, 250)
"""Steps of the second phase whose weights are averaged; it ends with the last of them."""
LICENCES = ("A",)


class Strips:
    """Strips around the eyes of labelled portraits."""

    def __init__(self, folder: Path) -> None:
        labels = json.loads(LABELS.read_text())
        with (folder / "index.csv").open() as file:
            files = {
                Path(row["file"]).stem: row["file"]
                for row in csv.DictReader(file)
                if row["licence_class"] in LICENCES
            }
        self.names, self.worn, self.light, kept = [], [], [], []
        for name in sorted((*labels["glasses"], *labels["none"])):
            if name not in files:
                continue
            photo = read_image(folder / files[name])
            faces = find_faces(photo)
            if not faces:
                continue
            self.names.append(name)
            self.worn.append(name in labels["glasses"])
            self.light.append(sight.brightness(photo, faces[0]))
            place = glasses.strip_place(faces[0], MARGIN)
            place[:, :2] /= FINER
            kept.append(glasses.cut_strip(photo, place, MARGIN * FINER, 1))
        self.strips = np.stack(kept)

    def rows(self, half: int | None, worn: bool) -> np.ndarray:
        """Numbers of the photos with glasses, or without, of one half or of all."""
        halves = np.array([hashlib.sha256(name.encode()).digest()[0] % 2 for name in self.names])
        rows = np.array(self.worn) == worn
        return np.flatnonzero(rows if half is None else rows & (halves == half))

    def small(self, row: int) -> np.ndarray:
        """One strip with its margin, as fine as the network sees it."""
        return _small(self.strips[row])


def main() -> None:
    """Train on one half, measure on the other, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("portraits", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    strips = Strips(arguments.portraits)
    print(sum(strips.worn), "with glasses,", len(strips.names) - sum(strips.worn), "without")
    network = train(strips, 0, drawn(strips, 0))
    measure(network, strips, 1)
    save(network, arguments.out)


def save(network: glasses.GlassesNet, out: Path) -> None:
    """Write a network in half precision."""
    config = {"strip": [glasses.ROWS, glasses.COLUMNS], "phases": PHASES, "learning_rate": RATE}
    metadata = {
        "model": "glasses",
        "config": json.dumps(config),
        "source": "trained by tools/sight/train_glasses.py; see docs/cards/glasses.md",
        "licence": "MIT",
        "revision": "1",
    }
    save_file({name: value.half() for name, value in network.state_dict().items()}, out, metadata)


Drawn = tuple[np.ndarray, np.ndarray, float]
"""A strip with glasses drawn onto it, their maps, and the face's brightness."""


def drawn(strips: Strips, half: int | None) -> list[Drawn]:
    """Glasses on people of one half, or on all, who wear none."""
    rng, rows = np.random.default_rng(0), strips.rows(half, False)
    return [_drawn(rng, strips, rows) for _ in range(DRAWN)]


def train(strips: Strips, half: int | None, drawn: list[Drawn]) -> glasses.GlassesNet:
    """Train on one half of the photos, or on all; deterministic."""
    worn, none = strips.rows(half, True), strips.rows(half, False)
    network = glasses.GlassesNet()
    for number, phase in enumerate(PHASES):
        kept = learn(network, strips, drawn, (worn, none), phase, number)
    network.load_state_dict({name: sum(state[name] for state in kept) / len(kept) for name in kept[0]})
    return network.eval()


def learn(
    network: glasses.GlassesNet,
    strips: Strips,
    drawn: list[Drawn],
    rows: tuple[np.ndarray, np.ndarray],
    phase: tuple[int, tuple[int, int, int]],
    seed: int,
) -> list[dict[str, torch.Tensor]]:
    """Train for some steps on rows with glasses and without; returns the weights after those in `KEPT`."""
    kept = []
    (steps, counts), rng = phase, np.random.default_rng(seed)
    torch.manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for step in range(steps):
        batch = [_sample(rng, *drawn[rng.integers(len(drawn))]) for _ in range(counts[0])]
        for group, count in zip(rows, counts[1:], strict=True):
            for row in rng.choice(group, count):
                batch.append(_sample(rng, strips.small(row), None, strips.light[row]))
        inputs, maps = (torch.from_numpy(np.stack(part)) for part in zip(*batch, strict=True))
        has = torch.tensor([1.0] * (counts[0] + counts[1]) + [0.0] * counts[2])
        # Where worn glasses have their rims nobody has said.
        told = torch.tensor([1.0] * counts[0] + [0.0] * counts[1] + [1.0] * counts[2])
        found, score = network(inputs)
        errors = functional.binary_cross_entropy_with_logits(found, maps, reduction="none")
        weights = (1 + 3 * maps[:, :1]) * told[:, None, None, None]
        sure = functional.binary_cross_entropy_with_logits(score, 0.96 * has + 0.02, reduction="none")
        loss = 4 * (errors * weights).mean() + 0.3 * (sure[: counts[0]].mean() + sure[counts[0] :].mean())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        if seed == len(PHASES) - 1 and step + 1 in KEPT:
            kept.append({name: value.clone() for name, value in network.state_dict().items()})
            if step + 1 == KEPT[-1]:
                break
        if step % 40 == 0:
            print(step, f"{errors.mean().item():.4f} {sure.mean().item():.4f}", flush=True)
    return kept


def _drawn(rng: np.random.Generator, strips: Strips, rows: np.ndarray) -> Drawn:
    """Glasses on somebody who wears none."""
    row = int(rng.choice(rows))
    strip = strips.strips[row].astype(np.float32)
    distance = glasses.COLUMNS * FINER / glasses.STRIP_WIDTH
    middle = strip.shape[1] / 2, strip.shape[0] / 2 - glasses.STRIP_DROP * distance
    scraps = strips.strips[rng.choice(rows, 1), : strip.shape[0] // 2, : strip.shape[0] // 2]
    picture, maps = draw_glasses(rng, strip, distance, middle, scraps)
    maps = _small((255 * maps[: len(glasses.MAPS)]).clip(0, 255).astype(np.uint8).transpose(1, 2, 0))
    return _small(picture.clip(0, 255).astype(np.uint8)), maps, strips.light[row]


def _small(picture: np.ndarray) -> np.ndarray:
    size = (round(glasses.COLUMNS * MARGIN), round(glasses.ROWS * MARGIN))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _sample(
    rng: np.random.Generator, strip: np.ndarray, maps: np.ndarray | None, light: float
) -> tuple[np.ndarray, np.ndarray]:
    """One strip as the network sees it, moved and spoiled, and its maps."""
    place = _moved(strip.shape, rng.normal(0, 0.04), rng.normal(0, 0.05), rng.normal(0, 0.03, 2))
    size = (glasses.COLUMNS, glasses.ROWS)
    picture = cv2.warpAffine(strip, place, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    truth = np.zeros((glasses.ROWS, glasses.COLUMNS, len(glasses.MAPS)), np.uint8)
    if maps is not None:
        truth = cv2.warpAffine(maps, place, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    if rng.random() < 0.5:
        picture, truth = picture[:, ::-1], truth[:, ::-1]
    picture = _spoiled(rng, picture.astype(np.float32))
    light = light * float(np.exp(rng.normal(0, 0.15)))
    return sight.network_input(picture, light), (truth.transpose(2, 0, 1) / 255).astype(np.float32)


def _moved(shape, turned: float, grow: float, shift) -> np.ndarray:
    scale = np.exp(grow)
    turn = scale * np.array(((np.cos(turned), -np.sin(turned)), (np.sin(turned), np.cos(turned))))
    middle = np.array(shape[1::-1]) / 2 + np.asarray(shift) * glasses.COLUMNS
    return np.column_stack((turn, middle - turn @ (glasses.COLUMNS / 2, glasses.ROWS / 2)))


def _spoiled(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Grey, tinted, blurred, noisy, lighter or darker."""
    if rng.random() < 0.25:
        picture = np.repeat(picture.mean(-1, keepdims=True), 3, -1)
    if rng.random() < 0.3:
        picture = picture * rng.uniform(0.85, 1.15, 3)
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.2))
    if rng.random() < 0.3:
        picture = picture + rng.normal(0, rng.uniform(1, 8), picture.shape)
    return (picture * rng.uniform(0.8, 1.25) + rng.uniform(-10, 10)).clip(0, 255)


@torch.no_grad()
def measure(network: glasses.GlassesNet, strips: Strips, half: int) -> None:
    """Print how surely photos that the network never saw show glasses, and how well drawn ones are found."""
    for worn in (True, False):
        rows = strips.rows(half, worn)
        seen = np.stack([_plain(strips.small(row), strips.light[row]) for row in rows])
        sure = np.concatenate(
            [
                network(torch.from_numpy(seen[i : i + 16]))[1].sigmoid().numpy()
                for i in range(0, len(seen), 16)
            ]
        )
        above = {level: int((sure > level).sum()) for level in (0.5, 0.8, 0.9, 0.95, 0.98)}
        print("glasses" if worn else "none", len(rows), "surer than", above, flush=True)
        wrong = rows[sure <= glasses.WORN] if worn else rows[sure > glasses.WORN]
        print("  wrong:", " ".join(strips.names[row] for row in wrong))
    rng, none = np.random.default_rng(1), strips.rows(half, False)
    drawn = [_drawn(rng, strips, none) for _ in range(64)]
    found = network(torch.from_numpy(np.stack([_plain(strip, light) for strip, _, light in drawn])))[0] > 0
    corner = (np.array(drawn[0][1].shape[:2]) - (glasses.ROWS, glasses.COLUMNS)) // 2
    inside = np.s_[corner[0] : corner[0] + glasses.ROWS, corner[1] : corner[1] + glasses.COLUMNS]
    truth = torch.from_numpy(np.stack([maps[inside].transpose(2, 0, 1) for _, maps, _ in drawn]) > 127)
    for number, name in enumerate(glasses.MAPS):
        both = (found & truth)[:, number].sum() / (found | truth)[:, number].sum().clamp(1)
        print("drawn", name, f"intersection over union {float(both):.3f}", flush=True)


def _plain(strip: np.ndarray, light: float) -> np.ndarray:
    place, size = _moved(strip.shape, 0, 0, (0, 0)), (glasses.COLUMNS, glasses.ROWS)
    return sight.network_input(
        cv2.warpAffine(strip, place, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP), light
    )


if __name__ == "__main__":
    main()
