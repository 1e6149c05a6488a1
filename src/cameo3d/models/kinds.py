"""The avatars by the name of the model that makes them: what an avatar file may hold."""

from collections.abc import Mapping
from pathlib import Path

from cameo3d.models.avatar import Avatar
from cameo3d.models.goha.avatar import GohaAvatar
from cameo3d.models.goha.lite.avatar import GohaLiteAvatar
from cameo3d.models.goha.small import GohaSmallAvatar
from cameo3d.models.real3d.avatar import Real3DAvatar
from cameo3d.models.real3d.lite.avatar import Real3DLiteAvatar
from cameo3d.models.relief.avatar import ReliefAvatar
from cameo3d.values.storage import load_value, stored_kind

KINDS: Mapping[str, tuple[type[Avatar], ...]] = {
    "real3d": (Real3DAvatar, Real3DLiteAvatar),
    "goha": (GohaAvatar, GohaSmallAvatar, GohaLiteAvatar),
    "relief": (ReliefAvatar,),
}
"""Each model's avatars, of all its sizes; those of small models are reliefs, too, and come first."""


def load_avatar(path: Path) -> Avatar:
    """Read an avatar file.

    Raises:
        InputError: If the file is damaged or holds no avatar.
    """
    kinds = {kind.__name__: kind for kinds in KINDS.values() for kind in kinds}
    # What is no avatar at all is refused by name, as something that is not a relief.
    return load_value(kinds.get(stored_kind(path) or "", ReliefAvatar), path)


def maker_of(avatar: Avatar) -> str:
    """The name of the model that made an avatar.

    Raises:
        ValueError: If none of ours did.
    """
    for name, kinds in KINDS.items():
        if isinstance(avatar, kinds):
            return name
    raise ValueError(f"A {type(avatar).__name__} is an avatar of no model here.")


def label_of(avatar: Avatar) -> str:
    """How files name the model that made an avatar, such as "relief" or "real3dlite"."""
    return type(avatar).__name__.removesuffix("Avatar").lower()


def size_of(avatar: Avatar) -> str | None:
    """Which size of its model made an avatar, "official", "small" or "lite"; None for models of one size."""
    if isinstance(avatar, Real3DAvatar):
        return avatar.size
    if isinstance(avatar, GohaSmallAvatar):
        return "small"
    return "lite" if isinstance(avatar, Real3DLiteAvatar | GohaLiteAvatar) else None
