"""Generator against discriminator: softplus losses, and the R1 penalty (Mescheder et al., ICML 2018)."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def fooling_loss(fakes: Float[Tensor, " batch"]) -> Float[Tensor, ""]:
    """The generator's: high where the discriminator is right about its pictures."""
    return functional.softplus(-fakes).mean()


def telling_loss(
    reals: Float[Tensor, " batch"] | None, fakes: Float[Tensor, " others"] | None
) -> Float[Tensor, ""]:
    """The discriminator's: high where real pictures pass for fakes, and fakes for real."""
    parts = [functional.softplus(-reals).mean()] if reals is not None else []
    parts += [functional.softplus(fakes).mean()] if fakes is not None else []
    return torch.stack(parts).sum()


def r1_penalty(scores: Float[Tensor, " batch"], pictures: Sequence[Tensor]) -> Float[Tensor, ""]:
    """Half the squared length of the scores' gradient at real pictures, the mean over the batch.

    Args:
        scores: Of the discriminator.
        pictures: What it judged, one tensor or several that it saw together; they require gradients.
    """
    gradients = torch.autograd.grad(scores.sum(), list(pictures), create_graph=True)
    squares = torch.stack([gradient.square().flatten(1).sum(dim=1) for gradient in gradients])
    return squares.sum(dim=0).mean() / 2
