"""`cameo3d train voice`: from folders of talking videos and speech to the weights that the package ships."""

import hashlib
import json
import logging
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from safetensors.torch import save_file

from cameo3d.data.speech_teacher import load_teacher
from cameo3d.data.synthetic_speech import synthetic_clips
from cameo3d.data.voice_clips import VoiceClip, prepared_name, speech_clips, talking_clips
from cameo3d.errors import InputError, OutputError
from cameo3d.media.files import replacing, shown
from cameo3d.training.ear import EarRecipe, train_ear
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
        CameoError: If the ear's teacher or the recogniser is not installed.
        InputError: If a folder cannot be used, or holds nothing that may be learned from.
        OutputError: If the output folder cannot be written.
    """
    cache = out / "clips"
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {shown(out)} cannot be made; choose another with --out.") from error
    tracked = _sorted(talking_clips(talking, cache))
    if not tracked:
        raise InputError(f"{shown(talking)} has no clip of licence class A with sound in step; add some.")
    teacher = load_teacher()
    spoken = [*_sorted(speech_clips(speech, cache)), *_sorted(synthetic_clips())]
    testing = held_out(tracked)
    seen = [clip for clip in tracked if clip.name not in testing]

    hearing, recipe = EarRecipe(), VoiceRecipe()
    logger.warning("%d talking clips to learn from, %d held out.", len(seen), len(testing))
    logger.warning("Learning to hear: %d steps.", hearing.steps)
    ear = train_ear([*seen, *spoken], teacher, hearing, out / "ear.safetensors", _log)
    logger.warning("Learning to move: %d steps.", recipe.steps)
    mouth = train_voice(seen, ear, recipe, out / "checkpoint.safetensors", _log)
    path = out / "voice.safetensors"
    halves = {name: tensor.half().contiguous() for name, tensor in mouth.state_dict().items()}
    with replacing(path) as temporary:
        save_file(halves, temporary, _metadata(hearing, recipe))
    logger.warning("SHA-256 %s", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def _sorted(clips: Iterable[VoiceClip]) -> list[VoiceClip]:
    return sorted(clips, key=lambda clip: prepared_name(clip.name))


def _metadata(hearing: EarRecipe, recipe: VoiceRecipe) -> dict[str, str]:
    return {
        "model": "voice",
        "config": json.dumps({"ear": asdict(hearing), "mouth": asdict(recipe)}, sort_keys=True),
        "source": "tracked class A talking videos and speech, synthesised speech, see docs/cards/voice.md",
        "licence": "MIT",
        "revision": "2",
    }


def _log(step: int, losses: dict[str, float]) -> None:
    shown_losses = ", ".join(f"{name} {value:.3f}" for name, value in losses.items())
    logger.warning("step %d: %s", step, shown_losses)
