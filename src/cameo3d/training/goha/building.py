"""The stages of GOHA, put together from a recipe, prepared folders, checkpoints and published networks."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from cameo3d.data.portraits.goha_pairs import GohaBatches, GohaSet, Kind, know_faces, most_frontal
from cameo3d.data.portraits.goha_shards import shard_clips
from cameo3d.data.portraits.shards import Shard, open_shards
from cameo3d.errors import TrainingError
from cameo3d.geometry.basel.bfm import BaselFace
from cameo3d.geometry.face_model import load_face_model
from cameo3d.media.files import shown
from cameo3d.models.goha.config import GohaConfig
from cameo3d.models.goha.generator import GohaGenerator
from cameo3d.models.goha.shipped_faces import FaceKind, ShippedDrawer
from cameo3d.perception.deep3d import FaceRegressor
from cameo3d.perception.lpips import load_distance
from cameo3d.perception.vgg import LAST_CONV, VGG19
from cameo3d.training.checkpoints import load_choices, load_network
from cameo3d.training.discriminator import Discriminator
from cameo3d.training.goha.adversarial import AdversarialStage
from cameo3d.training.goha.faces import BaselDrawer, FaceDrawer
from cameo3d.training.goha.losses import Distance
from cameo3d.training.goha.modes import adversarial_mode, super_resolution_mode
from cameo3d.training.goha.recipe import GohaRecipe
from cameo3d.training.goha.reconstruction import ReconstructionStage
from cameo3d.training.goha.super_resolution import SuperResolutionStage
from cameo3d.training.loop import Batches, Stage
from cameo3d.training.losses.networks import bare_vgg, load_vgg
from cameo3d.training.losses.perceptual import FeatureNetwork
from cameo3d.training.setting import Setting
from cameo3d.values.goha_folders import read_clips
from cameo3d.weights.conversion.goha_training import (
    Branch,
    read_discriminator_start,
    read_gfpgan,
    read_segformer,
    read_stage,
)
from cameo3d.weights.imported import load_weights
from cameo3d.weights.released import RELEASED
from cameo3d.weights.user_files import GFPGAN, GFPGAN_DISCRIMINATOR, SEGFORMER, VGG_19, own_networks

logger = logging.getLogger(__name__)

KINDS: Mapping[str, Kind] = {
    "ravdess": "video",
    "celebv": "video",
    "synthetic": "views",
    "ffhq": "photos",
    "clips": "video",
}
"""The data sets by the names of their folders; a folder of clips without such folders is "clips"."""
_IMPORTED = ("goha-regressor", "goha-face", "goha-parser")
"""What the release's faces are drawn and parsed with."""
_ENDS_16 = ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3")
"""The last convolutions of VGG-16's blocks, which stand in for VGG-19's."""
_WIDTHS = {512: 32, 256: 64, 128: 128, 64: 256}
"""Of the discriminator at its sizes; 512 below."""


def reconstruction(recipe: GohaRecipe, setting: Setting) -> tuple[Stage, Batches]:
    """Stage 1.

    Raises:
        CameoError: If the data, a network or a start is missing or cannot be used.
    """
    sets = _sets(setting)
    generator, drawer = _people(recipe.network, setting, sets)
    stage = ReconstructionStage(generator, drawer, perceptual_distance(setting), recipe)
    return stage, _batches(recipe, setting, sets)


def adversarial(recipe: GohaRecipe, setting: Setting) -> tuple[Stage, Batches]:
    """Stage 1b; `setting.start` is the checkpoint of stage 1, ours or the official one.

    Raises:
        CameoError: If the data, a network or the start is missing or cannot be used.
    """
    _demand_start(setting)
    sets = _sets(setting)
    generator, drawer = _people(recipe.network, setting, sets)
    judge = _discriminator(recipe.network, 3, setting)
    stage = AdversarialStage(generator, judge, drawer, perceptual_features(setting), recipe)
    return stage, _batches(
        recipe, setting, sets, lambda step: adversarial_mode(recipe.first + step) in ("target", "coarse")
    )


