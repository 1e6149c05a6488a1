"""From a folder of photos and clips to the corrections of the lite models that the package ships."""

import csv
import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from cameo3d.errors import CameoError, InputError
from cameo3d.media.files import replacing
from cameo3d.perception.lpips import load_distance
from cameo3d.training.distributed import Processes
from cameo3d.training.lite.correction import CorrectionStage
from cameo3d.training.lite.face_correction import FaceCorrectionRecipe, FaceCorrectionStage, PageBatches
from cameo3d.training.lite.plane_correction import PlaneCorrectionRecipe, PlaneCorrectionStage, RayBatches
from cameo3d.training.loop import Plan, train

logger = logging.getLogger(__name__)

CPU = torch.device("cpu")
_HELD_OUT_BATCHES, _JUDGED_EVERY = 12, 100
"""How many batches of held-out people are judged, and after how many steps."""


def train_face_correction(
    data: Path, out: Path, recipe: FaceCorrectionRecipe | None = None, device: torch.device = CPU
) -> Path:
    """Make expression pages, learn from them, and write face_correction.safetensors; again, to go on.

    Args:
        data: Folder with `portraits` and `talking`, each with an index.csv; or with ready `pages`.
        out: Folder for the pages, the state of the training and the weights.
        recipe: All choices.
        device: Where to learn.

    Raises:
        CameoError: If the folder holds nothing to learn from.
    """
    recipe = recipe or FaceCorrectionRecipe()
    stage = FaceCorrectionStage(recipe, _perceptual(device), device)
    return _trained("face_correction", stage, PageBatches, _material(data, out, "pages"), recipe, out, device)


def train_plane_correction(
    data: Path, out: Path, recipe: PlaneCorrectionRecipe | None = None, device: torch.device = CPU
) -> Path:
    """Make plane pairs, learn from them, and write plane_correction.safetensors; again, to go on.

    Args:
        data: Folder with `portraits` and `talking`, each with an index.csv; or with ready `pairs`.
        out: Folder for the pairs, the state of the training and the weights.
        recipe: All choices.
        device: Where to learn.

    Raises:
        CameoError: If the folder holds nothing to learn from.
    """
    recipe = recipe or PlaneCorrectionRecipe()
    stage = PlaneCorrectionStage(recipe, device)
    return _trained("plane_correction", stage, RayBatches, _material(data, out, "pairs"), recipe, out, device)


def write_correction(name: str, network: nn.Module, choices: str, path: Path) -> None:
    """Write a network in half precision, with its label."""
    metadata = {
        "model": name,
        "config": choices,
        "source": f"class A photos and clips, see docs/cards/{name}.md",
        "licence": "MIT",
        "revision": "1",
    }
    tensors = {key: tensor.half().cpu().contiguous() for key, tensor in network.state_dict().items()}
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata)


def _material(data: Path, out: Path, kind: str) -> Path:
    """The folder with what is learned from; it is made if the data folder does not bring it."""
    if (data / kind).is_dir():
        return data / kind
    # Detectors are needed for this alone: a machine that only learns need not have them.
    if kind == "pages":
        from cameo3d.data.portraits.page_making import synthesise_pages as make
    else:
        from cameo3d.data.portraits.plane_pair_making import write_plane_pairs as make
    for source, said in make(data, out / kind):
        logger.info("%s: %s", source.name, said)
    return out / kind


def _trained(
    name: str,
    stage: FaceCorrectionStage | PlaneCorrectionStage,
    batches: type[PageBatches] | type[RayBatches],
    material: Path,
    recipe: Any,
    out: Path,
    device: torch.device,
) -> Path:
    choices = json.dumps(asdict(recipe), sort_keys=True)
    plan = Plan(recipe.steps, ema=0.98, log_every=25, sheet_every=100, save_every=50, workers=0)
    judge = _judge(stage, batches, material, recipe, out, device)
    train(
        stage, batches(material, recipe, device=device), plan, out, choices, Processes(device=device), judge
    )
    path = out / f"{name}.safetensors"
    write_correction(name, stage.networks["average"], choices, path)
    logger.info("SHA-256 %s", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def _judge(
    stage: CorrectionStage[Any],
    batches: type[PageBatches] | type[RayBatches],
    material: Path,
    recipe: Any,
    out: Path,
    device: torch.device,
) -> Callable[[int, dict[str, float]], None] | None:
    """What writes the losses of held-out people to `held_out.csv` now and then, first before any step."""
    try:
        drawer = batches(material, recipe, True, device)
    except InputError as error:
        logger.warning("Nobody is held out: %s", error)
        return None
    held_out = [drawer.draw(index) for index in range(_HELD_OUT_BATCHES)]
    path = out / "held_out.csv"

    def judge(done: int, means: dict[str, float]) -> None:
        if done % _JUDGED_EVERY and done != recipe.steps:
            return
        losses = stage.judged(held_out)
        with path.open("a", newline="", encoding="utf8") as file:
            csv.writer(file).writerows((done, name, f"{value:.6g}") for name, value in losses.items())
        logger.warning("step %d, held out: %s", done, losses)

    out.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        judge(0, {})
    return judge


def _perceptual(device: torch.device) -> nn.Module | None:
    try:
        return load_distance("alex").requires_grad_(False).eval().to(device)
    except CameoError as error:
        logger.warning("Learning without a perceptual distance: %s", error)
        return None
