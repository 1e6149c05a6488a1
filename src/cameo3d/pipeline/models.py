"""All assembly: every model by name, made of its networks, their weights and what sees and listens for it."""

from functools import partial

import torch
from torch import Tensor

from cameo3d.blocks.face_correction import load_face_correction
from cameo3d.blocks.plane_correction import load_plane_correction
from cameo3d.blocks.processors import half_precision
from cameo3d.errors import InputError, WeightsError
from cameo3d.geometry.basel.bfm import BaselFace
from cameo3d.geometry.basel.blendshapes import ExpressionMap
from cameo3d.geometry.basel.real3d_face import Real3DFace
from cameo3d.geometry.face_model import load_face_model
from cameo3d.models.avatar import AvatarModel
from cameo3d.models.goha.avatar import Goha
from cameo3d.models.goha.config import GohaConfig
from cameo3d.models.goha.generator import GohaGenerator
from cameo3d.models.goha.lite.avatar import GohaLite
from cameo3d.models.goha.small import GohaSmall
from cameo3d.models.real3d.avatar import Real3D
from cameo3d.models.real3d.conditioning import BaselSteering, ShippedSteering, SteeringFace
from cameo3d.models.real3d.config import SMALL, Real3DConfig
from cameo3d.models.real3d.generator import Real3DGenerator
from cameo3d.models.real3d.lite.avatar import Real3DLite
from cameo3d.models.relief import CROP_SIZE, Relief
from cameo3d.models.voice.contract import VoiceModel
from cameo3d.models.voice.lite.voice import LiteVoice
from cameo3d.models.voice.official.network import VoiceToExpression
from cameo3d.models.voice.official.stream import OfficialVoice
from cameo3d.perception.deep3d import FaceRegressor
from cameo3d.perception.device_matte import modnet_matte_on, person_matte_on
from cameo3d.perception.matte import person_matte
from cameo3d.perception.modnet import modnet_file, modnet_matte
from cameo3d.perception.selfie_classes import selfie_classes, selfie_classes_file
from cameo3d.perception.speech import HubertHearing, HubertSizes, hubert_network
from cameo3d.pipeline.options import Device, ModelOptions, Size
from cameo3d.weights.imported import load_weights, stored_sizes
from cameo3d.weights.places import weights_path
from cameo3d.weights.released import RELEASED


def load_network(options: ModelOptions) -> AvatarModel:
    """Make the chosen avatar model ready; its weights are read now.

    Raises:
        WeightsError: If weights are missing or damaged; the message says what to get, where, on what terms.
        InputError: If there is no such device here, or the model has no such option.
    """
    check_device(options.device)
    threshold = options.head_threshold
    if threshold is not None and not 0.1 <= threshold <= 1:
        raise InputError(f"The head's threshold should lie between 0.1 and 1, got {threshold}.")
    if threshold is not None and options.model != "real3d":
        raise InputError("Only real3d has a head's threshold; leave --head-threshold out.")
    if options.size_px != CROP_SIZE and options.model in ("real3d", "goha"):
        raise InputError(f"The model {options.model} draws {CROP_SIZE} pixels; leave --size-px out.")
    match options.model:
        case "real3d":
            known = RELEASED["real3d-official"].path.is_file()
            size = options.size or ("official" if known else "lite")
            return load_real3d(size, options.fast, options.device, options.head_threshold)
        case "goha":
            known = RELEASED["goha-official"].path.is_file()
            size = options.size or ("official" if known else "lite")
            if size == "official":
                return load_goha(options.fast, options.device)
            if size == "small":
                return load_small_goha(options.fast, options.device)
            _check_lite(options.fast, options.device)
            return GohaLite(load_face_model(), load_face_correction(), load_plane_correction())
        case _:
            if options.size or options.fast or options.device != "cpu":
                raise InputError(
                    "The relief model has one size and runs on the CPU; leave --size, --fast, --device out."
                )
            return Relief(options.size_px)


def load_voice_model(name: str) -> VoiceModel:
    """Make a voice model ready: "lite", which is shipped, or "official", with imported weights.

    Raises:
        WeightsError: If its weights are missing or damaged.
    """
    return LiteVoice() if name == "lite" else load_official_voice()


