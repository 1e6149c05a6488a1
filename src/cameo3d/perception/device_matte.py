"""Mattes of pictures that are on a GPU, by PyTorch's operations: what `matte` and `modnet` do on the CPU."""

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cameo3d.perception.matte import EPSILON, guide_radius, sharpened
from cameo3d.perception.modnet import load_modnet, matte_of
from cameo3d.perception.selfie_segmentation import SIDE, SelfieSegmentation, load_selfie_segmentation

DeviceMatte = Callable[[Float[Tensor, "1 3 side side"]], Float[Tensor, "side side"]]
"""How much of each pixel of a picture in whole numbers of 0 to 255 belongs to the person, in [0, 1]."""


def person_matte_on(device: torch.device) -> DeviceMatte:
    """`person_matte` for square pictures whose side is a multiple of 256."""
    return partial(_person_matte, copy.deepcopy(load_selfie_segmentation()).to(device))


def modnet_matte_on(device: torch.device, path: Path) -> DeviceMatte:
    """`modnet_matte` with the user's file.

    Raises:
        WeightsError: If the file is damaged or of another layout.
    """
    network = copy.deepcopy(load_modnet(path)).to(device)
    return lambda picture: matte_of(network, picture / 127.5 - 1)


def _person_matte(network: SelfieSegmentation, picture: Float[Tensor, "1 3 side side"]) -> Tensor:
    side = picture.shape[-1]
    if side % SIDE:
        raise ValueError(f"The picture's side should be a multiple of {SIDE}, got {side}.")
    small = (functional.avg_pool2d(picture, side // SIDE) + 0.5).floor()  # OpenCV has bytes there
    mask = functional.interpolate(network(small / 255), (side, side), mode="bicubic")[0, 0].clamp(0, 1)
    radius = guide_radius(side)
    refined = _guided_filter(picture[0] / 255, mask, radius)
    reach = 2 * radius
    core, around = -_highest(-mask, reach), _highest(mask, reach)
    return sharpened(refined.masked_fill(around < 0.1, 0.0).masked_fill(core > 0.9, 1.0))


def _guided_filter(
    guide: Float[Tensor, "3 height width"], mask: Float[Tensor, "height width"], radius: int
) -> Float[Tensor, "height width"]:
    """See `matte.guided_filter`; in double precision, since flat windows are nearly singular."""
    guide, mask = guide.double(), mask.double()
    r, g, b = guide
    parts = (r, g, b, mask, r * r, r * g, r * b, g * g, g * b, b * b, r * mask, g * mask, b * mask)
    x, y, z, w, rr, rg, rb, gg, gb, bb, rm, gm, bm = _window_means(torch.stack(parts), radius)
    first = torch.sqrt(rr - x * x + EPSILON)
    low_1, low_2 = (rg - x * y) / first, (rb - x * z) / first
    second = torch.sqrt(gg - y * y + EPSILON - low_1 * low_1)
    low_3 = (gb - y * z - low_1 * low_2) / second
    third = torch.sqrt(bb - z * z + EPSILON - low_2 * low_2 - low_3 * low_3)
    one = (rm - x * w) / first
    two = (gm - y * w - low_1 * one) / second
    three = (bm - z * w - low_2 * one - low_3 * two) / third / third
    two = (two - low_3 * three) / second
    one = (one - low_1 * two - low_2 * three) / first
    slopes = torch.stack((one, two, three, w - one * x - two * y - three * z))
    slopes = _window_means(slopes, radius)
    return ((slopes[:3] * guide).sum(dim=0) + slopes[3]).float()


def _window_means(maps: Float[Tensor, "maps height width"], radius: int) -> Tensor:
    """Means of square windows; beyond the border the picture is mirrored, its last pixel too."""
    for axis in (-2, -1):
        begin, end = maps.narrow(axis, 0, radius), maps.narrow(axis, maps.shape[axis] - radius, radius)
        maps = torch.cat((begin.flip(axis), maps, end.flip(axis)), dim=axis)
    return functional.avg_pool2d(maps[None], 2 * radius + 1, stride=1)[0]


def _highest(mask: Float[Tensor, "height width"], reach: int) -> Tensor:
    """The highest value within so many pixels along both axes."""
    return functional.max_pool2d(mask[None], 2 * reach + 1, stride=1, padding=reach)[0]