def super_resolution(recipe: GohaRecipe, setting: Setting) -> tuple[Stage, Batches]:
    """Stage 2; `setting.start` is the checkpoint of stage 1b, ours or the official one.

    Raises:
        CameoError: If the data, a network or the start is missing or cannot be used.
    """
    _demand_start(setting)
    sets = _sets(setting)
    generator, drawer = _people(recipe.network, setting, sets)
    path = own_networks().folder / GFPGAN
    if path.is_file() and recipe.network.image_size == 512 and recipe.network.style_width == 512:
        inner = generator.super_resolution
        inner.load_state_dict(read_gfpgan(path, inner.state_dict()))
        logger.warning("Super-resolution begins with %s.", path)
    judge = _discriminator(recipe.network, 6, setting)
    stage = SuperResolutionStage(generator, judge, drawer, perceptual_features(setting), recipe)
    return stage, _batches(
        recipe, setting, sets, lambda step: super_resolution_mode(recipe.first + step) == "target"
    )


def _sets(setting: Setting) -> list[GohaSet]:
    folder = setting.shards()
    if any(folder.glob("*.safetensors")):
        return _shard_sets(open_shards(folder))
    named = [name for name in KINDS if (folder / name).is_dir() and not (folder / "dataset.json").is_file()]
    if not named:
        return [GohaSet("clips", "video", read_clips(folder))]
    return [GohaSet(name, KINDS[name], read_clips(folder / name)) for name in named]


def _shard_sets(shards: Sequence[Shard]) -> list[GohaSet]:
    """People that EG3D made up are "synthetic", other clips "clips", and single pictures "ffhq"."""
    made, seen = ([x for x in shards if (x.about.origin == "eg3d") == made] for made in (True, False))
    kinds: tuple[tuple[str, Kind, list[Shard]], ...] = (
        ("synthetic", "views", made),
        ("clips", "video", [shard for shard in seen if len(shard) > 1]),
        ("ffhq", "photos", [shard for shard in seen if len(shard) == 1]),
    )
    return [GohaSet(name, kind, shard_clips(chosen)) for name, kind, chosen in kinds if chosen]


def _any_pair(step: int) -> bool:
    return False


def _batches(
    recipe: GohaRecipe, setting: Setting, sets: list[GohaSet], needs_pairs: Callable[[int], bool] = _any_pair
) -> GohaBatches:
    world = torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1
    shares = dict(recipe.shares) | {"clips": 1.0}
    return GohaBatches(
        sets,
        shares,
        recipe.batch,
        recipe.network.image_size,
        setting.seed,
        draws_per_step=recipe.plan.accumulate * world,
        needs_pairs=needs_pairs,
        device=setting.device,
    )


def _people(config: GohaConfig, setting: Setting, sets: list[GohaSet]) -> tuple[GohaGenerator, FaceDrawer]:
    """The generator with its start, and the face model that draws for it."""
    kind = _face_kind(sets)
    torch.manual_seed(setting.seed)
    generator = GohaGenerator(config)
    if kind == "basel":
        generator.parser.load_state_dict(_stored("goha-parser"))
    if setting.start is None:
        _from_segformer(generator)
        generator.exemplar.copy_(most_frontal(sets).read(config.image_size)[None])
    else:
        _from_start(generator, setting.start, kind)
    generator = generator.to(setting.device)
    if kind == "shipped":
        return generator, ShippedDrawer(load_face_model(), setting.device)
    regressor = FaceRegressor()
    regressor.load_state_dict(_stored("goha-regressor"))
    face = BaselFace(**{name: x.to(setting.device) for name, x in _stored("goha-face").items()})
    return generator, BaselDrawer(regressor.to(setting.device), face, generator.exemplar)


def _face_kind(sets: Sequence[GohaSet]) -> FaceKind:
    """The user's Basel model where it and what goes with it is imported, else our own where data tells it.

    Raises:
        WeightsError: If neither is there.
    """
    lacking = [name for name in _IMPORTED if not RELEASED[name].path.is_file()]
    if lacking and know_faces(sets):
        logger.warning(
            "Faces are drawn by the package's own face model, since %s are not imported.", ", ".join(lacking)
        )
        return "shipped"
    demand_imported()
    logger.warning("Faces are drawn by the imported Basel model.")
    return "basel"


