"""`cameo3d train voice`: from folders of talking videos and speech to the weights that the package ships."""

import hashlib
import json
import logging
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from safetensors.torch import save_file

from cameo3d.data.voice.clips import VoiceClip
from cameo3d.data.voice.corpora import prepared_name, speech_clips, talking_clips
from cameo3d.data.voice.festival_speech import festival_clips
from cameo3d.data.voice.synthetic_speech import synthetic_clips
from cameo3d.errors import InputError, OutputError
from cameo3d.media.files import replacing, shown
from cameo3d.perception.moonshine import load_recogniser
from cameo3d.perception.speech_embedding import load_teacher
from cameo3d.pipeline.models import check_device
from cameo3d.pipeline.options import Device
from cameo3d.training.voice.encoder_loop import train_speech_encoder
from cameo3d.training.voice.encoder_recipe import SpeechEncoderRecipe
from cameo3d.training.voice.loop import VoiceRecipe, held_out, train_voice

logger = logging.getLogger(__name__)


def train_voice_model(talking: Path, speech: Path, out: Path, device: Device = "cpu") -> Path:
    """Prepare the data, train, and write voice.safetensors; the same call takes up what was stopped.

    Args:
        talking: Folder of tracked talking videos with its index.csv.
        speech: Folder of speech without pictures with its index.csv.
        out: Folder for prepared clips, the checkpoint and the weights; it is made if need be.
        device: Where the ear is trained.

    Returns:
        The file of the weights.

    Raises:
        CameoError: If the ear's teachers or the aligner of words are not installed.
        InputError: If a folder cannot be used, or holds nothing that may be learned from, or there is no such
            device.
        OutputError: If the output folder cannot be written.
    """
    check_device(device)
    cache, place = out / "clips", torch.device(device)
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {shown(out)} cannot be made; choose another with --out.") from error
    tracked = _sorted(talking_clips(talking, cache, _read))
    if not tracked:
        raise InputError(f"{shown(talking)} has no clip of licence class A with sound in step; add some.")
    teacher, recogniser = load_teacher(place), load_recogniser()
    made = [*synthetic_clips(), *festival_clips()]
    spoken = [*_sorted(speech_clips(speech, cache, _read)), *_sorted(made)]
    testing = held_out(tracked)
    seen = [clip for clip in tracked if clip.name not in testing]

    hearing, recipe = SpeechEncoderRecipe(), VoiceRecipe()
    logger.warning("%d talking clips to learn from, %d held out.", len(seen), len(testing))
    logger.warning("Learning to hear: %d steps.", hearing.steps)
    clips = [*seen, *spoken]
    ear = train_speech_encoder(clips, teacher, recogniser, hearing, out / "ear.safetensors", _log, place)
    logger.warning("Learning to move: %d steps.", recipe.steps)
    mouth = train_voice(seen, ear, recipe, out / "checkpoint.safetensors", _log)
    path = out / "voice.safetensors"
    halves = {name: tensor.half().contiguous() for name, tensor in mouth.state_dict().items()}
    with replacing(path) as temporary:
        save_file(halves, temporary, _metadata(hearing, recipe))
    logger.warning("SHA-256 %s", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def _read(samples: Float32[np.ndarray, " samples"]) -> list[str]:
    return load_recogniser().words(samples)


def _sorted(clips: Iterable[VoiceClip]) -> list[VoiceClip]:
    return sorted(clips, key=lambda clip: prepared_name(clip.name))


def _metadata(hearing: SpeechEncoderRecipe, recipe: VoiceRecipe) -> dict[str, str]:
    return {
        "model": "voice",
        "config": json.dumps({"ear": asdict(hearing), "mouth": asdict(recipe)}, sort_keys=True),
        "source": "tracked class A talking videos and speech, synthesised speech, see docs/cards/voice.md",
        "licence": "MIT",
        "revision": "3",
    }


def _log(step: int, losses: dict[str, float]) -> None:
    shown_losses = ", ".join(f"{name} {value:.3f}" for name, value in losses.items())
    logger.warning("step %d: %s", step, shown_losses)
