"""`cameo3d train voice`: from folders of talking videos and speech to the weights that the package ships."""

import hashlib
import json
import logging
from dataclasses import asdict
from pathlib import Path

from safetensors.torch import save_file

from cameo3d.data.synthetic_speech import synthetic_clips
from cameo3d.data.voice_clips import speech_clips, talking_clips
from cameo3d.errors import InputError, OutputError
from cameo3d.media.files import replacing, shown
from cameo3d.models.voice.lite.mouth import MouthSizes
from cameo3d.training.voice import VoiceRecipe, held_out, train_voice

logger = logging.getLogger(__name__)


def train_voice_model(talking: Path, speech: Path, out: Path) -> Path:
    """Prepare the data, train, and write voice.safetensors; the same call takes up what was stopped.

    Args:
        talking: Folder of tracked talking videos with its index.csv.
        speech: Folder of speech without pictures with its index.csv.
        out: Folder for prepared clips, the checkpoint and the weights; it is made if need be.

    Returns:
        The file of the weights.

    Raises:
        InputError: If a folder cannot be used, or holds nothing that may be learned from.
        OutputError: If the output folder cannot be written.
    """
    cache = out / "clips"
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {shown(out)} cannot be made; choose another with --out.") from error
    tracked = list(talking_clips(talking, cache))
    if not tracked:
        raise InputError(f"{shown(talking)} has no clip of licence class A with sound in step; add some.")
    spoken = [*speech_clips(speech, cache), *synthetic_clips()]
    testing = held_out(tracked)
    clips = [clip for clip in (*tracked, *spoken) if clip.name not in testing]

    recipe = VoiceRecipe()
    logger.warning("%d clips to learn from, %d held out, %d steps.", len(clips), len(testing), recipe.steps)
    mouth = train_voice(clips, recipe, out / "checkpoint.safetensors", _log)
    path = out / "voice.safetensors"
    halves = {name: tensor.half().contiguous() for name, tensor in mouth.state_dict().items()}
    with replacing(path) as temporary:
        save_file(halves, temporary, _metadata(recipe))
    logger.warning("SHA-256 %s", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def _metadata(recipe: VoiceRecipe) -> dict[str, str]:
    return {
        "model": "voice",
        "config": json.dumps({"sizes": asdict(MouthSizes()), "recipe": asdict(recipe)}, sort_keys=True),
        "source": "tracked class A talking videos and speech, synthesised speech, see docs/cards/voice.md",
        "licence": "MIT",
        "revision": "1",
    }


def _log(step: int, losses: dict[str, float]) -> None:
    shown_losses = ", ".join(f"{name} {value:.3f}" for name, value in losses.items())
    logger.warning("step %d: %s", step, shown_losses)
