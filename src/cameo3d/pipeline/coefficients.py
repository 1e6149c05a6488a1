"""Coefficient files of Real3D-Portrait (`*_coeff_fit_mp.npy`): expressions and poses of the Basel model."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cameo3d.errors import InputError, WeightsError
from cameo3d.geometry.basel.fitting import BaselFit
from cameo3d.geometry.basel.poses import deep3d_poses, head_poses
from cameo3d.media.files import check_input, replacing, shown
from cameo3d.values import Motion
from cameo3d.values.motion import still_motion
from cameo3d.weights.conversion.numpy_pickles import read_object_array

COEFFICIENT_SUFFIX = ".npy"
_RATE = 25.0
"""Frames a second of all its data."""
_WIDTHS = {"exp": 64, "euler": 3, "trans": 3}
_MOST_FRAMES = 1_000_000


def is_coefficients(path: Path) -> bool:
    """Whether a file is one of these, by its name."""
    return path.suffix.lower() == COEFFICIENT_SUFFIX


def load_coefficients(path: Path) -> Motion:
    """Read a file's expressions and poses as a motion; its identity is the driver's and left out.

    ARKit's weights of it are 0: avatars that do not know the Basel model take its poses only.

    Raises:
        InputError: If the file is damaged, hostile, or holds no such coefficients.
    """
    try:
        held = read_object_array(check_input(path, "motion file"))
    except WeightsError as error:
        raise InputError(str(error)) from error
    if not isinstance(held, dict) or not set(_WIDTHS) & set(held):
        raise InputError(f"{shown(path)} holds no exp, euler and trans; give a coefficient file of Real3D.")
    parts = {name: _part(held[name], name, width, path) for name, width in _WIDTHS.items() if name in held}
    counts = {len(part) for part in parts.values()}
    if len(counts) > 1:
        raise InputError(f"{shown(path)} holds {sorted(counts)} frames of its coefficients; fit it again.")
    motion = still_motion(counts.pop(), _RATE)
    rotation, translation = motion.rotation, motion.translation
    if "euler" in parts and "trans" in parts:
        rotation, translation = head_poses(parts["euler"], parts["trans"])
    return Motion(
        motion.expression,
        rotation,
        translation,
        motion.gaze,
        _RATE,
        path.name,
        parts.get("exp"),
        motion.expression if "exp" in parts else None,
    )


def save_coefficients(
    motion: Motion, identity: Float[Tensor, "80"], path: Path, fit: BaselFit | None = None
) -> None:
    """Write a motion that carries Basel coefficients as the official code reads it.

    Args:
        motion: The motion; its poses are written.
        identity: The person's shape.
        path: The file.
        fit: Whose poses are written instead, if it is of as many frames.

    Raises:
        ValueError: If the motion carries none.
        OutputError: If it cannot be written there.
    """
    if motion.basel is None:
        raise ValueError("The motion carries no coefficients of the Basel model.")
    euler, trans = deep3d_poses(motion.rotation, motion.translation)
    if fit is not None and len(fit.angles) == len(motion):
        euler, trans = fit.angles, fit.translation
    tensors = {"id": identity[None], "exp": motion.basel, "euler": euler, "trans": trans}
    arrays = {name: x.float().numpy() for name, x in tensors.items()}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, np.array(arrays, dtype=object), allow_pickle=True)


def _part(values: object, name: str, width: int, path: Path) -> Float[Tensor, "frames width"]:
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu" or values.size % width:
        raise InputError(f"{shown(path)} holds a strange {name}; fit it again.")
    rows = values.reshape(-1, width)
    if not 0 < len(rows) <= _MOST_FRAMES or not np.isfinite(rows).all() or np.abs(rows).max() > 1000:
        raise InputError(f"{shown(path)} holds {name} that is empty or no sensible number; fit it again.")
    return torch.from_numpy(rows.astype(np.float32))