def check_device(device: Device) -> None:
    """Make sure that the device is there.

    Raises:
        InputError: If it is not.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("There is no CUDA device here; leave --device out.")


def load_real3d(
    size: Size, fast: bool = False, device: Device = "cpu", head_threshold: float | None = None
) -> AvatarModel:
    """Real3D-Portrait: the published network with imported weights, a small one you trained, or the lite one.

    Args:
        size: Whose weights.
        fast: Convolutions in bfloat16 where the processor computes it.
        device: Where to compute.
        head_threshold: Opacity from which the head hides the background, instead of the weights' own.

    Raises:
        WeightsError: If weights are missing or damaged.
        InputError: If the lite one is asked for what it has not.
    """
    if size == "lite":
        _check_lite(fast, device)
        if head_threshold is not None:
            raise InputError("Size lite has no head's threshold; leave --head-threshold out.")
        return Real3DLite(load_face_model(), load_face_correction(), load_plane_correction())
    generator = load_real3d_generator(None if size == "official" else SMALL, size).to(device)
    if head_threshold is not None and not generator.config.has_torso:
        raise InputError("These weights draw the head alone; leave --head-threshold out.")
    if head_threshold is not None:
        generator.layers.head_threshold = head_threshold
    face: SteeringFace = (
        ShippedSteering(load_face_model())
        if size == "small"
        else BaselSteering(load_real3d_face(), load_face_model())
    )
    told = selfie_classes_file() if size == "official" else None
    classes = None if told is None else partial(selfie_classes, path=told)
    return Real3D(generator, face, size, half_precision(fast, device), classes)


def load_real3d_generator(config: Real3DConfig | None, size: Size) -> Real3DGenerator:
    """The networks of Real3D-Portrait with their weights, on the CPU; see `load_real3d`.

    Args:
        config: Sizes that they must have; None takes those of the weights.
        size: Whose weights.
    """
    name = f"real3d-{size}"
    if size == "official":
        path = RELEASED[name].demand()
    else:
        path = weights_path(name)
        if not path.is_file():
            raise WeightsError(
                "You have trained no small Real3D-Portrait; use --size lite, which is shipped, or train one."
            )
    config = config or stored_sizes(path, Real3DConfig)
    with torch.device("meta"):
        generator = Real3DGenerator(config)
    generator.load_state_dict(load_weights(path, name, config), assign=True)
    return generator.eval().requires_grad_(False)


def load_real3d_face() -> Real3DFace:
    """The Basel face model that Real3D-Portrait's official weights know.

    Raises:
        WeightsError: If it is missing or damaged.
    """
    return Real3DFace.from_tensors(_stored("real3d-face"))


def load_goha(fast: bool = False, device: Device = "cpu") -> Goha:
    """GOHA from the weights that a user has added.

    Raises:
        WeightsError: If weights are missing or damaged.
    """
    # All files are asked for before the first, which is large, is read.
    for name in ("goha-official", "goha-regressor", "goha-face"):
        RELEASED[name].demand()
    # What is loaded takes the place of the networks' tensors, which need not be drawn at random first.
    config = stored_sizes(RELEASED["goha-official"].path, GohaConfig)
    with torch.device("meta"):
        generator, regressor = GohaGenerator(config), FaceRegressor()
    generator.load_state_dict(_stored("goha-official", config), assign=True)
    regressor.load_state_dict(_stored("goha-regressor"), assign=True)
    face = BaselFace(**{name: x.to(device) for name, x in _stored("goha-face").items()})
    networks = generator.to(device), regressor.to(device), face
    own, place = modnet_file(), torch.device(device)
    if own is not None:
        there = modnet_matte_on(place, own) if device == "cuda" else None
        return Goha(*networks, partial(modnet_matte, path=own), fast, cuts_photos=True, device_matte=there)
    there = person_matte_on(place) if device == "cuda" else None
    return Goha(*networks, person_matte, fast, device_matte=there)


def load_small_goha(fast: bool = False, device: Device = "cpu") -> GohaSmall:
    """A GOHA that you trained with the shipped face model.

    Raises:
        WeightsError: If you have trained none, or the file is damaged.
        InputError: If it is asked for what it has not.
    """
    if fast:
        raise InputError("A small GOHA has no faster way to draw; leave --fast out.")
    path = weights_path("goha-small")
    if not path.is_file():
        raise WeightsError("You have trained no small GOHA; use --size lite, which is shipped, or train one.")
    config = stored_sizes(path, GohaConfig)
    with torch.device("meta"):
        generator = GohaGenerator(config)
    generator.load_state_dict(load_weights(path, "goha-small", config), assign=True)
    return GohaSmall(generator.to(device), load_face_model(), person_matte)


def load_official_voice(sizes: HubertSizes | None = None) -> OfficialVoice:
    """Real3D-Portrait's voice model, with HuBERT and the user's Basel face model.

    Args:
        sizes: Of HuBERT, by default those of the published one.

    Raises:
        WeightsError: If weights are missing or damaged.
    """
    sizes = sizes or HubertSizes()
    for name in ("real3d-voice", "real3d-hubert", "real3d-face"):
        RELEASED[name].demand()
    with torch.device("meta"):
        hubert, network = hubert_network(sizes), VoiceToExpression(speech_channels=sizes.width).eval()
    hubert.load_state_dict(_stored("real3d-hubert", sizes), assign=True)
    network.load_state_dict(_stored("real3d-voice"), assign=True)
    hearing = HubertHearing(hubert, sizes.width)
    return OfficialVoice(network, hearing, ExpressionMap(load_real3d_face(), load_face_model()))


def _check_lite(fast: bool, device: Device) -> None:
    if fast or device != "cpu":
        raise InputError("Size lite runs on the CPU, as fast as it can; leave --fast, --device out.")


def _stored(name: str, config: object = None) -> dict[str, Tensor]:
    return load_weights(RELEASED[name].demand(), name, config)
