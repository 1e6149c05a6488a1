"""MODNet (Ke et al., AAAI 2022), which cuts out GOHA's prepared pictures, with the user's own weights.

A MobileNet V2 (Sandler et al., CVPR 2018) sees roughly where a person is, a second branch the edges at half
and quarter size, and a third joins both.
"""

import functools
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from cameo3d.errors import WeightsError
from cameo3d.weights.conversion.pickles import named_tensors, read_pickle
from cameo3d.weights.conversion.renaming import Renames, check_layout, renamed
from cameo3d.weights.user_files import MODNET, file_stamp, own_networks

_SIDE, _STEP = 512, 32
"""Pixels of a picture's shorter side, and the unit of both."""
_INVERTED = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""MobileNet V2: how much wider inside, channels, blocks, and stride of the first."""
_EDGES = 32
"""Channels of the branch for edges."""

_RENAMES: Renames = (
    (r"^module\.", ""),
    (r"^lr_branch\.backbone\..*$", ""),  # the same network a second time
    (r"^(lr_branch\.conv_lr|hr_branch\.conv_hr)\..*$", ""),  # for training only
    (r"^backbone\.model\.features\.", "encoder."),
    (r"^lr_branch\.se_block\.fc\.0\.", "where.squeeze."),
    (r"^lr_branch\.se_block\.fc\.2\.", "where.excite."),
    (r"^lr_branch\.conv_lr16x\.", "where.sixteenth."),
    (r"^lr_branch\.conv_lr8x\.", "where.eighth."),
    (r"^hr_branch\.tohr_enc2x\.", "edges.from_half."),
    (r"^hr_branch\.conv_enc2x\.", "edges.down."),
    (r"^hr_branch\.tohr_enc4x\.", "edges.from_quarter."),
    (r"^hr_branch\.conv_enc4x\.", "edges.mixed."),
    (r"^hr_branch\.conv_hr4x\.", "edges.at_quarter."),
    (r"^hr_branch\.conv_hr2x\.", "edges.at_half."),
    (r"^f_branch\.conv_lr4x\.", "join.quarter_size."),
    (r"^f_branch\.conv_f2x\.", "join.half_size."),
    (r"^f_branch\.conv_f\.", "join.whole."),
    (r"\.layers\.0\.", ".conv."),
    (r"\.layers\.1\.bnorm\.", ".norm."),
)


class ModNet(nn.Module):
    """The network."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [_activated(nn.Conv2d(3, 32, 3, 2, 1, bias=False), 32)]
        width = 32
        for expansion, outputs, count, stride in _INVERTED:
            for index in range(count):
                layers.append(_Inverted(width, outputs, expansion, stride if index == 0 else 1))
                width = outputs
        layers.append(_activated(nn.Conv2d(width, 1280, 1, bias=False), 1280))
        self.encoder = nn.ModuleList(layers)
        self.where = _Where(1280, 96, 32)
        self.edges = _Edges(16, 24, 32)
        self.join = _Join(32)

    def forward(
        self, picture: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch 1 height width"]:
        """Mattes in [0, 1] of pictures in [-1, 1], whose sides are multiples of 32."""
        kept, x = {}, picture
        for index, layer in enumerate(self.encoder):
            x = kept[index] = layer(x)
        eighth = self.where(x)
        return self.join(picture, eighth, self.edges(picture, kept[1], kept[3], eighth))


class _Where(nn.Module):
    """Roughly where the person is, at an eighth of the size."""

    def __init__(self, inputs: int, middle: int, outputs: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(inputs, inputs // 4, bias=False)
        self.excite = nn.Linear(inputs // 4, inputs, bias=False)
        self.sixteenth = _Normed(inputs, middle, 5)
        self.eighth = _Normed(middle, outputs, 5)

    def forward(self, x: Float[Tensor, "batch inputs rows columns"]) -> Tensor:
        gate = self.excite(self.squeeze(x.mean(dim=(2, 3))).relu()).sigmoid()
        return self.eighth(_scaled(self.sixteenth(_scaled(x * gate[..., None, None], 2)), 2))


class _Edges(nn.Module):
    """What is fine, at half the size."""

    def __init__(self, half: int, quarter: int, eighth: int) -> None:
        super().__init__()
        few = _EDGES
        self.from_half, self.from_quarter = _Normed(half, few, 1), _Normed(quarter, few, 1)
        self.down, self.mixed = _Normed(few + 3, few, 3, stride=2), _Normed(2 * few, 2 * few, 3)
        widths = (2 * few + eighth + 3, 2 * few, 2 * few, few)
        self.at_quarter = nn.Sequential(*(_Normed(a, b, 3) for a, b in pairwise(widths)))
        widths = (2 * few, 2 * few, few, few, few)
        self.at_half = nn.Sequential(*(_Normed(a, b, 3) for a, b in pairwise(widths)))

    def forward(self, picture: Tensor, half: Tensor, quarter: Tensor, eighth: Tensor) -> Tensor:
        half = self.from_half(half)
        x = self.down(torch.cat((_scaled(picture, 0.5), half), dim=1))
        x = self.mixed(torch.cat((x, self.from_quarter(quarter)), dim=1))
        x = self.at_quarter(torch.cat((x, _scaled(eighth, 2), _scaled(picture, 0.25)), dim=1))
        return self.at_half(torch.cat((_scaled(x, 2), half), dim=1))


class _Join(nn.Module):
    """Both to a matte."""

    def __init__(self, eighth: int) -> None:
        super().__init__()
        few = _EDGES
        self.quarter_size, self.half_size = _Normed(eighth, few, 5), _Normed(2 * few, few, 3)
        self.whole = nn.ModuleList((_Normed(few + 3, few // 2, 3), _Plain(few // 2, 1)))

    def forward(self, picture: Tensor, eighth: Tensor, half: Tensor) -> Tensor:
        x = _scaled(self.quarter_size(_scaled(eighth, 2)), 2)
        x = self.half_size(torch.cat((x, half), dim=1))
        x = torch.cat((_scaled(x, 2), picture), dim=1)
        for layer in self.whole:
            x = layer(x)
        return x.sigmoid()


class _Normed(nn.Module):
    """A convolution; half of its channels are normed over batches, half each for itself; ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)
        self.norm = nn.BatchNorm2d(outputs // 2)

    def forward(self, x: Float[Tensor, "batch inputs rows columns"]) -> Tensor:
        learned, own = self.conv(x).split(
            (self.norm.num_features, self.conv.out_channels - self.norm.num_features), 1
        )
        return torch.cat((self.norm(learned), functional.instance_norm(own)), dim=1).relu()


class _Plain(nn.Module):
    """A pointwise convolution alone."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Float[Tensor, "batch inputs rows columns"]) -> Tensor:
        return self.conv(x)


class _Inverted(nn.Module):
    """Widen, look around, narrow; added to its input where the shape stays."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        inner = inputs * expansion
        wide = (
            ()
            if expansion == 1
            else (nn.Conv2d(inputs, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU6())
        )
        self.conv = nn.Sequential(
            *wide,
            *(
                nn.Conv2d(inner, inner, 3, stride, 1, groups=inner, bias=False),
                nn.BatchNorm2d(inner),
                nn.ReLU6(),
            ),
            *(nn.Conv2d(inner, outputs, 1, bias=False), nn.BatchNorm2d(outputs)),
        )
        self._is_residual = stride == 1 and inputs == outputs

    def forward(self, x: Float[Tensor, "batch inputs rows columns"]) -> Tensor:
        return x + self.conv(x) if self._is_residual else self.conv(x)


def _activated(convolution: nn.Conv2d, width: int) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU6())


def _scaled(x: Float[Tensor, "batch channels rows columns"], factor: int | float) -> Tensor:
    return functional.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def convert_modnet(official: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The released tensors under our names.

    Raises:
        WeightsError: Listing all unknown, missing and misshapen tensors.
    """
    tensors = renamed(official, _RENAMES)
    check_layout(tensors, expected, "MODNet's file")
    return tensors


def modnet_file() -> Path | None:
    """The user's file, if it is there."""
    path = own_networks().folder / MODNET
    return path if path.is_file() else None


def load_modnet(path: Path) -> ModNet:
    """The network with the weights of a released file, read once until the file changes.

    Raises:
        WeightsError: If the file is damaged or of another layout.
    """
    return _loaded(path, file_stamp(path))


@functools.lru_cache(maxsize=1)
def _loaded(path: Path, stamp: tuple[int, int]) -> ModNet:
    network = ModNet()
    found = named_tensors({"network": read_pickle(path)}, path, "network")
    network.load_state_dict(convert_modnet(found, network.state_dict()))
    if not all(x.isfinite().all() for x in network.parameters()):
        raise WeightsError(f"{path} holds numbers that are not finite; download it again.")
    return network.eval().requires_grad_(False)


def modnet_matte(rgb: UInt8[np.ndarray, "height width 3"], path: Path) -> Float[np.ndarray, "height width"]:
    """How much of each pixel belongs to the person, in [0, 1], as MODNet's own program resizes pictures."""
    x = torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.inference_mode():
        return matte_of(load_modnet(path), x).numpy()


def matte_of(network: ModNet, x: Float[Tensor, "1 3 height width"]) -> Float[Tensor, "height width"]:
    """The matte of a picture in [-1, 1]; see `modnet_matte`."""
    height, width = size = x.shape[2], x.shape[3]
    if max(size) < _SIDE or min(size) > _SIDE:
        size = (
            (_SIDE, int(width / height * _SIDE)) if width >= height else (int(height / width * _SIDE), _SIDE)
        )
    size = tuple(max(_STEP, side - side % _STEP) for side in size)
    matte = network(functional.interpolate(x, size, mode="area"))
    return functional.interpolate(matte, (height, width), mode="area")[0, 0]
