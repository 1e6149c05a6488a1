"""One step of a stage of Real3D-Portrait at its published size, on random data: seconds and memory.

Run: python tools/full_size_step.py motion [--perceptual]
"""

import argparse
import resource
import time
from dataclasses import replace
from typing import Any

import torch

from cameo3d.data.portraits.pairs import PairBatch, View
from cameo3d.models.real3d.eg3d.cameras import orbit_cameras
from cameo3d.models.real3d.eg3d.generator import Eg3dGenerator
from cameo3d.training.learner import Part
from cameo3d.training.losses.networks import load_perceptual
from cameo3d.training.real3d.image_to_plane import ImageToPlaneStage, TeacherBatches
from cameo3d.training.real3d.motion import MotionStage
from cameo3d.training.real3d.recipes import IMAGE_TO_PLANE, MOTION, TORSO
from cameo3d.training.real3d.torso import TorsoStage

CPU = torch.device("cpu")


def pictures(*shape: int) -> torch.Tensor:
    return torch.rand(1, *shape) * 2 - 1


def view() -> View:
    classes = torch.nn.functional.one_hot(torch.randint(6, (1, 512, 512)), 6).permute(0, 3, 1, 2).float()
    camera = orbit_cameras(torch.zeros(1), torch.zeros(1), torch.full((1,), 2.7))
    points = torch.rand(1, 68, 3) - 0.5
    picture, head, torso, pncc = (pictures(3, 512, 512) for _ in range(4))
    return View(picture, head, torso, classes, pncc, camera, points)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=("planes", "motion", "torso"))
    parser.add_argument("--perceptual", action="store_true")
    parser.add_argument("--adversarial", action="store_true", help="a step of the last phase")
    chosen = parser.parse_args()
    perceptual = load_perceptual() if chosen.perceptual else None
    start = 0 if chosen.adversarial else 10**9
    changes = {"adversarial_from": start, "warm_up": 0}
    begun = time.monotonic()
    if chosen.stage == "planes":
        recipe = replace(IMAGE_TO_PLANE["official"], **changes)
        recipe = replace(recipe, adversary=replace(recipe.adversary, begins=start))
        stage = ImageToPlaneStage(recipe, Eg3dGenerator(recipe.teacher), perceptual, CPU)
        batch = TeacherBatches(recipe, None, 0, CPU).draw(0)
    else:
        build, recipe = {"motion": (MotionStage, MOTION), "torso": (TorsoStage, TORSO)}[chosen.stage]
        recipe = replace(recipe["official"], **changes)
        recipe = replace(recipe, adversary=replace(recipe.adversary, begins=start))
        stage = build(recipe, perceptual, CPU)
        background, neutral, base, perturbed = (pictures(3, 512, 512) for _ in range(4))
        blinks = pictures(3, 3, 512, 512)
        batch = PairBatch(view(), view(), background, neutral, base, perturbed, blinks)
    built = time.monotonic()
    parts: list[Any] = [Part(batch, 0)]
    scalars = stage.step(3, parts)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{chosen.stage}: built in {built - begun:.0f} s, one step in {time.monotonic() - built:.0f} s, "
        f"{peak:.1f} GiB: " + ", ".join(f"{name} {value:.3g}" for name, value in scalars.items())
    )


if __name__ == "__main__":
    main()
