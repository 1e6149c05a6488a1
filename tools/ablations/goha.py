"""GOHA's ablations in short runs: python tools/ablations/goha.py CLIPS VIEWS OUT [STEPS [SEEDS]]

CLIPS and VIEWS are shards of 128 pixels, of `cameo3d data prepare` and `synthesise`, named PERSON--ANYTHING.
The shipped face model, as it lies over the shards, stands in for Deep3D's, and a face parser is learned first
from the face meshes of the shards.
"""

import sys
from dataclasses import replace
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import torch
from common import Pool, Scores, Table, learn, split
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.images import resize
from cameo3d.data.portraits.goha_pairs import GohaBatches, GohaPairs, GohaSet
from cameo3d.data.portraits.goha_shards import ShardFrame, shard_clips
from cameo3d.data.portraits.shards import Shard
from cameo3d.geometry.basel.bfm import FaceCoefficients, move_to_camera
from cameo3d.geometry.basel.blendshapes import DECIMETRES
from cameo3d.geometry.basel.poses import BASEL_ORIGIN
from cameo3d.geometry.basel.real3d_face import picture_points
from cameo3d.geometry.face_model import load_face_model
from cameo3d.geometry.face_topology import (
    INNER_LIP_LOWER,
    INNER_LIP_UPPER,
    LEFT_LID_LOWER,
    LEFT_LID_UPPER,
    OUTER_LIP_LOWER,
    OUTER_LIP_UPPER,
    RIGHT_LID_LOWER,
    RIGHT_LID_UPPER,
)
from cameo3d.geometry.rasterizer import rasterize
from cameo3d.models.goha.config import ABLATIONS, GohaConfig
from cameo3d.models.goha.generator import GohaGenerator, GohaSource, normalized
from cameo3d.models.goha.parsing import CLASSES, FaceParser
from cameo3d.models.goha.renderer import PlaneImage
from cameo3d.models.goha.shipped_faces import FaceKind, People
from cameo3d.models.real3d.conditioning import ShippedSteering
from cameo3d.perception.lpips import load_distance
from cameo3d.training.discriminator import Discriminator
from cameo3d.training.goha import recipe as recipes
from cameo3d.training.goha.reconstruction import ReconstructionStage
from cameo3d.training.goha.super_resolution import SuperResolutionStage

