"""The half of the voice's variational model that only training needs: what latent a seen motion had."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cameo3d.models.voice.lite.motion_decoder import CONTEXT, LATENTS, MOUTH_SHAPES


class PosteriorEncoder(nn.Module):
    """A Gaussian over each frame's latent, from the motion around it and the sound's context."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.see = nn.Conv1d(len(MOUTH_SHAPES), width, 9, padding=4)
        self.guess = nn.Sequential(
            nn.Linear(width + CONTEXT, width), nn.GELU(), nn.Linear(width, 2 * LATENTS)
        )

    def forward(
        self,
        weights: Float[Tensor, "batch frames shapes"],
        context: Float[Tensor, "batch frames context"],
        noise: Float[Tensor, "batch frames latents"],
    ) -> tuple[Float[Tensor, "batch frames latents"], Float[Tensor, "batch frames"]]:
        """A latent drawn with the given unit Gaussian noise, and the logarithm of its density."""
        seen = self.see(weights.transpose(1, 2)).transpose(1, 2)
        mean, log_spread = self.guess(torch.cat((seen, context), -1)).chunk(2, -1)
        log_spread = log_spread.clamp(-5, 2)
        density = -0.5 * noise.square() - log_spread - 0.5 * math.log(2 * math.pi)
        return mean + noise * log_spread.exp(), density.sum(-1)
