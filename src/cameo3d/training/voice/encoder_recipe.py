"""All choices of how the voice model's ear learns."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SpeechEncoderRecipe:
    """All choices of a training."""

    steps: int = 3000
    batch: int = 64
    frames: int = 100
    """Motion frames of each piece in a batch."""
    synthesised: float = 0.3
    """Share of a batch that a machine said."""
    unchanged: float = 0.25
    """Share of the pieces that are heard as they are."""
    tempo: float = 0.2
    """How far the logarithm of the tempo (and pitch) is spread around zero."""
    sewn: float = 0.7
    """Share of the pieces that are sewn together from several clips, so that none is learned by heart."""
    dropout: float = 0.2
    learning_rate: float = 2e-3
    warm_up_steps: int = 200
    weight_decay: float = 0.1
    average: float = 0.995
    """How much of the averaged network stays in every step."""
    seed: int = 0
    save_every: int = 500
    loss_weights: tuple[tuple[str, float], ...] = (("teacher", 1.0), ("recogniser", 1.0), ("naming", 0.15))
