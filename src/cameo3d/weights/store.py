"""Shipped tensors, by name, checked before they are used."""

import hashlib
from importlib import resources

import safetensors
import safetensors.torch
from torch import Tensor

from cameo3d.errors import WeightsError
from cameo3d.weights.catalogue import CATALOGUE, Entry


def load_tensors(name: str) -> dict[str, Tensor]:
    """Load the tensors of one catalogue entry as they are stored, which may be in half precision.

    Args:
        name: A key of `CATALOGUE`.

    Raises:
        ValueError: If the catalogue has no such name.
        WeightsError: If the file is missing, or differs from the one in the catalogue.
    """
    if name not in CATALOGUE:
        raise ValueError(f"The catalogue has no {name!r}, only {', '.join(CATALOGUE)}.")
    return read_tensors(CATALOGUE[name], _shipped(CATALOGUE[name]))


def read_tensors(entry: Entry, content: bytes) -> dict[str, Tensor]:
    """Turn the bytes of a file into tensors, if they are those that the catalogue promises.

    Raises:
        WeightsError: If the bytes differ, or hold no tensors.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != entry.sha256:
        raise WeightsError(
            f"{entry.file} is damaged: its SHA-256 begins with {found[:12]} instead of {entry.sha256[:12]}; "
            "install cameo3d again."
        )
    try:
        return safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        raise WeightsError(
            f"{entry.file} is not a safetensors file ({error}); install cameo3d again."
        ) from error


def _shipped(entry: Entry) -> bytes:
    try:
        return resources.files("cameo3d").joinpath("assets", entry.file).read_bytes()
    except OSError as error:
        raise WeightsError(
            f"{entry.file} is missing from the installed package; install cameo3d again."
        ) from error