def demand_imported() -> None:
    """Make sure that the user has imported what the release draws and parses faces with.

    Raises:
        WeightsError: If something is missing; the message says how to get it.
    """
    for name in _IMPORTED:
        RELEASED[name].demand()


def _from_start(generator: GohaGenerator, path: Path, kind: FaceKind) -> None:
    """All tensors of the stage before; super-resolution may be missing in an official file."""
    expected, ours = generator.state_dict(), path.suffix == ".safetensors"
    before = str(load_choices(path).get("faces", "basel")) if ours else "basel"
    if before != kind:
        raise TrainingError(
            f"{shown(path)} was trained with faces drawn by the {before} face model, and now the {kind} one "
            "would draw; import the same files, or train the stage before again."
        )
    tensors = load_network(path, "generator") if ours else read_stage(path, expected)
    lacking = {name for name in expected.keys() - tensors.keys() if "super_resolution." not in name}
    fits = not lacking and all(
        name in expected and x.shape == expected[name].shape for name, x in tensors.items()
    )
    if not fits:
        raise TrainingError(f"{shown(path)} has other sizes than this recipe; give its stage before.")
    generator.load_state_dict(tensors, strict=False)


def _from_segformer(generator: GohaGenerator) -> None:
    """SegFormer-B0's encoders where the user has the file and the sizes are its own."""
    path = own_networks().folder / SEGFORMER
    if not path.is_file() or generator.config.encoder_widths != (32, 64, 160, 256):
        logger.warning("The encoders begin at random: %s is not there, or of other sizes.", path)
        return
    branches: dict[Branch, nn.Module | None] = {
        "canonical": generator.canonical,
        "expression": generator.expression if generator.config.expression == "rendering" else None,
        "appearance": generator.appearance,
    }
    for branch, module in branches.items():
        if module is not None:
            encoder = module.get_submodule("encoder")
            encoder.load_state_dict(read_segformer(path, branch, encoder.state_dict()), strict=False)
    logger.warning("The encoders begin with %s.", path)


def build_discriminator(size: int, channels: int) -> Discriminator:
    """The release's discriminator, of a picture or of two at once, for another size as narrow as there.

    Args:
        size: Side of the pictures in pixels, a power of two.
        channels: 3 or 6.
    """
    halvings = size.bit_length() - 3  # down to four pixels
    widths = [_WIDTHS.get(size >> halved, 512) for halved in range(halvings + 1)]
    return Discriminator(size, channels, widths, camera=0, group=4)


def perceptual_features(setting: Setting) -> FeatureNetwork:
    """VGG-19 of the user's, or VGG-16 of LPIPS; nothing without perceptual networks."""
    if not setting.perceptual:
        return _no_features
    path = own_networks().folder / VGG_19
    if path.is_file():
        logger.warning("Perceptual loss: VGG19 from %s.", path)
        return load_vgg(path, VGG19, LAST_CONV).to(setting.device)
    logger.warning("Perceptual loss: VGG16 of LPIPS, since %s is not there.", path)
    return bare_vgg(_ENDS_16).to(setting.device)


def perceptual_distance(setting: Setting) -> Distance:
    """LPIPS on AlexNet; nothing without perceptual networks."""
    return load_distance("alex").to(setting.device) if setting.perceptual else _no_distance


def _discriminator(config: GohaConfig, channels: int, setting: Setting) -> Discriminator:
    torch.manual_seed(setting.seed + 1)
    judge = build_discriminator(config.image_size, channels)
    path = own_networks().folder / GFPGAN_DISCRIMINATOR
    if path.is_file() and config.image_size == 512:
        judge.load_state_dict(read_discriminator_start(path, judge.state_dict()), strict=False)
        logger.warning("The discriminator begins with %s.", path)
    return judge.to(setting.device)


def _no_distance(one: Tensor, other: Tensor) -> Tensor:
    return one.new_zeros(len(one))


def _no_features(picture: Tensor) -> list[Tensor]:
    return [picture[:, :1, :1, :1] * 0] * len(LAST_CONV)


def _demand_start(setting: Setting) -> None:
    if setting.start is None:
        raise TrainingError("This stage goes on from the stage before; give its checkpoint with --start.")


def _stored(name: str) -> dict[str, Tensor]:
    return load_weights(RELEASED[name].demand(), name)
