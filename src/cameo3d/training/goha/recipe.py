"""How GOHA's three stages are trained: as published, and for little compute."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class GohaRecipe:
    """One stage; the defaults are what all stages of the release have in common."""

    first: int
    """Number of its first iteration; modes and switches follow the count over all stages."""
    last: int
    """Number of the iteration after its last one."""
    shares: tuple[tuple[str, float], ...]
    """How often each data set is drawn."""
    expression_from: int = 120_000
    """Iteration from which expression planes take part."""
    appearance_from: int = 240_000
    """Iteration from which the photo's details take part."""
    batch: int = 1
    """Pairs in a batch; the release has one on each of eight devices."""
    rate: float = 1e-4
    """Learning rate of the generator, without decay."""
    linear_basis_rate: float = 1e-2
    """That of the ablation's linear expression bases."""
    discriminator_rate: float = 1e-4
    discriminator_every: int = 4
    """Iterations from one of the discriminator's steps to the next."""
    r1_every: int = 16
    """Iterations from one gradient penalty to the next; it counts that many times."""
    r1_gamma: float = 10.0
    betas: tuple[float, float] = (0.0, 0.99)
    """Of Adam."""
    max_norm: float = 1000.0
    """Gradients are scaled down to this norm."""
    neutral_weight: float = 3.0
    """Of the perceptual distance to the neutral drawing."""
    smoothness_weight: float = 0.25
    """Of the density's total variation."""
    adversarial_weight: float = 0.1
    average: bool = False
    """Whether averaged weights (EMA) are kept, too; the release keeps none."""
    recompute: bool = False
    """Whether rays are traced again for the gradients: a third slower, and far less memory."""
    frozen_in_training_mode: bool = False
    """A slip of the release: blocks of encoders that no longer learn are still skipped at random."""

    @property
    def steps(self) -> int:
        """Iterations of the stage."""
        return self.last - self.first


_BY_THREE = ("ravdess", 0.33), ("celebv", 0.33), ("synthetic", 0.34)

RECONSTRUCTION = GohaRecipe(0, 695_000, _BY_THREE)
"""Stage 1 of the release."""
ADVERSARIAL = GohaRecipe(695_000, 750_000, (("ravdess", 0.33), ("synthetic", 0.33), ("ffhq", 0.34)))
"""Stage 1b of the release: against a discriminator."""
SUPER_RESOLUTION = GohaRecipe(
    750_000,
    825_000,
    tuple((name, 0.25) for name in ("ravdess", "synthetic", "ffhq", "celebv")),
    discriminator_rate=5e-4,
    discriminator_every=1,
)
"""Stage 2 of the release."""


def shortened(recipe: GohaRecipe, share: float) -> GohaRecipe:
    """The same course in a share of the iterations."""
    names = ("first", "last", "expression_from", "appearance_from")
    return replace(recipe, **{name: round(getattr(recipe, name) * share) for name in names})


_LITE = {"batch": 4, "average": True, "recompute": True}

LITE_RECONSTRUCTION = replace(shortened(RECONSTRUCTION, 0.01), **_LITE)
LITE_ADVERSARIAL = replace(shortened(ADVERSARIAL, 0.01), **_LITE)
LITE_SUPER_RESOLUTION = replace(shortened(SUPER_RESOLUTION, 0.01), **_LITE)
"""For the small network: the course of the release in a hundredth of the iterations, with larger batches."""
