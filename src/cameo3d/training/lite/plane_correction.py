"""How planes learn from real clips: rays that meet a corrected surface look elsewhere at the photo."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.frustum_planes import ANCHOR, FRONT, HEAD
from cameo3d.blocks.plane_correction import MOVED, PlaneCorrection
from cameo3d.data.portraits.plane_pairs import PlanePairs, read_plane_pairs
from cameo3d.training.learner import Losses
from cameo3d.training.lite.correction import CorrectionRecipe, CorrectionStage, PeopleBatches

_SOLID = 0.9
"""How much of a pixel must be the person, in the truth, to count."""


@dataclass(frozen=True)
class PlaneCorrectionRecipe(CorrectionRecipe):
    """All choices of this training."""

    weights: tuple[tuple[str, float], ...] = (("l1", 1.0), ("edges", 1.0), ("smooth", 0.05), ("size", 0.01))


@dataclass(frozen=True)
class RayBatch:
    """Pairs of a lifted frame and another one; colours in [0, 1]."""

    plane: Float[Tensor, "batch channels plane plane"]
    frame: Float[Tensor, "batch 4"]
    rays: Float[Tensor, "batch rays"]
    page: Float[Tensor, "batch 3 page page"]
    depth: Float[Tensor, "batch rays rays"]
    bend: Float[Tensor, "batch 24"]
    truth: Float[Tensor, "batch 3 rays rays"]
    counts: Float[Tensor, "batch 1 rays rays"]
    """1 where surface and truth show the person."""

    def to(self, device: torch.device) -> "RayBatch":
        """The same on a device."""
        return RayBatch(*(getattr(self, field.name).to(device) for field in fields(self)))


class RayBatches(PeopleBatches[PlanePairs]):
    """Draws pairs, as `write_plane_pairs` writes them, each person as often."""

    what = "plane pairs"

    def read(self, path: Path) -> PlanePairs:
        """One file."""
        return read_plane_pairs(path)

    def draw(self, index: int) -> RayBatch:
        """The batch of a number."""
        rows = [list(row) for row in self.drawn(index)]
        # Pages differ in size with their canvases; the longest side counts, since places are shares of it.
        side = max(row[3].shape[-1] for row in rows)
        for row in rows:
            row[3] = functional.interpolate(row[3][None], (side, side), mode="bilinear")[0]
        return RayBatch(*(torch.stack(part) for part in zip(*rows, strict=True))).to(self.device)

    def pair(self, random: np.random.Generator) -> list[Tensor]:
        """Somebody's lifted frame and another one, mirrored at random."""
        people = self.people()
        person = people[random.integers(len(people))]
        pairs = person[random.integers(len(person))]
        row = paired(pairs, int(random.integers(len(pairs.truths))), self.gain(random))
        return mirrored(row) if not self.held_out and random.random() < 0.5 else row


def paired(pairs: PlanePairs, number: int, gain: Float[Tensor, "3"]) -> list[Tensor]:
    """One pair, in the order of `RayBatch`."""
    scale = gain[:, None, None]
    plane = pairs.plane.clone()
    plane[5:8] = (plane[5:8] * scale).clamp(0, 1)
    page = (pairs.pages[number].permute(2, 0, 1).float() / 255 * scale).clamp(0, 1)
    truth = (pairs.truths[number].permute(2, 0, 1).float() / 255 * scale).clamp(0, 1)
    depth = pairs.depths[number]
    counts = (depth > 0) & (pairs.mattes[number] > 255 * _SOLID)
    return [
        plane, pairs.frame, pairs.rays, page, depth, pairs.bends[number], truth, counts[None].float(),
    ]  # fmt: skip


def mirrored(row: list[Tensor]) -> list[Tensor]:
    """The same pair in a mirror: x points the other way, for places, rays and bends alike."""
    plane, frame, rays, page, depth, bend, truth, counts = row
    scale, left, top, middle = frame
    turn, sway = (torch.tensor((1.0, -1, -1, -1, 1, 1, -1, 1, 1)) * bend[k : k + 9] for k in (0, 12))
    shift, drift = (torch.tensor((-1.0, 1, 1)) * bend[k : k + 3] for k in (9, 21))
    return [
        plane.flip(-1),
        torch.stack((scale, -left - 1 / scale, top, middle)),
        rays,
        *(picture.flip(-1) for picture in (page, depth)),
        torch.cat((turn, shift, sway, drift)),
        *(picture.flip(-1) for picture in (truth, counts)),
    ]


