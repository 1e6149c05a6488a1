"""The avatar models by name: what makes them, and what their avatar files hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from cameo3d.errors import InputError
from cameo3d.media.files import shown
from cameo3d.models.avatar import Avatar, AvatarModel
from cameo3d.models.goha.avatar import GohaAvatar
from cameo3d.models.real3d.avatar import Real3DAvatar
from cameo3d.models.real3d.loading import load_real3d
from cameo3d.models.relief import RELIEF, ReliefAvatar
from cameo3d.pipeline.choice import Choice, Device, ModelName
from cameo3d.pipeline.goha import load_goha
from cameo3d.values.storage import load_value, stored_kind


@dataclass(frozen=True)
class Offer:
    """One avatar model."""

    avatar: type
    """What its avatar files hold."""
    load: Callable[[Choice], AvatarModel]
    """Make it ready; its weights are read now."""


def _relief(choice: Choice) -> AvatarModel:
    if choice.size or choice.fast or choice.device != "cpu":
        raise InputError(
            "The relief model has one size and runs on the CPU; leave --size, --fast, --device out."
        )
    return RELIEF


def _real3d(choice: Choice) -> AvatarModel:
    return load_real3d(choice.size or "official", choice.fast, choice.device)


MODELS: Mapping[ModelName, Offer] = {
    "relief": Offer(ReliefAvatar, _relief),
    "real3d": Offer(Real3DAvatar, _real3d),
    "goha": Offer(GohaAvatar, load_goha),
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
    return load_value(MODELS[name].avatar, path), replace(choice, model=name)


def made_by(avatar: Avatar, choice: Choice) -> Choice:
    """The choice with the model that made an avatar.

    Raises:
        ValueError: If another one was chosen.
    """
    name = _name_of(type(avatar).__name__)
    if name is None or choice.model not in (name, None):
        raise ValueError(f"A {type(avatar).__name__} was given, and {choice.model} shall draw it.")
    return replace(choice, model=name)


def _name_of(kind: str | None) -> ModelName | None:
    return next((name for name, offer in MODELS.items() if offer.avatar.__name__ == kind), None)
