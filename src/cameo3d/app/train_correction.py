"""From a folder of photos and clips to the face correction that the package ships."""

import hashlib
import json
import logging
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file

from cameo3d.data.portraits.expression_pages import synthesise_pages
from cameo3d.errors import CameoError
from cameo3d.media.files import replacing
from cameo3d.perception.lpips import load_distance
from cameo3d.training.lite.face_correction import FaceCorrectionRecipe, FaceCorrectionStage, PageBatches
from cameo3d.training.loop import Plan, train

logger = logging.getLogger(__name__)


def train_face_correction(data: Path, out: Path, recipe: FaceCorrectionRecipe | None = None) -> Path:
    """Make expression pages, learn from them, and write face_correction.safetensors; again, to go on.

    Args:
        data: Folder with `portraits` and `talking`, each with an index.csv.
        out: Folder for the pages, the state of the training and the weights.
        recipe: All choices.

    Raises:
        CameoError: If the folder holds nothing to learn from.
    """
    recipe = recipe or FaceCorrectionRecipe()
    for source, said in synthesise_pages(data, out / "pages"):
        logger.info("%s: %s", source.name, said)
    stage = FaceCorrectionStage(recipe, _perceptual())
    choices = json.dumps(asdict(recipe), sort_keys=True)
    plan = Plan(recipe.steps, ema=0.995, log_every=25, sheet_every=100, save_every=50, workers=0)
    train(stage, PageBatches(out / "pages", recipe), plan, out, choices)
    path = out / "face_correction.safetensors"
    write_face_correction(stage, choices, path)
    logger.info("SHA-256 %s", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def write_face_correction(stage: FaceCorrectionStage, choices: str, path: Path) -> None:
    """Write the averaged network in half precision."""
    tensors = stage.networks["average"].state_dict()
    metadata = {
        "model": "face_correction",
        "config": choices,
        "source": "class A photo pairs and clips, see docs/cards/face_correction.md",
        "licence": "MIT",
        "revision": "1",
    }
    with replacing(path) as temporary:
        save_file({name: tensor.half().contiguous() for name, tensor in tensors.items()}, temporary, metadata)


def _perceptual() -> torch.nn.Module | None:
    try:
        return load_distance("alex").requires_grad_(False).eval()
    except CameoError as error:
        logger.warning("Learning without a perceptual distance: %s", error)
        return None
