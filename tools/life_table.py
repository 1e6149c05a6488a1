"""Compare how voices make a face live with how real speakers' faces live, by one program.

    python tools/life_table.py CLIPS CACHE [VIDEO ...]

CLIPS is a folder of talking videos with an index.csv (file, licence_class, audio, seconds); CACHE keeps
their tracked motion from one run to the next; further videos, such as rendered ones, are tracked, too. Every
motion is cut into windows of 4.9 seconds. Shown are the 10th, 50th and 90th percentile over the windows.
"""

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch

from cameo3d.evaluation.metrics.life import blinks_per_minute
from cameo3d.models.voice.contract import Delivery
from cameo3d.pipeline.motion import track_video
from cameo3d.pipeline.voice import voice_motion
from cameo3d.values.motion import BLENDSHAPES, Motion
from cameo3d.values.motion_files import load_motion, save_motion

WINDOW_SECONDS = 4.9
SMOOTH = 0.3
SEEDS = 2


def figures(motion: Motion) -> dict[str, float]:
    """What is compared, of one window."""
    weight = {name: motion.expression[:, i].numpy() for i, name in enumerate(BLENDSHAPES)}
    raised = (weight["browInnerUp"] + (weight["browOuterUpLeft"] + weight["browOuterUpRight"]) / 2) / 2
    brows = raised - (weight["browDownLeft"] + weight["browDownRight"]) / 2
    turns, gaze = np.degrees(motion.rotation.numpy()), np.degrees(motion.gaze.mean(1).numpy())
    places = 100 * motion.translation.numpy()
    speed = np.linalg.norm(np.diff(turns, axis=0), axis=1) * motion.frame_rate
    return {
        **{f"{name}, range, degrees": spread(turns[:, i]) for i, name in enumerate(("yaw", "pitch", "roll"))},
        "turning, median, degrees/s": float(np.median(speed)),
        "turning, 90th percentile, degrees/s": float(np.percentile(speed, 90)),
        **{f"{name}, range, cm": spread(places[:, i]) for i, name in enumerate(("x", "y", "z"))},
        "brows, range": spread(brows),
        "brows, median speed, 1/s": float(np.median(np.abs(np.diff(brows))) * motion.frame_rate),
        "gaze yaw, range, degrees": spread(gaze[:, 0]),
        "gaze pitch, range, degrees": spread(gaze[:, 1]),
    }


def spread(values: np.ndarray) -> float:
    """From the 5th to the 95th percentile."""
    return float(np.percentile(values, 95) - np.percentile(values, 5))


def windows(motion: Motion) -> list[Motion]:
    size = round(WINDOW_SECONDS * motion.frame_rate)
    return [motion.part(start, start + size) for start in range(0, len(motion) - size + 1, size)]


def blinks(motions: list[Motion]) -> float:
    """A minute, over all of some motions."""
    lids = [BLENDSHAPES.index("eyeBlinkLeft"), BLENDSHAPES.index("eyeBlinkRight")]
    minutes = np.array([len(motion) / motion.frame_rate / 60 for motion in motions])
    rates = [blinks_per_minute(m.expression[:, lids].mean(1).numpy(), float(m.frame_rate)) for m in motions]
    return float(np.sum(rates * minutes) / minutes.sum())


def tracked(path: Path, cache: Path) -> Motion:
    if not cache.exists():
        save_motion(track_video(path, smooth=SMOOTH).motion, cache)
    return load_motion(cache)


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("clips", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("videos", type=Path, nargs="*")
    chosen = parser.parse_args()
    chosen.cache.mkdir(parents=True, exist_ok=True)

    groups: dict[str, list[Motion]] = defaultdict(list)
    with (chosen.clips / "index.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if float(row["seconds"]) >= WINDOW_SECONDS]
    for row in rows:
        path = chosen.clips / row["file"]
        motion = tracked(path, chosen.cache / f"{row['file'].replace('/', '_')}.csv")
        groups["real, class A" if row["licence_class"] == "A" else "real, classes B and C"].append(motion)
        groups["real"].append(motion)
        if row["audio"] == "yes":
            groups["from their voices"] += [voice_motion(path, Delivery(seed=seed)) for seed in range(SEEDS)]
    for path in chosen.videos:
        groups["rendered and tracked"].append(tracked(path, chosen.cache / f"rendered_{path.stem}.csv"))

    measured = {name: [figures(part) for m in group for part in windows(m)] for name, group in groups.items()}
    print("| figure |", " | ".join(f"{name} ({len(found)})" for name, found in measured.items()), "|")
    print("| --- |" + " --- |" * len(measured))
    for figure in measured["real"][0]:
        cells = [np.percentile([one[figure] for one in found], (10, 50, 90)) for found in measured.values()]
        print(f"| {figure} |", " | ".join(" / ".join(f"{v:.3g}" for v in cell) for cell in cells), "|")
    print("| blinks a minute |", " | ".join(f"{blinks(group):.1f}" for group in groups.values()), "|")


if __name__ == "__main__":
    main()
