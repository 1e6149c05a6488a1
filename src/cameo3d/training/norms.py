"""Spectral and weight norms: part of the training, multiplied into the weights when they are saved."""

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from cameo3d.models.real3d.torso import Torso
from cameo3d.models.voice.official.network import GatedConvolutions

_MARK = ".parametrizations.weight."


def add_spectral_norms(torso: Torso) -> None:
    """On stem, residual blocks and upsampling of the torso's generator, as in the official training."""
    generator = torso.generator
    _parametrize((generator.stem, generator.residual, generator.up), parametrizations.spectral_norm)


def add_weight_norms(network: nn.Module) -> None:
    """On all gated convolutions of a voice model."""
    gates = [module for module in network.modules() if isinstance(module, GatedConvolutions)]
    _parametrize(gates, parametrizations.weight_norm)


@torch.no_grad()
def without_norms(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state with its norms multiplied in, under the names that the network has without them."""
    plain = {name: x for name, x in state.items() if _MARK not in name}
    for stem in dict.fromkeys(name.split(_MARK)[0] for name in state if _MARK in name):
        parts = {name.split(_MARK)[1]: x for name, x in state.items() if name.startswith(stem + _MARK)}
        if "original" in parts:  # spectral norm: the largest singular value, estimated
            weight = parts["original"]
            plain[f"{stem}.weight"] = weight / (parts["0._u"] @ (weight.flatten(1) @ parts["0._v"]))
        else:  # weight norm: magnitude and direction of each output channel
            size, way = parts["original0"], parts["original1"]
            plain[f"{stem}.weight"] = way * (size / way.flatten(1).norm(dim=1).view_as(size))
    return plain


def _parametrize(parts: Iterable[nn.Module], norm: Callable[[nn.Module], nn.Module]) -> None:
    for part in parts:
        for module in part.modules():
            if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
                norm(module)
