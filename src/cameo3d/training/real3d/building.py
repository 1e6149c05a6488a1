"""The stages of Real3D-Portrait, put together from a recipe, shards and earlier checkpoints."""

import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor, nn

from cameo3d.data.portraits.faces import load_basel
from cameo3d.data.portraits.pair_batches import PairBatches, video_cameras
from cameo3d.data.portraits.shards import Shard, open_shards
from cameo3d.data.portraits.talk_shards import read_talks
from cameo3d.data.portraits.talks import SyncBatches, TalkBatches
from cameo3d.errors import TrainingError
from cameo3d.media.files import shown
from cameo3d.models.real3d.config import OFFICIAL, Real3DConfig
from cameo3d.models.real3d.eg3d.generator import Eg3dGenerator
from cameo3d.models.real3d.generator import Real3DGenerator
from cameo3d.models.voice.official.network import VoiceToExpression
from cameo3d.models.voice.official.sync_expert import SyncExpert
from cameo3d.training.checkpoints import load_network
from cameo3d.training.loop import Batches, Stage
from cameo3d.training.losses.networks import load_perceptual
from cameo3d.training.norms import without_norms
from cameo3d.training.real3d.adversary import build_discriminator
from cameo3d.training.real3d.image_to_plane import ImageToPlaneStage, TeacherBatches
from cameo3d.training.real3d.motion import MotionStage
from cameo3d.training.real3d.recipes import (
    ImageToPlaneRecipe,
    MotionRecipe,
    SyncRecipe,
    TorsoRecipe,
    VoiceRecipe,
)
from cameo3d.training.real3d.sync import Mesh, SyncStage
from cameo3d.training.real3d.torso import TorsoStage
from cameo3d.training.real3d.voice import VoiceStage
from cameo3d.training.setting import Setting
from cameo3d.weights.conversion.real3d_training import (
    has_discriminator,
    read_discriminator,
    read_mit_b0,
    read_resnet34,
    read_stage,
    read_sync,
    read_teacher,
)
from cameo3d.weights.conversion.renaming import check_layout
from cameo3d.weights.user_files import MIT_B0, RESNET_34, own_networks

logger = logging.getLogger(__name__)


def image_to_plane(recipe: ImageToPlaneRecipe, setting: Setting) -> tuple[Stage, Batches]:
    """Stage A.

    Raises:
        TrainingError: If no teacher was given.
        CameoError: If the teacher or the shards cannot be used.
    """
    if setting.teacher is None:
        raise TrainingError(
            "This stage learns from EG3D; give its checkpoint with --teacher model_ckpt_steps_N.ckpt."
        )
    teacher = Eg3dGenerator(recipe.teacher)
    teacher.load_state_dict(read_teacher(setting.teacher, teacher.state_dict()))
    cameras = video_cameras(open_shards(setting.data)) if setting.data else None
    stage = ImageToPlaneStage(recipe, teacher, _perceptual(recipe.network, setting), setting.device)
    if recipe.network == OFFICIAL:
        size, judge = recipe.network.image_size, stage.discriminator
        judge.load_state_dict(read_discriminator(setting.teacher, size, judge.state_dict()))
        _from_imagenet(stage.generator.image_to_plane.encoder, RESNET_34, read_resnet34)
    return stage, TeacherBatches(recipe, cameras, setting.seed, setting.device)


def motion(recipe: MotionRecipe, setting: Setting) -> tuple[Stage, Batches]:
    """Stage B.

    Raises:
        CameoError: If the shards or the start cannot be used.
    """
    batches = _pairs(recipe.network, recipe.batch, setting)
    start = _start(recipe, setting) if recipe.pre_trained else None
    stage = MotionStage(recipe, _perceptual(recipe.network, setting), setting.device, start)
    if recipe.network == OFFICIAL:
        _from_imagenet(stage.generator.motion_adapter.encoder, MIT_B0, read_mit_b0)
    return stage, batches


def torso(recipe: TorsoRecipe, setting: Setting) -> tuple[Stage, Batches]:
    """Stage C.

    Raises:
        CameoError: If the shards or the start cannot be used.
    """
    batches = _pairs(recipe.network, recipe.batch, setting)
    perceptual = _perceptual(recipe.network, setting)
    return TorsoStage(recipe, perceptual, setting.device, _start(recipe, setting)), batches


