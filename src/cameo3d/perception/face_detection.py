"""MediaPipe's two face detectors, for faces that fill a picture and for faces that are small in it.

Single-shot detectors (Bazarevsky et al., arXiv 1907.05047): each place of a grid says how surely a face is
there, where its box lies, and six points of it. Weights: docs/cards/eyes.md.
"""

import functools
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.depthwise import Pointwise, ResidualBlock, SameConv2d
from cameo3d.blocks.separable_kernel import compile_blocks
from cameo3d.weights.shipped import load_tensors

Reach = Literal["near", "far"]
_SAME_FACE = 0.3
"""Boxes that overlap by more of their union are one face."""
_NUMBERS = 16
"""Of each place: middle, width and height of the box, then x and y of six points; in pixels."""


@dataclass(frozen=True)
class Detection:
    """One face as a detector sees it, in sides of the square that it was shown."""

    score: float
    """In [0, 1]."""
    box: Float[Tensor, "4"]
    """Left, top, right, bottom; from the forehead to the chin."""
    points: Float[Tensor, "6 2"]
    """Right eye, left eye, tip of the nose, mouth, right ear, left ear."""


class FaceDetector(nn.Module):
    """What both detectors share: reading faces off a grid."""

    side: int
    """Pixels across the square that the network sees."""
    least_score: float
    """Less sure hits are often no faces; MediaPipe's thresholds."""
    places: Tensor

    def detect(self, pictures: Float[Tensor, "batch 3 side side"], min_score: float) -> list[list[Detection]]:
        """Find the faces of square pictures in [-1, 1], the surest first.

        Boxes that overlap are one face, whose box and points are their mean, weighted by their scores.
        """
        scores, numbers = self(pictures)
        pairs = numbers.unflatten(-1, (-1, 2)) / self.side
        pairs = torch.cat((pairs[:, :, :1] + self.places[:, None], pairs[:, :, 1:2], pairs[:, :, 2:]), 2)
        points = pairs[:, :, 2:] + self.places[:, None]
        middle, half = pairs[:, :, 0], pairs[:, :, 1] / 2
        boxes = torch.cat((middle - half, middle + half), dim=-1)
        scores = scores.clamp(-100, 100).sigmoid()
        return [
            _merged(*(part[score >= min_score].cpu() for part in (score, box, where)))
            for score, box, where in zip(scores, boxes, points, strict=True)
        ]


class NearDetector(FaceDetector):
    """For faces within about two metres of a phone: larger than a tenth of the picture."""

    side, least_score = 128, 0.5

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(SameConv2d(3, 24, 5, 2), nn.ReLU())
        widths = (24, 24, 28, 32, 36, 42, 48, 56, 64, 72, 80, 88)
        self.fine = _chain(widths, halved_at=(32, 48))
        self.coarse = _chain((88, 96, 96, 96, 96, 96), halved_at=(96,))
        self.fine_scores, self.coarse_scores = Pointwise(88, 2), Pointwise(96, 6)
        self.fine_numbers, self.coarse_numbers = Pointwise(88, 2 * _NUMBERS), Pointwise(96, 6 * _NUMBERS)
        places = torch.cat((_grid(16).repeat_interleave(2, 0), _grid(8).repeat_interleave(6, 0)))
        self.register_buffer("places", places, persistent=False)

    def forward(
        self, pictures: Float[Tensor, "batch 3 128 128"]
    ) -> tuple[Float[Tensor, "batch 896"], Float[Tensor, "batch 896 16"]]:
        """Scores before the sigmoid, and the numbers of each place."""
        fine = self.fine(self.stem(pictures))
        coarse = self.coarse(fine)
        scores = torch.cat(
            (_listed(self.fine_scores(fine), 1), _listed(self.coarse_scores(coarse), 1)), dim=1
        )
        numbers = torch.cat(
            (_listed(self.fine_numbers(fine), _NUMBERS), _listed(self.coarse_numbers(coarse), _NUMBERS)),
            dim=1,
        )
        return scores[..., 0], numbers


