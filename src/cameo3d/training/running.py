"""Running one stage from the table, and what comes out of it."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from cameo3d.errors import TrainingError
from cameo3d.media.files import shown
from cameo3d.training.checkpoints import load_choices, load_network
from cameo3d.training.distributed import Processes
from cameo3d.training.goha.stage import GohaStage
from cameo3d.training.loop import train
from cameo3d.training.norms import without_norms
from cameo3d.training.setting import Setting
from cameo3d.training.stages import entry_of
from cameo3d.weights.imported import Label, checksum_of, config_json, save_weights
from cameo3d.weights.places import weights_path


def changed(recipe: Any, **changes: Any) -> Any:
    """A recipe with other values; those of its plan are found there, and None changes nothing."""
    wanted = {name: value for name, value in changes.items() if value is not None}
    of_plan = {name: wanted.pop(name) for name in list(wanted) if hasattr(recipe.plan, name)}
    unknown = [name for name in wanted if not hasattr(recipe, name)]
    if unknown:
        raise TrainingError(f"This stage has no choice {', '.join(unknown)}; leave it out.")
    return replace(recipe, plan=replace(recipe.plan, **of_plan), **wanted)


def run_stage(
    name: str,
    recipe: Any,
    setting: Setting,
    out: Path,
    processes: Processes | None = None,
    report: Callable[[int, dict[str, float]], None] | None = None,
) -> Path:
    """Train a stage, or take it up where it was stopped.

    Args:
        name: Of the stage.
        recipe: Its choices.
        setting: What it begins with.
        out: Folder of the checkpoint, the log and the sheets.
        processes: Where this process stands among others.
        report: Called with the steps done and the mean losses.

    Returns:
        The checkpoint.

    Raises:
        CameoError: If something that it needs is missing, or the training breaks off.
    """
    stage, batches = entry_of(name).build(recipe, setting)
    begins = {"data": str(setting.data), "start": str(setting.start), "teacher": str(setting.teacher)}
    if isinstance(stage, GohaStage) and stage.drawer.kind != "basel":
        begins["faces"] = stage.drawer.kind
    # How long, how often and in how much memory may change; all else belongs to the checkpoint.
    choices = asdict(recipe)
    choices.pop("recompute", None)
    choices["plan"] = {key: choices["plan"][key] for key in ("accumulate", "ema", "seed")}
    written = json.dumps({"stage": name, "recipe": choices, **begins}, sort_keys=True, default=str)
    train(stage, batches, recipe.plan, out, written, processes, report)
    return out / "checkpoint.safetensors"


def trained_network(name: str, checkpoint: Path) -> dict[str, Tensor]:
    """The network that a stage is for, with the norms of its training multiplied in.

    Raises:
        TrainingError: If the checkpoint cannot be read.
    """
    return without_norms(load_network(checkpoint, entry_of(name).result))


def store_generator(checkpoint: Path, stage: str, recipe: Any, size: str, licence: str) -> Path:
    """Put a trained generator into the user's weights, where `--model ... --size ...` finds it.

    Args:
        checkpoint: Of the last stage.
        stage: Its name.
        recipe: Its recipe, which tells the network's sizes.
        size: "official" or "small".
        licence: Terms of the weights, which follow the data.

    Raises:
        TrainingError: If the checkpoint cannot be read, or no model of this size takes its network.
        OutputError: If the folder cannot be written.
    """
    model = f"goha-{size}" if stage.startswith("goha.") else f"real3d-{size}"
    faces = load_choices(checkpoint).get("faces", "basel")
    if model.startswith("goha-") and (size == "official") != (faces == "basel"):
        raise TrainingError(
            f"{shown(checkpoint)} was trained with faces drawn by the {faces} face model, and {model} draws "
            "another one; leave --store out."
        )
    tensors = trained_network(stage, checkpoint)
    path = weights_path(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    label = Label(
        model=model,
        config=config_json(recipe.network),
        source=f"trained with cameo3d, stage {stage}",
        licence=licence,
        revision=str(checkpoint),
        checksum=checksum_of(tensors),
    )
    save_weights(tensors, label, path)
    return path