SIZE, BATCH = 64, 4
NETWORK = GohaConfig(
    image_size=SIZE, render_size=32, lift_size=16, plane_channels=16, decoder_width=32, coarse_samples=12,
    fine_samples=12, encoder_widths=(16, 24, 40, 64), encoder_depths=(1, 1, 1, 1), fused_width=48,
    parsing_width=8, super_resolution_widths=(32, 32, 32, 24, 16), style_width=32,
)  # fmt: skip
BROWS = ((70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (300, 293, 334, 296, 336, 285, 295, 282, 283, 276))
FEATURES = {
    "left brow": BROWS[1],
    "right brow": BROWS[0],
    "left eye": LEFT_LID_UPPER + LEFT_LID_LOWER[::-1],
    "right eye": RIGHT_LID_UPPER + RIGHT_LID_LOWER[::-1],
    "upper lip": OUTER_LIP_UPPER + OUTER_LIP_LOWER[::-1],
    "mouth": INNER_LIP_UPPER + INNER_LIP_LOWER[::-1],
}


def main() -> None:
    clips, views, out = map(Path, sys.argv[1:4])
    steps = int(sys.argv[4]) if len(sys.argv) > 4 else 600
    seeds = int(sys.argv[5]) if len(sys.argv) > 5 else 1
    table, faces = Table(out / "goha.csv"), KnownFaces()
    (clips_known, clips_held), (views_known, views_held) = split(clips), split(views)
    pool = Pool(Pairs({"clips": clips_known, "views": views_known}, faces, 0), 160)
    held = {
        "clips": list(Pool(Pairs({"clips": clips_held}, faces, 7), 8)),
        "views": list(Pool(Pairs({"views": views_held}, faces, 7), 8)),
    }
    parser = taught_parser(out / "parser.pt", [*clips_known, *views_known])
    early = {"expression_from": steps // 6, "appearance_from": steps // 3, "rate": 5e-4, "average": True}
    # Without an adversary, which would need longer.
    late = early | {"first": steps, "adversarial_weight": 0.0, "discriminator_every": 10**9}
    for seed in range(seeds):
        for name in ("whole", *(name for name in ABLATIONS if name != "end-to-end")):
            if table.has(f"stage 1 {name}", seed):
                continue
            network = generator(name, parser, seed)
            stage = ReconstructionStage(
                network, faces, load_distance("alex"), replace(recipes.RECONSTRUCTION, **early)
            )
            learn(stage, pool, steps, seed, f"{name} {seed}")
            table.add(f"stage 1 {name}", seed, steps, scores(stage.networks["average"], faces, held, False))
            torch.save(stage.networks["average"].state_dict(), out / f"goha-{name}-{seed}.pt")
        for name in ("whole", "end-to-end"):
            if table.has(f"stage 2 {name}", seed):
                continue
            network = generator(name, parser, seed)
            network.load_state_dict(torch.load(out / f"goha-whole-{seed}.pt"))
            stage = SuperResolutionStage(
                network, Discriminator(SIZE, 6, (8, 8, 16, 16, 16), camera=0, group=4), faces,
                lambda picture: [picture[:, :1, :1, :1] * 0] * 5, replace(recipes.SUPER_RESOLUTION, **late),
            )  # fmt: skip
            learn(stage, pool, steps // 2, seed, f"stage 2 {name} {seed}")
            table.add(
                f"stage 2 {name}", seed, steps // 2, scores(stage.networks["average"], faces, held, True)
            )


class SmallPictures(GohaGenerator):
    """What moves is grown in proportion to the picture: the release's pixels are for 512."""

    def resting_mask(self, image: Tensor) -> Tensor:
        best = self.parser(normalized(image)).argmax(dim=1, keepdim=True)
        moving = torch.isin(best, torch.tensor([CLASSES.index(name) for name in FEATURES])).to(image.dtype)
        return 1 - functional.max_pool2d(moving, 3, 1, 1)

    def appearance_input(self, source: GohaSource, rough: PlaneImage, shown_resting: None = None) -> Tensor:
        shown = resize(rough.colors, SIZE, SIZE)
        moving = 1 - source.resting * self.resting_mask(shown)
        seen, rendered = normalized(source.image), normalized(shown)
        return torch.cat((seen * (1 - moving) + rendered * moving, rendered), dim=1)


def generator(name: str, parser: dict[str, Tensor], seed: int) -> GohaGenerator:
    changes = {} if name == "whole" else ABLATIONS[name]
    torch.manual_seed(seed)
    network = SmallPictures(replace(NETWORK, **changes))
    network.parser.load_state_dict(parser)
    return network


class KnownFaces:
    """Draws the shipped face model as it lies over pictures that it has been shown before."""

    kind: FaceKind = "shipped"

    def __init__(self) -> None:
        self._model, self._known = load_face_model(), {}
        self._steering = ShippedSteering(self._model, SIZE)
        self._triangles = self._model.triangles.numpy().astype(np.int32)

    def learn(self, picture: Tensor, frame: ShardFrame) -> None:
        motion, i = frame.shard.motion, frame.index
        self._known[_key(picture)] = (
            motion["identity"], motion["expression"][i], motion["euler"][i], motion["translation"][i]
        )  # fmt: skip

    def expression(self, person: People, expression: People) -> tuple[Tensor, FaceCoefficients]:
        maps, vectors = [], torch.zeros(len(person.images), 257)
        for row, one, other in zip(vectors, person.images, expression.images, strict=True):
            identity, weights = self._known[_key(one)][0], self._known[_key(other)][1]
            maps.append((self._steering.pncc(identity, weights) + 1) / 2)
            row[: len(identity)], row[80 : 80 + len(weights)] = identity[:80], weights
        return torch.stack(maps), FaceCoefficients.from_vectors(vectors)

    def resting(self, person: People, expression: People) -> None:
        """The taught face parser looks."""

    def neutral(self, person: People) -> tuple[Tensor, Tensor]:
        """The mesh without expression, with the picture's own colours."""
        drawn = [self._neutral(picture, *self._known[_key(picture)]) for picture in person.images]
        return tuple(torch.stack(part) for part in zip(*drawn, strict=True))  # type: ignore[return-value]

    def _neutral(self, picture: Tensor, identity, expression, euler, translation) -> tuple[Tensor, Tensor]:
        seen, calm = (
            self._posed(identity, x, euler, translation) for x in (expression, torch.zeros_like(expression))
        )
        inside = np.ones((len(seen), 1), np.float32)
        attributes = np.concatenate((seen[:, :2], inside), axis=1).astype(np.float32)
        raster = rasterize(calm[:, :2].copy(), calm[:, 2].copy(), self._triangles, attributes, SIZE, SIZE)
        image = ((picture.permute(1, 2, 0).numpy() + 1) / 2).astype(np.float32)
        x, y, covered = np.moveaxis(raster.attributes, 2, 0)
        drawn = cv2.remap(image, x - 0.5, y - 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        mask = torch.from_numpy((covered > 0.5).astype(np.float32))[None]
        return torch.from_numpy(drawn).permute(2, 0, 1) * mask, mask

    def _posed(self, identity: Tensor, expression: Tensor, euler: Tensor, translation: Tensor) -> np.ndarray:
        shape = self._model.vertices(identity, expression)
        shape = (shape - shape.new_tensor(BASEL_ORIGIN)) * shape.new_tensor(DECIMETRES)
        points = move_to_camera(shape[None], euler[None], translation[None])
        places = picture_points(points)[0] * SIZE
        return torch.cat((places, points[0, :, 2:]), dim=1).numpy().astype(np.float32)


def _key(picture: Tensor) -> bytes:
    return picture.numpy().tobytes()


class Pairs:
    """Pairs whose faces are known."""

    def __init__(self, shards: dict[str, list[Shard]], faces: KnownFaces, seed: int) -> None:
        sets = [GohaSet(name, "video", shard_clips(chosen)) for name, chosen in shards.items()]
        self._batches = GohaBatches(sets, dict.fromkeys(shards, 1.0), BATCH, SIZE, seed)
        for frame in chain.from_iterable(clip.frames for one in sets for clip in one.clips):
            assert isinstance(frame, ShardFrame)
            faces.learn(frame.read(SIZE), frame)

    def draw(self, index: int) -> GohaPairs:
        return self._batches.draw(index)


def taught_parser(path: Path, shards: list[Shard], steps: int = 400) -> dict[str, Tensor]:
    """A face parser that learns what moves from the face meshes of shards."""
    if path.exists():
        return torch.load(path)
    torch.manual_seed(0)
    random, parser = np.random.default_rng(0), FaceParser(NETWORK.parsing_width)
    optimizer = torch.optim.Adam(parser.parameters(), 2e-3)
    weight = torch.ones(len(CLASSES))
    for step in range(steps):
        pictures, labels = zip(*(_labelled(shards, random) for _ in range(12)), strict=True)
        logits = parser(normalized(torch.stack(pictures)))
        loss = functional.cross_entropy(logits, torch.stack(labels), weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (step + 1) % 100 == 0:
            print(f"parser {step + 1}: {float(loss):.4f}", flush=True)
    state = parser.state_dict()
    torch.save(state, path)
    return state


def _labelled(shards: list[Shard], random: np.random.Generator) -> tuple[Tensor, Tensor]:
    shard = shards[random.integers(len(shards))]
    index = int(random.integers(len(shard)))
    points = shard.tensor("landmarks")[index, :, :2].numpy() * SIZE / shard.about.size
    label = np.zeros((SIZE, SIZE), np.uint8)
    for name, corners in FEATURES.items():
        outline = np.rint((points[list(corners)] - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(label, [outline], CLASSES.index(name), shift=4)
    return ShardFrame(shard, index, ()).read(SIZE), torch.from_numpy(label).long()


@torch.no_grad()
def scores(
    network: nn.Module, faces: KnownFaces, held: dict[str, list[GohaPairs]], finished: bool
) -> dict[str, float]:
    """Of the target's view, and of the canonical planes against the neutral drawing."""
    assert isinstance(network, GohaGenerator)
    network.eval()
    result = Scores()
    for kind, batches in held.items():
        for batch in batches:
            source = network.prepare(batch.source, *camera(batch.source_camera))
            drawing, coverage = faces.neutral(batch.targets())
            planes = source.canonical
            target = camera(batch.target_camera)
            still = network.renderer(planes, *target, NETWORK.render_size).colors
            picture, coefficients = faces.expression(batch.sources(), batch.targets())
            planes = planes + network.expression_planes(picture, coefficients)
            planes = network.with_appearance(source, planes)
            made = network.renderer(planes, *target, NETWORK.render_size).colors
            if finished:
                made = network.super_resolution(made)
            size = made.shape[-1]
            truth, covered = resize(batch.target, size, size), resize(coverage, size, size)
            person = (truth.amax(dim=1, keepdim=True) > -0.98).float()
            moving = resize(1 - network.resting_mask(batch.target), size, size) * person
            parts = {"person": person, "face": covered, "moving parts": moving}
            result.add(kind, made, truth, parts)
            small = NETWORK.render_size
            result.add(
                f"{kind} neutral", still, resize(drawing * 2 - 1, small, small),
                {"face": resize(coverage, small, small)},
            )  # fmt: skip
    means = {name: x for name, x in result.means().items() if name != "neutral LPIPS"}
    return means | {f"{kind} canonical change": canonical_change(network, faces, held[kind]) for kind in held}


@torch.no_grad()
def canonical_change(network: GohaGenerator, faces: KnownFaces, batches: list[GohaPairs]) -> float:
    """How much a canonical face changes with the photo's expression, over how much it does with the person.

    Canonical planes of source and target, and of another pair's target, are seen by the target's camera.
    """
    own, others = 0.0, 0.0
    for batch in batches:
        target, size = camera(batch.target_camera), NETWORK.render_size
        source, wanted = (
            network.prepare(image, *camera(label)).canonical
            for image, label in (
                (batch.source, batch.source_camera),
                (batch.target, batch.target_camera),
            )
        )
        seen, truth, other = (
            network.renderer(planes, *target, size).colors for planes in (source, wanted, wanted.roll(1, 0))
        )
        face = resize(faces.neutral(batch.targets())[1], size, size)
        # Two pairs of a batch may show the same person: those hardly differ.
        strangers = (batch.source - batch.source.roll(1, 0)).abs().mean(dim=(1, 2, 3)) > 0.15
        mask = face * strangers[:, None, None, None]
        own += float(((seen - truth).abs() * mask).sum())
        others += float(((other - truth).abs() * mask).sum())
    return own / others


def camera(label: Tensor) -> tuple[Tensor, Tensor]:
    return label[:, :16].unflatten(1, (4, 4)), label[:, 16:].unflatten(1, (3, 3))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