class FarDetector(FaceDetector):
    """For faces within about five metres: larger than a thirtieth of the picture. A feature pyramid."""

    side, least_score = 192, 0.6

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1), nn.ReLU())
        self.first = nn.Sequential(_Bottleneck(32, 8), _Bottleneck(32, 8))
        self.down = nn.ModuleList(
            nn.Sequential(_halving(before, inner, after), *(_Bottleneck(after, inner) for _ in range(more)))
            for before, inner, after, more in (
                (32, 16, 64, 2),
                (64, 32, 128, 2),
                (128, 48, 192, 2),
                (192, 96, 384, 3),
            )
        )
        self.across = nn.ModuleList(_mixed(*widths) for widths in ((64, 48), (128, 64), (192, 96)))
        self.lift = nn.ModuleList(_mixed(*widths) for widths in ((384, 96), (96, 64), (64, 48)))
        self.up = nn.ModuleList(
            nn.Sequential(*(_Bottleneck(width, width // 2) for _ in range(count)))
            for width, count in ((96, 2), (64, 2), (48, 1))
        )
        self.scores = nn.Sequential(Pointwise(48, 4), nn.Conv2d(4, 4, 3, 2, 1, groups=4))
        self.numbers = nn.Sequential(
            Pointwise(48, 4 * _NUMBERS), nn.Conv2d(4 * _NUMBERS, 4 * _NUMBERS, 3, 2, 1, groups=4 * _NUMBERS)
        )
        self.register_buffer("places", _grid(48), persistent=False)

    def forward(
        self, pictures: Float[Tensor, "batch 3 192 192"]
    ) -> tuple[Float[Tensor, "batch 2304"], Float[Tensor, "batch 2304 16"]]:
        """Scores before the sigmoid, and the numbers of each place."""
        x = self.first(self.stem(pictures))
        seen = []
        for down in self.down:
            x = down(x)
            seen.append(x)
        for across, lift, up, fine in zip(
            reversed(self.across), self.lift, self.up, reversed(seen[:-1]), strict=True
        ):
            larger = functional.interpolate(lift(x), scale_factor=2, mode="bilinear", align_corners=False)
            x = up(across(fine) + larger)
        return _listed(_unfolded(self.scores(x)), 1)[..., 0], _listed(_unfolded(self.numbers(x)), _NUMBERS)


class _Bottleneck(nn.Module):
    """Two depthwise separable convolutions, through fewer channels, added to the picture."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(_depthwise(width), Pointwise(width, inner), nn.ReLU()),
            *(_depthwise(inner), Pointwise(inner, width)),
        )

    def forward(self, x: Float[Tensor, "batch width rows columns"]) -> Tensor:
        return functional.relu(x + self.layers(x))


@functools.cache
def load_detector(reach: Reach) -> FaceDetector:
    """Load a shipped detector, once.

    Raises:
        WeightsError: If its file is missing or damaged.
    """
    network = NearDetector() if reach == "near" else FarDetector()
    weights = load_tensors("face_detection").items()
    start = f"{reach}."
    network.load_state_dict(
        {name.removeprefix(start): tensor.float() for name, tensor in weights if name.startswith(start)}
    )
    network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    compile_blocks(network)
    return network


def _merged(
    scores: Float[Tensor, " hits"], boxes: Float[Tensor, "hits 4"], points: Float[Tensor, "hits 6 2"]
) -> list[Detection]:
    """Boxes that overlap the surest one are one face with it, and so on with those that are left."""
    order = scores.argsort(descending=True, stable=True)
    scores, boxes, points = scores[order], boxes[order], points[order]
    found = []
    while len(scores):
        same = _shared(boxes, boxes[0]) > _SAME_FACE
        same[0] = True
        weights = scores[same] / scores[same].sum()
        found.append(
            Detection(
                float(scores[0]), weights @ boxes[same], torch.einsum("h,hpc->pc", weights, points[same])
            )
        )
        scores, boxes, points = scores[~same], boxes[~same], points[~same]
    return found


def _shared(boxes: Float[Tensor, "hits 4"], one: Float[Tensor, "4"]) -> Float[Tensor, " hits"]:
    """Intersection over union of each box with one."""
    low, high = torch.maximum(boxes[:, :2], one[:2]), torch.minimum(boxes[:, 2:], one[2:])
    shared = (high - low).clamp(min=0).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1) + (one[2:] - one[:2]).prod()
    return shared / (areas - shared).clamp(min=1e-9)


def _chain(widths: tuple[int, ...], halved_at: tuple[int, ...]) -> nn.Sequential:
    """Residual blocks from width to width; those that first give some widths halve the picture."""
    blocks, seen = [], set()
    for before, after in pairwise(widths):
        stride = 2 if after in halved_at and after not in seen else 1
        seen.add(after)
        blocks.append(ResidualBlock(before, after, nn.ReLU(), stride))
    return nn.Sequential(*blocks)


def _depthwise(width: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(width, width, 3, stride, 1, groups=width)


def _mixed(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(Pointwise(before, after), nn.ReLU())


def _halving(before: int, inner: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        *(_depthwise(before, 2), *_mixed(before, inner), _depthwise(inner), *_mixed(inner, after))
    )


def _grid(size: int) -> Float[Tensor, "places 2"]:
    """The middles of a square's cells, row by row, in its sides."""
    centres = (torch.arange(size) + 0.5) / size
    rows, columns = torch.meshgrid(centres, centres, indexing="ij")
    return torch.stack((columns, rows), dim=-1).flatten(0, 1)


def _listed(maps: Float[Tensor, "batch channels rows columns"], each: int) -> Tensor:
    """The places of a map one after the other, row by row, with so many numbers each."""
    return maps.permute(0, 2, 3, 1).reshape(len(maps), -1, each)


def _unfolded(maps: Float[Tensor, "batch channels rows columns"]) -> Tensor:
    """Four times the channels to twice the size: a group of channels for each corner of a cell."""
    return functional.pixel_shuffle(maps.unflatten(1, (4, -1)).transpose(1, 2).flatten(1, 2), 2)