class PlaneCorrectionStage(CorrectionStage[RayBatch]):
    """The stage for `training.loop.train`.

    Args:
        recipe: All choices.
        device: Where to learn.
    """

    def __init__(self, recipe: PlaneCorrectionRecipe, device: torch.device | None = None) -> None:
        super().__init__("planes", PlaneCorrection, recipe, device)

    def losses_of(self, network: nn.Module, batch: RayBatch) -> Losses:
        """Losses of one network."""
        added = network(batch.plane)
        moved = added[:, MOVED] / torch.tensor((0.02, 1.0, 1.0)).to(added)[:, None, None]
        right, down = moved.diff(dim=-1), moved.diff(dim=-2)
        return picture_losses(batch, drawn(batch, added)) | {
            "smooth": right.abs().mean() + down.abs().mean(),
            "size": moved.abs().mean(),
        }

    def sheet(self, batch: RayBatch) -> UInt8[np.ndarray, "height width 3"]:
        """Rows of planes, as built, corrected by the averaged network, truth; where nothing counts, black."""
        added = self.networks["average"](batch.plane)
        columns = (drawn(batch, torch.zeros_like(added)), drawn(batch, added), batch.truth)
        picture = torch.cat([torch.cat(list(each * batch.counts), 1) for each in columns], 2)
        return (picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()


def drawn(
    batch: RayBatch, added: Float[Tensor, "batch channels plane plane"]
) -> Float[Tensor, "batch 3 rays rays"]:
    """What rays see of the page once a correction has moved the surface along them.

    To first order: the surface moves along a ray by as much as its depth does.
    """
    x, y = batch.rays[:, None, :, None], batch.rays[:, :, None, None]
    depth = batch.depth[..., None]
    with torch.no_grad():
        follows = torch.ones(*batch.depth.shape, 2, device=depth.device)
        for _ in range(3):
            places = _places(batch, x, y, depth, follows)
            follows = _sampled(batch.plane[:, [HEAD, ANCHOR]], places)
    change = _sampled(added[:, MOVED], places)
    places = _places(batch, x, y, depth - change[..., :1], follows + change[..., 1:])
    return _sampled(batch.page, places).permute(0, 3, 1, 2)


def picture_losses(batch: RayBatch, picture: Float[Tensor, "batch 3 rays rays"]) -> Losses:
    """L1 of colours and of their steps where both pictures show the person."""
    counts = batch.counts
    error = (picture - batch.truth) * counts
    inside = counts.sum().clamp(min=1) * 3
    right, down = error.diff(dim=-1) * counts[..., 1:], error.diff(dim=-2) * counts[..., 1:, :]
    return {"l1": error.abs().sum() / inside, "edges": (right.abs().sum() + down.abs().sum()) / inside}


def _places(
    batch: RayBatch,
    x: Float[Tensor, "batch 1 rays 1"],
    y: Float[Tensor, "batch rays 1 1"],
    depth: Float[Tensor, "batch rays rays 1"],
    follows: Float[Tensor, "batch rays rays 2"],
) -> Float[Tensor, "batch rays rays 2"]:
    """Where on the canvas the photo saw what rays meet; see `frustum_planes.Bend`."""
    bend = batch.bend[:, None, None]
    points = torch.cat((x * depth, y * depth, depth), -1)
    head = torch.einsum("brci,bij->brcj", points, batch.bend[:, :9].unflatten(1, (3, 3))) + bend[..., 9:12]
    away = torch.einsum("brci,bij->brcj", points, batch.bend[:, 12:21].unflatten(1, (3, 3))) + bend[..., 21:]
    rest = points - follows[..., 1:] * away
    rest = rest + follows[..., :1] * (head - rest)
    frame = batch.frame[:, None, None]
    return (rest[..., :2] / rest[..., 2:].clamp(min=0.1) - frame[..., 1:3]) * frame[..., :1]


def _sampled(
    picture: Float[Tensor, "batch channels height width"], places: Float[Tensor, "batch rays rays 2"]
) -> Float[Tensor, "batch rays rays channels"]:
    seen = functional.grid_sample(picture, 2 * places - 1, padding_mode="border", align_corners=False)
    return seen.permute(0, 2, 3, 1)


assert MOVED[0] == FRONT, "the surface moves against the channel of its front"
