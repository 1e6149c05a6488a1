"""The avatar models by name: what makes them, and what their avatar files hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from cameo3d.errors import InputError
from cameo3d.geometry.face_model import load_face_model
from cameo3d.media.files import shown
from cameo3d.models.avatar import Avatar, AvatarModel
from cameo3d.models.goha.avatar import GohaAvatar
from cameo3d.models.goha.lite.avatar import GohaLite, GohaLiteAvatar
from cameo3d.models.real3d.avatar import Real3DAvatar
from cameo3d.models.real3d.lite.avatar import Real3DLite, Real3DLiteAvatar
from cameo3d.models.real3d.loading import load_real3d
from cameo3d.models.relief import RELIEF, ReliefAvatar
from cameo3d.pipeline.choice import Choice, Device, ModelName, Size
from cameo3d.pipeline.goha import load_goha
from cameo3d.values.storage import load_value, stored_kind
from cameo3d.weights.imported import weights_path
from cameo3d.weights.released import RELEASED


@dataclass(frozen=True)
class Offer:
    """One avatar model."""

    avatars: tuple[type, ...]
    """What its avatar files may hold."""
    load: Callable[[Choice], AvatarModel]
    """Make it ready; its weights are read now."""


def _relief(choice: Choice) -> AvatarModel:
    if choice.size or choice.fast or choice.device != "cpu":
        raise InputError(
            "The relief model has one size and runs on the CPU; leave --size, --fast, --device out."
        )
    return RELIEF


def _real3d(choice: Choice) -> AvatarModel:
    size = choice.size or ("official" if RELEASED["real3d-official"].path.is_file() else "lite")
    if size == "lite" and not weights_path("real3d-lite").is_file():
        _check_small(choice)
        return Real3DLite(load_face_model())
    return load_real3d(size, choice.fast, choice.device)


def _goha(choice: Choice) -> AvatarModel:
    size = choice.size or ("official" if RELEASED["goha-official"].path.is_file() else "lite")
    if size == "official":
        return load_goha(choice)
    _check_small(choice)
    return GohaLite(load_face_model())


def _check_small(choice: Choice) -> None:
    if choice.fast or choice.device != "cpu":
        raise InputError("Small models run on the CPU, as fast as they can; leave --fast, --device out.")


MODELS: Mapping[ModelName, Offer] = {
    "relief": Offer((ReliefAvatar,), _relief),
    "real3d": Offer((Real3DAvatar, Real3DLiteAvatar), _real3d),
    "goha": Offer((GohaAvatar, GohaLiteAvatar), _goha),
}
"""All of them."""


def load_model(choice: Choice) -> AvatarModel:
    """Make the chosen model ready.

    Raises:
        WeightsError: If its weights are missing or damaged.
        InputError: If there is no such device here, or the model has no such choice.
    """
    check_device(choice.device)
    return MODELS[choice.model or "relief"].load(choice)


def check_device(device: Device) -> None:
    """Make sure that the device is there.

    Raises:
        InputError: If it is not.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("There is no CUDA device here; leave --device out.")


def load_avatar(path: Path, choice: Choice) -> tuple[Avatar, Choice]:
    """Read an avatar file.

    Returns:
        The avatar, and the choice with the model that made it.

    Raises:
        InputError: If the file is damaged, or was made by another model than the chosen one.
    """
    kind = stored_kind(path)
    name = _name_of(kind) or choice.model or "relief"
    if choice.model not in (name, None):
        raise InputError(f"The avatar {shown(path)} was made by {name}; leave --model {choice.model} out.")
    kinds = {kind.__name__: kind for kind in MODELS[name].avatars}
    avatar = load_value(kinds.get(kind or "", MODELS[name].avatars[0]), path)
    return avatar, _maker(avatar, name, choice)


def made_by(avatar: Avatar, choice: Choice) -> Choice:
    """The choice with the model that made an avatar.

    Raises:
        ValueError: If another one was chosen.
    """
    name = _name_of(type(avatar).__name__)
    if name is None or choice.model not in (name, None):
        raise ValueError(f"A {type(avatar).__name__} was given, and {choice.model} shall draw it.")
    return _maker(avatar, name, choice)


def _maker(avatar: Avatar, name: ModelName, choice: Choice) -> Choice:
    """The choice with the model, and where its avatars differ the size, that made an avatar."""
    size: Size | None = choice.size
    if isinstance(avatar, Real3DLiteAvatar | GohaLiteAvatar):
        size = "lite"
    return replace(choice, model=name, size=size)


def _name_of(kind: str | None) -> ModelName | None:
    return next(
        (name for name, offer in MODELS.items() if kind in {each.__name__ for each in offer.avatars}), None
    )
