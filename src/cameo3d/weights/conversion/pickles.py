"""Opening checkpoints that others wrote with `torch.save`, without running anything that they contain."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cameo3d.errors import WeightsError

SCALARS = [
    np.dtype,
    np.ndarray,
    np.dtypes.Float64DType,
    np.dtypes.Float32DType,
    np.dtypes.Int64DType,
    (np.float64(0).__reduce__()[0], "numpy.core.multiarray.scalar"),
    (np.float64(0).__reduce__()[0], "numpy._core.multiarray.scalar"),
]
"""Besides tensors, what a training state may hold: numbers of numpy, such as the best score so far."""


def read_pickle(path: Path) -> object:
    """Read a `torch.save` file, zipped or in the legacy format, with tensors on the CPU.

    Only tensors, plain containers and numbers are accepted; nothing in the file is executed.

    Raises:
        WeightsError: If the file is missing, a Git-LFS pointer, a web page, cut short, or would run code.
    """
    if not path.is_file():
        raise WeightsError(f"{path} does not exist; give the path of a checkpoint file.")
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        raise WeightsError(f"{path} is empty; download it again.")
    if head.startswith(b"version https://git-lfs"):
        raise WeightsError(
            f"{path} is a Git-LFS pointer, not the file itself; "
            "run 'git lfs pull' in its folder, or download it."
        )
    if head.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise WeightsError(
            f"{path} is a web page, not a checkpoint; download the file itself from that page."
        )
    try:
        with torch.serialization.safe_globals(SCALARS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error)
        if "Unsupported global" in reason or "Unsupported class" in reason or "GLOBAL" in reason:
            name = _named_global(reason)
            raise WeightsError(
                f"{path} wants to load {name}, which could run code; cameo3d opens only plain tensors, "
                "so take the file from its original source."
            ) from error
        raise WeightsError(_damaged(path)) from error
    except (RuntimeError, ArithmeticError, LookupError, ValueError, TypeError, OSError, EOFError) as error:
        raise WeightsError(_damaged(path)) from error


def named_tensors(content: object, path: Path, part: str = "model") -> dict[str, Tensor]:
    """The tensors of one part of a checkpoint of the official training code.

    Accepted are `{"state_dict": {part: {key: tensor}}}`, the flat `{"state_dict": {"part.key": tensor}}`, and
    either of them without the outer dictionary; a compiled module's prefix `_orig_mod.` is taken off.

    Raises:
        WeightsError: If there is no such part, or if it holds something else than tensors.
    """
    if isinstance(content, Mapping) and "state_dict" in content:
        content = content["state_dict"]
    if not isinstance(content, Mapping):
        raise WeightsError(
            f"{path} holds {type(content).__name__} instead of named tensors; is it a checkpoint?"
        )
    if part in content:
        found = content[part]
    elif any("." in str(key) for key in content):
        found = {
            str(key)[len(part) + 1 :]: x for key, x in content.items() if str(key).startswith(f"{part}.")
        }
    else:
        found = None
    if not isinstance(found, Mapping) or not found:
        names = ", ".join(sorted(map(str, content))[:8]) or "nothing"
        raise WeightsError(
            f"{path} has no part {part!r}, only {names}; is it the checkpoint of another model?"
        )
    tensors = {str(key).replace("_orig_mod.", ""): x for key, x in found.items()}
    strange = [key for key, x in tensors.items() if not isinstance(x, Tensor)]
    if strange:
        raise WeightsError(f"{path} holds something else than a tensor at {', '.join(strange[:8])}.")
    return tensors


def _named_global(reason: str) -> str:
    for word in reason.replace("`", " ").split("GLOBAL", 1)[-1].split():
        if "." in word:
            return word.strip(".,'\"")
    return "an unknown object"


def _damaged(path: Path) -> str:
    return f"{path} ({path.stat().st_size} bytes) is cut short or damaged; download it again."
