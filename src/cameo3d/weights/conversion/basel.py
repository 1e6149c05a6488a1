"""The face model's files of Real3D-Portrait, by name, in the user's folder."""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from cameo3d.errors import WeightsError


@dataclass(frozen=True)
class OfficialFile:
    """One file that a user has to bring."""

    path: str
    """Where it lies in the official repository."""
    origin: str
    """Where it comes from."""
    licence: str


_REPOSITORY = "the repository of Real3D-Portrait (github.com/yerfor/Real3DPortrait)"
BASEL_MODEL = OfficialFile(
    "deep_3drecon/BFM/BFM_model_front.mat",
    "the guides of Deep3DFaceRecon_pytorch and Real3D-Portrait, which make it from the Basel Face Model 2009 "
    "(faces.dmi.unibas.ch) and the expressions of Guo et al.",
    "Basel Face Model: registration, research only, not for commercial use",
)
MESH_VERTICES = OfficialFile(
    "deep_3drecon/BFM/index_mp468_from_mesh35709.npy",
    "the folder of 3DMM files that the guide of Real3D-Portrait links",
    "MIT, as Real3D-Portrait",
)
MAP_COLORS = OfficialFile("deep_3drecon/ncc_code.npy", _REPOSITORY, "MIT")
LEFT_EYE = OfficialFile("deep_3drecon/bfm_left_eye_faces.npy", _REPOSITORY, "MIT")
RIGHT_EYE = OfficialFile("deep_3drecon/bfm_right_eye_faces.npy", _REPOSITORY, "MIT")

REAL3D_FACE_FILES = (BASEL_MODEL, MESH_VERTICES, MAP_COLORS, LEFT_EYE, RIGHT_EYE)
"""All that `read_real3d_face` reads."""


def find_face(folder: Path) -> Path | None:
    """The face model's own file, `BFM_model_front.mat`, in a folder or below; the others lie around it."""
    return min(folder.glob(f"**/{Path(BASEL_MODEL.path).name}"), default=None)


def read_real3d_face(model: Path) -> dict[str, np.ndarray]:
    """The arrays that `geometry.real3d_face.Real3DFace.from_arrays` takes.

    Args:
        model: `BFM_model_front.mat`; the other files lie next to it or one folder up, as in the official
            repository.

    Raises:
        WeightsError: If files are missing, each with its origin and its licence, or if one is damaged.
    """
    names = {file: Path(file.path).name for file in REAL3D_FACE_FILES}
    places = {
        file: next((p for p in (model.parent / name, model.parent.parent / name) if p.is_file()), None)
        for file, name in names.items()
    }
    missing = [file for file, place in places.items() if place is None]
    if missing:
        raise WeightsError(f"Around {model} there is no {'; no '.join(map(describe, missing))}.")
    found = {file: place for file, place in places.items() if place is not None}
    return read_mat(model) | {
        "mesh_vertices": _numbers(found[MESH_VERTICES], "integers"),
        "map_colors": _numbers(found[MAP_COLORS], "floats"),
        "left_eye_triangles": _numbers(found[LEFT_EYE], "integers"),
        "right_eye_triangles": _numbers(found[RIGHT_EYE], "integers"),
    }


def describe(file: OfficialFile) -> str:
    """One file, its origin and its licence, for a message."""
    return f"{file.path} (from {file.origin}; licence: {file.licence})"


def read_mat(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a MATLAB file.

    Raises:
        WeightsError: If it is missing, a Git-LFS pointer, or damaged.
    """
    from scipy.io import loadmat  # the list of files above is shown without waiting for it
    from scipy.io.matlab import MatReadError

    _check(path)
    try:
        content = loadmat(path)
    except (MatReadError, *_UNREADABLE) as error:
        raise WeightsError(f"{path} is no readable MATLAB file; make or copy it again.") from error
    return {name: x for name, x in content.items() if isinstance(x, np.ndarray)}


def _numbers(path: Path, kind: Literal["integers", "floats"]) -> np.ndarray:
    _check(path)
    try:
        array = np.load(path, allow_pickle=False)
    except _UNREADABLE as error:
        raise WeightsError(f"{path} is no readable NumPy file of plain numbers; copy it again.") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise WeightsError(f"{path} does not hold plain finite numbers; is it another file of that name?")
    if kind == "integers" and not (array == np.rint(array)).all():
        raise WeightsError(f"{path} does not hold integers; is it another file of that name?")
    return array


def _check(path: Path) -> None:
    if not path.is_file():
        raise WeightsError(f"{path} does not exist; give the path of the file.")
    with path.open("rb") as file:
        if file.read(64).startswith(b"version https://git-lfs"):
            raise WeightsError(
                f"{path} is a Git-LFS pointer, not the file itself; run 'git lfs pull' in its folder."
            )


_UNREADABLE = (
    ValueError, TypeError, LookupError, ArithmeticError, OSError, EOFError, NotImplementedError,
    zlib.error,
)  # fmt: skip
