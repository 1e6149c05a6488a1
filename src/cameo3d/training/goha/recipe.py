"""How GOHA's three stages are trained: as published, and for little compute."""

from dataclasses import dataclass, replace
from typing import Literal

from cameo3d.models.goha.config import ABLATIONS, OFFICIAL, SMALL, GohaConfig
from cameo3d.training.learner import Precision
from cameo3d.training.loop import Plan


@dataclass(frozen=True)
class GohaRecipe:
    """One stage; the defaults are what all stages of the release have in common."""

    plan: Plan
    """How long and how often."""
    first: int
    """Number of its first iteration; modes and switches follow the count over all stages."""
    shares: tuple[tuple[str, float], ...]
    """How often each data set is drawn."""
    network: GohaConfig = OFFICIAL
    """Sizes of the network, and ablations."""
    perceptual: Literal["lpips", "vgg"] = "lpips"
    """Whose features are compared: LPIPS on AlexNet, or the last convolutions of VGG-19's blocks."""
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
    precision: Precision = "float32"
    """In which losses are computed."""
    recompute: bool = False
    """Whether rays are traced again for the gradients: a third slower, and far less memory."""
    frozen_in_training_mode: bool = False
    """A slip of the release: blocks of encoders that no longer learn are still skipped at random."""


def _plan(steps: int) -> Plan:
    return Plan(steps=steps, seed=42, save_every=5000)


_BY_THREE = ("ravdess", 0.33), ("celebv", 0.33), ("synthetic", 0.34)

RECONSTRUCTION = GohaRecipe(_plan(695_000), 0, _BY_THREE)
"""Stage 1 of the release."""
ADVERSARIAL = GohaRecipe(
    _plan(55_000), 695_000, (("ravdess", 0.33), ("synthetic", 0.33), ("ffhq", 0.34)), perceptual="vgg"
)
"""Stage 1b of the release: against a discriminator."""
SUPER_RESOLUTION = GohaRecipe(
    _plan(75_000),
    750_000,
    tuple((name, 0.25) for name in ("ravdess", "synthetic", "ffhq", "celebv")),
    perceptual="vgg",
    discriminator_rate=5e-4,
    discriminator_every=1,
)
"""Stage 2 of the release."""


def shortened(recipe: GohaRecipe, share: float) -> GohaRecipe:
    """The same course in a share of the iterations."""
    names = ("first", "expression_from", "appearance_from")
    counts = {name: round(getattr(recipe, name) * share) for name in names}
    return replace(recipe, plan=replace(recipe.plan, steps=round(recipe.plan.steps * share)), **counts)


def _sizes(official: GohaRecipe) -> dict[str, GohaRecipe]:
    """The release's recipe, its ablations, and the small network's: a hundredth of the iterations."""
    short = shortened(official, 0.01)
    # With the published face parser, which no stage trains.
    network = replace(SMALL, parsing_width=64)
    small = replace(short, network=network, batch=4, average=True, recompute=True)
    recipes = {"official": official, "small": small}
    for prefix, whole in (("", official), ("small-", small)):
        for name, changes in ABLATIONS.items():
            recipes[prefix + name] = replace(whole, network=replace(whole.network, **changes))
    return recipes


RECONSTRUCTION_RECIPES = _sizes(RECONSTRUCTION)
ADVERSARIAL_RECIPES = _sizes(ADVERSARIAL)
SUPER_RESOLUTION_RECIPES = _sizes(SUPER_RESOLUTION)
"""By size or ablation."""