def sync(recipe: SyncRecipe, setting: Setting) -> tuple[Stage, Batches]:
    """The sync expert.

    Raises:
        CameoError: If the shards hold no speech, or the Basel model is missing.
    """
    talks = read_talks(open_shards(setting.shards()))
    stage = SyncStage(recipe, Mesh(load_basel(), setting.device), talks[0].speech.shape[1], setting.device)
    return stage, SyncBatches(talks, recipe.pairs, recipe.shares, setting.seed, setting.device)


def voice(recipe: VoiceRecipe, setting: Setting) -> tuple[Stage, Batches]:
    """The voice; with --teacher the checkpoint of the sync expert counts, too.

    Raises:
        CameoError: If the shards hold no speech, or a file cannot be used.
    """
    talks = read_talks(open_shards(setting.shards()))
    channels, mesh = talks[0].speech.shape[1], Mesh(load_basel(), setting.device)
    start = load_network(setting.start, "voice") if setting.start else None
    stage = VoiceStage(
        recipe,
        VoiceToExpression(speech_channels=channels),
        mesh,
        _expert(setting.teacher, channels),
        setting.device,
        None if start is None else without_norms(start),
    )
    return stage, TalkBatches(talks, recipe.most_steps, recipe.most_clips, setting.seed, setting.device)


def _expert(path: Path | None, channels: int) -> SyncExpert | None:
    """The sync expert, ours or official, in the sizes that its file has."""
    if path is None:
        logger.warning("Without --teacher, the sync expert's checkpoint, the voice learns without it.")
        return None
    state = load_network(path, "expert") if path.suffix == ".safetensors" else read_sync(path)
    layers = [int(match[1]) for name in state if (match := re.fullmatch(r"hear\.(\d+)\.conv\.bias", name))]
    if not layers:
        raise TrainingError(f"{shown(path)} holds no sync expert; give the checkpoint of real3d.sync.")
    width, embedding = (len(state[f"hear.{layer}.conv.bias"]) for layer in (min(layers), max(layers)))
    expert = SyncExpert(channels, 3 * 468, width, embedding)
    check_layout(state, expert.state_dict(), str(path))
    expert.load_state_dict(state)
    return expert


def _pairs(network: Real3DConfig, batch: int, setting: Setting) -> PairBatches:
    shards: Sequence[Shard] = open_shards(setting.shards())
    return PairBatches(shards, batch, network.image_size, setting.seed, setting.device)


def _perceptual(network: Real3DConfig, setting: Setting) -> nn.Module | None:
    if not setting.perceptual:
        logger.warning("Training without perceptual networks.")
        return None
    return load_perceptual(network.image_size, setting.device)


def _start(recipe: MotionRecipe | TorsoRecipe, setting: Setting) -> dict[str, dict[str, Tensor]] | None:
    """Generator and discriminator of the stage before, ours or official; norms multiplied in."""
    if setting.start is None:
        logger.warning("Without --start, all networks begin at random.")
        return None
    if setting.start.suffix != ".safetensors":
        return _official_start(setting.start, recipe)
    found = {"generator": without_norms(load_network(setting.start, "generator"))}
    try:
        found["discriminator"] = load_network(setting.start, "discriminator")
    except TrainingError:
        logger.warning("%s holds no discriminator; a fresh one begins.", shown(setting.start))
    return found


def _official_start(path: Path, recipe: MotionRecipe | TorsoRecipe) -> dict[str, dict[str, Tensor]]:
    """What an official checkpoint has; the rest begins at random."""
    size = recipe.network.image_size
    fresh = Real3DGenerator(recipe.network).state_dict()
    found = {"generator": fresh | read_stage(path, fresh)}
    judge = build_discriminator(recipe.adversary, size).state_dict()
    if has_discriminator(path):
        found["discriminator"] = read_discriminator(path, size, judge)
    else:
        logger.warning("%s holds no discriminator; a fresh one begins.", shown(path))
    return found


def _from_imagenet(network: nn.Module, file: str, read: Callable[..., dict[str, Tensor]]) -> None:
    """Begin with what a network learned from ImageNet, if the user's folder of networks has its file."""
    path = own_networks().folder / file
    if path.is_file():
        network.load_state_dict(read(path, network.state_dict()))
        logger.warning("%s begins from %s.", type(network).__name__, path)
    else:
        logger.warning("%s begins at random, since %s is not there.", type(network).__name__, path)
