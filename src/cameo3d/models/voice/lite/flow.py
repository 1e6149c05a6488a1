"""A small conditional flow: what else a mouth may do to the same sound, as independent unit Gaussians."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class LatentFlow(nn.Module):
    """Affine couplings, each of which shifts and scales one half of the latents by the other and the sound.

    Args:
        latents: Size of a frame's latent; even.
        context: Size of what is known of the sound.
        couplings: How many; neighbours change opposite halves.
        width: Of their hidden layer.
    """

    def __init__(self, latents: int, context: int, couplings: int = 4, width: int = 64) -> None:
        super().__init__()
        self._half = latents // 2
        self.couplings = nn.ModuleList(
            nn.Sequential(nn.Linear(self._half + context, width), nn.GELU(), nn.Linear(width, latents))
            for _ in range(couplings)
        )
        for coupling in self.couplings:
            # An identity flow to begin with.
            last = coupling.get_submodule("2")
            assert isinstance(last, nn.Linear)
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def latent(
        self, noise: Float[Tensor, "*batch latents"], context: Float[Tensor, "*batch context"]
    ) -> Float[Tensor, "*batch latents"]:
        """The latent that unit Gaussian noise stands for; zero noise gives the likeliest take."""
        first, second = noise.split(self._half, -1)
        for coupling in self.couplings:
            shift, log_scale = self._change(coupling, first, context)
            first, second = second * log_scale.exp() + shift, first
        return torch.cat((first, second), -1)

    def noise(
        self, latent: Float[Tensor, "*batch latents"], context: Float[Tensor, "*batch context"]
    ) -> tuple[Float[Tensor, "*batch latents"], Float[Tensor, "*batch"]]:
        """The inverse of `latent`, and the logarithm of the volume that it gains there."""
        first, second = latent.split(self._half, -1)
        log_volume = torch.zeros_like(latent[..., 0])
        for coupling in reversed(self.couplings):
            shift, log_scale = self._change(coupling, second, context)
            first, second = second, (first - shift) * (-log_scale).exp()
            log_volume = log_volume - log_scale.sum(-1)
        return torch.cat((first, second), -1), log_volume

    def _change(self, coupling: nn.Module, half: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        shift, log_scale = coupling(torch.cat((half, context), -1)).chunk(2, -1)
        return shift, torch.tanh(log_scale)
