"""`cameo3d data prepare` and `cameo3d train STAGE`: progress and files around the library."""

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cameo3d.app.progress import progress_bar
from cameo3d.data.portraits.workers import SKIPPED, How, prepare_folder
from cameo3d.errors import OutputError, TrainingError
from cameo3d.media.files import shown
from cameo3d.pipeline.models import check_device
from cameo3d.pipeline.options import Device
from cameo3d.training.distributed import join_processes
from cameo3d.training.exporting import check_exportable, export_trained
from cameo3d.training.goha.building import demand_imported
from cameo3d.training.reports import progress_line
from cameo3d.training.running import changed, run_stage, store_generator
from cameo3d.training.setting import Setting
from cameo3d.training.stages import recipe_of

logger = logging.getLogger(__name__)


def make_shards(folder: Path, out: Path, how: How, jobs: int, ray: str | None = None) -> None:
    """Prepare or synthesise a folder and say what came out.

    Raises:
        CameoError: If there is nothing to prepare, or the shards cannot be written.
    """
    with progress_bar("Preparing") as advance:
        shards, skipped = prepare_folder(folder, out, how, jobs, advance, ray)
    reasons = f"; {skipped} were skipped, see {shown(out / SKIPPED)}" if skipped else ""
    print(f"{shards} shards in {shown(out)}{reasons}")


def train_stage(
    stage: str,
    out: Path,
    data: Path | None,
    size: str,
    start: Path | None,
    teacher: Path | None,
    changes: Mapping[str, Any],
    perceptual: bool,
    store: str | None,
    export: Path | None,
    device: Device,
) -> Path:
    """Train a stage, in this process or as one of several.

    Args:
        stage: Its name.
        out: Folder of the checkpoint, the log and the sheets.
        data: Folder of shards.
        size: Name of the recipe.
        start: Checkpoint of the stage before.
        teacher: Checkpoint of the teacher.
        changes: Values that replace those of the recipe; None replaces nothing.
        perceptual: Whether perceptual networks judge.
        store: Licence under which the trained generator is put into the user's weights; None leaves it.
        export: Folder for the trained network in the layout of the official code; None leaves it.
        device: Where to train.

    Returns:
        The checkpoint, the stored weights, or the exported file.

    Raises:
        CameoError: If something is missing or cannot be used.
    """
    check_device(device)
    for name, value in changes.items():
        if isinstance(value, int) and value < 1:
            raise TrainingError(f"--{name} should be at least 1, got {value}.")
    recipe = changed(recipe_of(stage, size), **changes)
    if export is not None:
        check_exportable(stage, recipe)
        if stage.startswith("goha."):
            demand_imported()
    steps = recipe.plan.steps
    recipe = changed(recipe, log_every=min(recipe.plan.log_every, math.ceil(steps / 100)))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {shown(out)} cannot be made; choose another with --out.") from error
    with join_processes(device) as processes:
        setting = Setting(processes.device, recipe.plan.seed, data, start, teacher, perceptual)

        def say(step: int, means: dict[str, float]) -> None:
            logger.warning("%s", progress_line(step, steps, means))

        path = run_stage(stage, recipe, setting, out, processes, say)
        stored = path
        if store is not None and processes.first:
            stored = store_generator(path, stage, recipe, size, store)
        if export is not None and processes.first:
            return export_trained(path, stage, recipe, export)
    return stored
