"""Real3D-Portrait's ablations in short runs: python tools/ablations/real3d.py CLIPS VIEWS OUT [STEPS [SEEDS]]

CLIPS and VIEWS are shards of 128 pixels, of `cameo3d data prepare` and `synthesise`, named PERSON--ANYTHING.
Pre-training learns canonical planes from the views that the relief draws, in place of EG3D's.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from common import Pool, Scores, Table, learn, split
from torch import Tensor, nn

from cameo3d.data.portraits.pair_batches import PairBatches
from cameo3d.data.portraits.pairs import PairBatch, View
from cameo3d.data.portraits.shards import Shard
from cameo3d.models.real3d.config import FusionSizes, MotionSizes, PlaneSizes, Real3DConfig, TorsoSizes
from cameo3d.models.real3d.generator import Real3DGenerator, split_camera
from cameo3d.training.losses.lips import lip_squares
from cameo3d.training.norms import without_norms
from cameo3d.training.real3d.motion import MotionStage
from cameo3d.training.real3d.recipes import (
    MOTION_ABLATIONS,
    TORSO_ABLATIONS,
    Adversary,
    MotionRecipe,
    TorsoRecipe,
)
from cameo3d.training.real3d.torso import TorsoStage

SHARDS, SIZE, BATCH, CPU = 128, 64, 4, torch.device("cpu")
NETWORK = Real3DConfig(
    image_size=SIZE,
    render_size=16,
    plane_channels=16,
    decoder_width=32,
    coarse_samples=12,
    fine_samples=12,
    plane=PlaneSizes((16, 24, 32, 48), (1, 1, 1, 1), 32, 64, 1, 4, 16, 48, 32),
    motion=MotionSizes((16, 24, 32, 48), (1, 1, 1, 1), (1, 2, 2, 4), (8, 4, 2, 1), 48),
    torso=TorsoSizes((16, 24, 32), 8, 8, 1, 4, 4, (16, 32, 48), 8, (32, 24, 16), 16),
    fusion=FusionSizes(32, 16, 16, 32),
)
NEVER = Adversary(base=256, most=8, begins=10**9)
MOTION = MotionRecipe(
    NETWORK, rate=1e-3, warm_up=20, others_from=0, super_resolution_from=0, adversarial_from=10**9,
    canonical_until=10**9, decay=1.0, adversary=NEVER,
)  # fmt: skip
TORSO = TorsoRecipe(NETWORK, rate=1e-3, warm_up=20, decay=1.0, adversarial_from=10**9, adversary=NEVER)
FRESH = "motion_adapter."


def main() -> None:
    clips, views, out = map(Path, sys.argv[1:4])
    steps = int(sys.argv[4]) if len(sys.argv) > 4 else 400
    seeds = int(sys.argv[5]) if len(sys.argv) > 5 else 1
    table = Table(out / "real3d.csv")
    (clips_known, clips_held), (views_known, views_held) = split(clips), split(views)
    pools = {"clips": pool(clips_known, 96, 0)}
    held = {"clips": list(pool(clips_held, 8, 7)), "views": list(pool(views_held, 8, 7))}
    first = None
    for seed in range(seeds):
        begun = out / f"pre-trained-{seed}.pt"
        if not begun.exists():
            first = first or pool(views_known, 96, 1)
            stage = built(MotionStage, replace(MOTION, motion_adapter=False), seed, None)
            learn(stage, first, steps, seed, f"pre-training {seed}")
            torch.save(average_of(stage), begun)
        pre = {"generator": {k: x for k, x in torch.load(begun).items() if not k.startswith(FRESH)}}
        runs = {"whole": (MOTION, steps)}
        runs |= {name: (make(MOTION), steps) for name, make in MOTION_ABLATIONS.items()}
        # As many steps in all as with pre-training.
        runs["without-pre-training-longer"] = runs["without-pre-training"][0], 2 * steps
        for name, (recipe, count) in runs.items():
            if table.has(f"motion {name}", seed):
                continue
            stage = built(MotionStage, recipe, seed, pre if recipe.pre_trained else None)
            learn(stage, pools["clips"], count, seed, f"motion {name} {seed}")
            table.add(f"motion {name}", seed, count, head_scores(stage, recipe, held))
            torch.save(average_of(stage), out / f"motion-{name}-{seed}.pt")
        start = {"generator": torch.load(out / f"motion-whole-{seed}.pt")}
        for name in ("whole", *TORSO_ABLATIONS):
            recipe = TORSO_ABLATIONS[name](TORSO) if name != "whole" else TORSO
            if table.has(f"torso {name}", seed):
                continue
            torch.manual_seed(seed)
            stage = TorsoStage(recipe, None, CPU, start)
            learn(stage, pools["clips"], steps, seed, f"torso {name} {seed}")
            table.add(f"torso {name}", seed, steps, whole_scores(stage, recipe, held))
            torch.save(average_of(stage), out / f"torso-{name}-{seed}.pt")


def pool(shards: Sequence[Shard], count: int, seed: int) -> Pool:
    return Pool(Halved(PairBatches(shards, BATCH, SHARDS, seed, CPU)), count)


class Halved:
    """Pairs at half their size."""

    def __init__(self, batches: PairBatches) -> None:
        self._batches = batches

    def draw(self, index: int) -> PairBatch:
        """A batch."""
        batch = self._batches.draw(index)
        views = [replace(view, **{name: halved(x) for name, x in vars(view).items() if x.ndim == 4})
                 for view in (batch.source, batch.target)]  # fmt: skip
        blinks = halved(batch.blinks.flatten(0, 1)).unflatten(0, (-1, 3))
        names = ("background", "neutral", "base", "perturbed")
        pictures = {name: halved(getattr(batch, name)) for name in names}
        return PairBatch(views[0], views[1], **pictures, blinks=blinks)


def halved(x: Tensor) -> Tensor:
    """Classes stay 0 or 1."""
    return x[..., ::2, ::2] if x.shape[1] == 6 else nn.functional.avg_pool2d(x, 2)


def built(kind, recipe, seed: int, start):
    """A stage that begins at random, but for what a start holds."""
    torch.manual_seed(seed)
    stage = kind(recipe, None, CPU)
    if start is not None:
        for name in ("generator", "average"):
            stage.networks[name].load_state_dict(start["generator"], strict=False)
    return stage


def average_of(stage) -> dict[str, Tensor]:
    return without_norms(stage.networks["average"].state_dict())


@torch.no_grad()
def head_scores(
    stage: MotionStage, recipe: MotionRecipe, held: dict[str, list[PairBatch]]
) -> dict[str, float]:
    """Of the head on black, as the target looks."""
    network, scores = stage.networks["average"], Scores()
    assert isinstance(network, Real3DGenerator)
    for kind, batches in held.items():
        for batch in batches:
            planes = network.canonical_planes(batch.source.head)
            if recipe.motion_adapter:
                planes = planes + network.motion_planes(batch.neutral, batch.source.pncc, batch.target.pncc)
            frame = network.head_frame(planes, *split_camera(batch.target.camera))
            parts = {"head": batch.target.head_mask, "lips": lips(batch.target)}
            scores.add(kind, frame.image, batch.target.head, parts)
    return scores.means()


@torch.no_grad()
def whole_scores(
    stage: TorsoStage, recipe: TorsoRecipe, held: dict[str, list[PairBatch]]
) -> dict[str, float]:
    """Of the whole picture."""
    network, scores = stage.networks["average"], Scores()
    assert isinstance(network, Real3DGenerator)
    for kind, batches in held.items():
        for batch in batches:
            source, target = batch.source, batch.target
            planes = network.canonical_planes(source.head)
            planes = planes + network.motion_planes(batch.neutral, source.pncc, target.pncc)
            scene = network.prepare_scene(source.torso, source.classes, stage.background(batch))
            frame = network(planes, scene, *split_camera(target.camera), source.points, target.points)
            behind = target.classes[:, :1]
            bare = behind * (1 - source.classes[:, :1])
            edge = nn.functional.max_pool2d(target.torso_mask, 9, 1, 4)
            edge = edge * nn.functional.max_pool2d(1 - target.torso_mask, 9, 1, 4)
            parts = {
                "picture": torch.ones_like(behind), "torso": target.torso_mask, "background": behind,
                "uncovered": bare, "torso's edge": edge,
            }  # fmt: skip
            scores.add(kind, frame.image, target.picture, parts)
    return scores.means()


def lips(view: View) -> Tensor:
    mask = torch.zeros_like(view.head_mask)
    for row, (left, right, top, bottom) in zip(mask, lip_squares(view.points, SIZE).tolist(), strict=True):
        row[:, top:bottom, left:right] = 1
    return mask


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
