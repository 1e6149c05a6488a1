"""Every stage that `cameo3d train` knows: its recipes, and how it is built from them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cameo3d.errors import TrainingError
from cameo3d.training.goha import building as goha
from cameo3d.training.goha import recipe as goha_recipes
from cameo3d.training.loop import Batches, Stage
from cameo3d.training.real3d import building as real3d
from cameo3d.training.real3d import recipes
from cameo3d.training.setting import Setting


@dataclass(frozen=True)
class StageEntry:
    """One stage."""

    about: str
    recipes: Mapping[str, Any]
    """Frozen dataclasses with a `plan`, by size or ablation."""
    build: Callable[[Any, Setting], tuple[Stage, Batches]]
    """Stage and data of a recipe."""
    result: str
    """The network that the stage is for, in its checkpoint."""


def entry_of(name: str) -> StageEntry:
    """A stage by its name.

    Raises:
        TrainingError: If there is no such stage.
    """
    if name not in STAGES:
        raise TrainingError(f"There is no stage {name!r}; choose one of {', '.join(STAGES)}.")
    return STAGES[name]


def recipe_of(name: str, size: str) -> Any:
    """A stage's recipe.

    Raises:
        TrainingError: If the stage has no such size.
    """
    known = entry_of(name).recipes
    if size not in known:
        raise TrainingError(f"The stage {name} has no recipe {size!r}; choose one of {', '.join(known)}.")
    return known[size]


STAGES: dict[str, StageEntry] = {
    "real3d.image_to_plane": StageEntry(
        "From a picture to planes, taught by EG3D", recipes.IMAGE_TO_PLANE, real3d.image_to_plane, "average"
    ),
    "real3d.motion": StageEntry("The motion adapter", recipes.MOTION, real3d.motion, "average"),
    "real3d.torso": StageEntry("Torso and background", recipes.TORSO, real3d.torso, "average"),
    "real3d.sync": StageEntry("Whether speech and lips fit", recipes.SYNC, real3d.sync, "expert"),
    "real3d.voice": StageEntry("From a voice to expressions", recipes.VOICE, real3d.voice, "voice"),
    "goha.reconstruction": StageEntry(
        "Canonical, expression and appearance planes",
        goha_recipes.RECONSTRUCTION_RECIPES,
        goha.reconstruction,
        "generator",
    ),
    "goha.adversarial": StageEntry(
        "The same against a discriminator", goha_recipes.ADVERSARIAL_RECIPES, goha.adversarial, "generator"
    ),
    "goha.super_resolution": StageEntry(
        "Super-resolution", goha_recipes.SUPER_RESOLUTION_RECIPES, goha.super_resolution, "generator"
    ),
}
"""By name."""
