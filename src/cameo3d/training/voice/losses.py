"""What the voice model is trained for: functions from predictions and targets to numbers, best when small."""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from cameo3d.data.voice.speech_sounds import UNLABELLED


def shape_loss(
    weights: Float[Tensor, "batch frames shapes"],
    targets: Float[Tensor, "batch frames shapes"],
    spreads: Float[Tensor, " shapes"],
    known: Bool[Tensor, "batch frames"],
) -> Float[Tensor, ""]:
    """Mean absolute error of the weights where they are known, every shape in its own spread."""
    return _mean(((weights - targets).abs() / spreads).mean(-1), known)


def opening_loss(
    openings: Float[Tensor, "batch frames"],
    targets: Float[Tensor, "batch frames"],
    known: Bool[Tensor, "batch frames"],
) -> Float[Tensor, ""]:
    """Mean absolute error of the lip opening where it is known, in its usual spread; 0 if never known."""
    return _mean((openings - targets).abs() / 0.05, known)


def velocity_loss(
    openings: Float[Tensor, "batch frames"],
    targets: Float[Tensor, "batch frames"],
    known: Bool[Tensor, "batch frames"],
) -> Float[Tensor, ""]:
    """Mean absolute error of the opening's change from frame to frame, in its usual spread."""
    return _mean((openings - targets).diff(dim=1).abs() / 0.02, known[:, 1:] & known[:, :-1])


def correlation_loss(
    openings: Float[Tensor, "batch frames"],
    targets: Float[Tensor, "batch frames"],
    known: Bool[Tensor, "batch frames"],
    still: float = 0.001,
) -> Float[Tensor, ""]:
    """One minus the correlation of the opening over time, mean over the batch's rows with any known frame.

    Args:
        openings: Predicted; or the width instead.
        targets: Those of the speaker.
        known: Where they are known.
        still: Sum of squares below which a clip counts as not moving, and asks for no correlation with noise.
    """
    counts = known.sum(1, keepdim=True)

    def centred(values: Tensor) -> Tensor:
        mean = (values * known).sum(1, keepdim=True) / counts.clamp(min=1)
        return (values - mean) * known

    one, other = centred(openings), centred(targets)
    sizes = (one.square().sum(1) * other.square().sum(1) + still**2).sqrt()
    return _mean(1 - (one * other).sum(1) / sizes, counts[:, 0] > 0)


def naming_loss(
    log_probabilities: Float[Tensor, "batch steps sounds"], sounds: Int64[Tensor, "batch steps"]
) -> Float[Tensor, ""]:
    """Cross entropy of the named sounds, where they are labelled."""
    return torch.nn.functional.nll_loss(
        log_probabilities.flatten(0, 1), sounds.flatten(), ignore_index=UNLABELLED
    )


def latent_loss(
    log_posterior: Float[Tensor, "batch frames"],
    noise: Float[Tensor, "batch frames latents"],
    log_volume: Float[Tensor, "batch frames"],
    known: Bool[Tensor, "batch frames"],
) -> Float[Tensor, ""]:
    """Divergence of the posterior from the flow's prior, nats a frame, estimated at one of its latents.

    Args:
        log_posterior: Logarithm of the posterior's density at the latent.
        noise: The latent as the flow's noise.
        log_volume: What the flow gained in volume on the way there.
        known: Where the motion, and so the posterior, is known.
    """
    latents = noise.shape[-1]
    log_prior = (
        log_volume - 0.5 * noise.square().sum(-1) - 0.5 * latents * torch.log(torch.tensor(2 * torch.pi))
    )
    return _mean(log_posterior - log_prior, known)


def _mean(values: Tensor, known: Tensor) -> Tensor:
    """Over the known values; 0 if there are none."""
    return (values * known).sum() / known.sum().clamp(min=1)
