"""Spectral and weight norms: part of the training, multiplied into the weights when they are saved."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from cameo3d.models.real3d.torso import Torso
from cameo3d.models.voice.official.network import GatedConvolutions


def add_spectral_norms(torso: Torso) -> None:
    """On stem, residual blocks and upsampling of the torso's generator, as in the official training."""
    generator = torso.generator
    _parametrize((generator.stem, generator.residual, generator.up), parametrizations.spectral_norm)


def add_weight_norms(network: nn.Module) -> None:
    """On all gated convolutions of a voice model."""
    gates = [module for module in network.modules() if isinstance(module, GatedConvolutions)]
    _parametrize(gates, parametrizations.weight_norm)


@torch.no_grad()
def merged_state(network: nn.Module) -> dict[str, Tensor]:
    """A network's state with the norms multiplied in, under the names that it has without them."""
    state = dict(network.state_dict())
    for name, module in network.named_modules():
        if not parametrize.is_parametrized(module):
            continue
        training = module.training
        module.eval()  # a spectral norm would go on estimating
        for key in module.parametrizations:  # type: ignore[union-attr]
            state = {k: x for k, x in state.items() if not k.startswith(f"{name}.parametrizations.{key}.")}
            state[f"{name}.{key}"] = getattr(module, key).detach().clone()
        module.train(training)
    return state


def _parametrize(parts: Iterable[nn.Module], norm) -> None:
    for part in parts:
        for module in part.modules():
            if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d) and not parametrize.is_parametrized(
                module
            ):
                norm(module)
