"""How the face correction learns: real pictures of the same person show where a warped photo is wrong."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.blocks.face_correction import FaceCorrection, skin_share
from cameo3d.data.portraits.expression_pages import ExpressionPages, read_pages
from cameo3d.training.learner import Losses
from cameo3d.training.lite.correction import CorrectionRecipe, CorrectionStage, PeopleBatches

_OPENINGS, _AROUND = 4.0, 9
"""How much more pixels in and around mouth and eyes count, and how many pixels around that is."""


@dataclass(frozen=True)
class FaceCorrectionRecipe(CorrectionRecipe):
    """All choices of this training."""

    steps: int = 3000
    batch: int = 8
    warm_up: int = 100
    photos: float = 0.5
    """Share of the pairs that come from photos; the rest comes from clips."""
    weights: tuple[tuple[str, float], ...] = (
        ("l1", 1.0),
        ("edges", 1.0),
        ("perceptual", 0.1),
        ("size", 0.02),
    )


@dataclass(frozen=True)
class PageBatch:
    """Pairs for the correction; colours in [-1, 1]."""

    seen: Float[Tensor, "batch 15 size size"]
    cover: Float[Tensor, "batch 1 size size"]
    truth: Float[Tensor, "batch 3 size size"]

    def to(self, device: torch.device) -> "PageBatch":
        """The same on a device."""
        return PageBatch(*(getattr(self, field.name).to(device) for field in fields(self)))

    @property
    def warped(self) -> Float[Tensor, "batch 3 size size"]:
        """The warped photo."""
        return self.seen[:, 3:6]


class PageBatches(PeopleBatches[ExpressionPages]):
    """Draws pairs of expression pages, as `synthesise_pages` writes them."""

    what = "expression pages"

    def __init__(
        self,
        folder: Path,
        recipe: FaceCorrectionRecipe,
        held_out: bool = False,
        device: torch.device | None = None,
    ) -> None:
        super().__init__(folder, recipe, held_out, device)
        self._photo_share = recipe.photos
        self._clips, self._photos = (
            [
                kept
                for pages in self.people()
                if (kept := [one for one in pages if (len(one.truth) > 2) == is_clip])
            ]
            for is_clip in (True, False)
        )

    def read(self, path: Path) -> ExpressionPages:
        """One file."""
        return read_pages(path)

    def draw(self, index: int) -> PageBatch:
        """The batch of a number."""
        rows = self.drawn(index)
        return PageBatch(*(torch.stack(part) for part in zip(*rows, strict=True))).to(self.device)

    def pair(self, random: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """A photo or a clip, and one of its expressions."""
        kinds = [kind for kind in (self._photos, self._clips) if kind]
        kind = kinds[0] if random.random() < self._photo_share else kinds[-1]
        person = kind[random.integers(len(kind))]
        pages = person[random.integers(len(person))]
        number = int(random.integers(len(pages.truth)))
        flip = not self.held_out and bool(random.random() < 0.5)
        return paired(pages, number, flip, self.gain(random))


def paired(
    pages: ExpressionPages, number: int, flip: bool, gain: Float[Tensor, "3"]
) -> tuple[Float[Tensor, "15 size size"], Float[Tensor, "1 size size"], Float[Tensor, "3 size size"]]:
    """What the network sees, where it counts, and the truth, of one expression."""
    cover = pages.covers[number].float() / 255
    holes = (pages.maps[number].amax(-1) == 0) & (cover > 0.5)
    cover = cover * torch.from_numpy(skin_share(holes.float().numpy()))
    colors = [_picture(each) for each in (pages.photo, pages.warped[number], pages.truth[number])]
    # Exposure is the camera's affair: the truth is brought to the mean of the warped photo.
    weight = cover / cover.sum().clamp(min=1)
    colors[2] = colors[2] + ((colors[1] - colors[2]) * weight).sum((1, 2), keepdim=True)
    colors = [((each + 1) * gain[:, None, None] - 1).clamp(-1, 1) for each in colors]
    maps = [_picture(each) for each in (pages.neutral_map, pages.photo_map, pages.maps[number])]
    if flip:
        maps = [_mirrored(each) for each in maps]
        colors = [each.flip(-1) for each in colors]
        cover = cover.flip(-1)
    return torch.cat((colors[0], colors[1], *maps)), cover[None], colors[2]


class FaceCorrectionStage(CorrectionStage[PageBatch]):
    """The stage for `training.loop.train`.

    Args:
        recipe: All choices.
        perceptual: Distance of two batches of pictures in [-1, 1]; None leaves it out.
        device: Where to learn.
    """

    def __init__(
        self,
        recipe: FaceCorrectionRecipe,
        perceptual: nn.Module | None = None,
        device: torch.device | None = None,
    ) -> None:
        super().__init__("motion", FaceCorrection, recipe, device)
        self._perceptual = perceptual

    def losses_of(self, network: nn.Module, batch: PageBatch) -> Losses:
        """Losses of one network."""
        added = network(batch.seen, batch.cover)
        found = correction_losses(batch, added)
        if self._perceptual is not None:
            drawn = _inside(batch.warped + added, batch)
            found["perceptual"] = self._perceptual(drawn, _inside(batch.truth, batch)).mean()
        return found

    def sheet(self, batch: PageBatch) -> UInt8[np.ndarray, "height width 3"]:
        """Rows of photo, warped photo, corrected by the averaged network, truth."""
        corrected = batch.warped + self.networks["average"](batch.seen, batch.cover)
        columns = (batch.seen[:, :3], batch.warped, corrected, _inside(batch.truth, batch))
        picture = torch.cat([torch.cat(list(each), 1) for each in columns], 2)
        return ((picture.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()


def correction_losses(batch: PageBatch, added: Float[Tensor, "batch 3 size size"]) -> Losses:
    """L1 of colours and of their steps, most of all around openings; and how much was added."""
    counted = batch.cover * (1 + _OPENINGS * openings(batch.seen[:, 12:15], batch.cover))
    share = counted / counted.sum().clamp(min=1)
    error = batch.warped + added - batch.truth
    right, down = error.diff(dim=-1), error.diff(dim=-2)
    return {
        "l1": (error.abs().mean(1, keepdim=True) * share).sum(),
        "edges": (right.abs().mean(1, keepdim=True) * share[..., 1:]).sum()
        + (down.abs().mean(1, keepdim=True) * share[..., 1:, :]).sum(),
        "size": (added.abs().mean(1, keepdim=True) * share).sum(),
    }


def openings(
    pncc: Float[Tensor, "batch 3 size size"], cover: Float[Tensor, "batch 1 size size"]
) -> Float[Tensor, "batch 1 size size"]:
    """1 in the holes of a PNCC picture and around them."""
    face = functional.max_pool2d(cover, 2 * _AROUND + 1, 1, _AROUND) > 0.5
    holes = ((pncc.amax(1, keepdim=True) <= -1) & face).float()
    return functional.max_pool2d(holes, 2 * _AROUND + 1, 1, _AROUND)


def _inside(picture: Tensor, batch: PageBatch) -> Tensor:
    """A picture on the face, the warped photo around it."""
    return batch.warped + (picture - batch.warped) * batch.cover


def _picture(bytes_: UInt8[Tensor, "size size 3"]) -> Float[Tensor, "3 size size"]:
    return bytes_.permute(2, 0, 1).float() / 127.5 - 1


def _mirrored(pncc: Float[Tensor, "3 size size"]) -> Float[Tensor, "3 size size"]:
    """The map of the mirrored face: across runs the other way, where there is a face."""
    turned = pncc.flip(-1).clone()
    face = turned.amax(0) > -1
    turned[0] = torch.where(face, -turned[0], turned[0])
    return turned
