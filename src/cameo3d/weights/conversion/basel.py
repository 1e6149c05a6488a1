"""The face model's files of Real3D-Portrait, by name, in the user's folder."""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from cameo3d.errors import WeightsError


@dataclass(frozen=True)
class OfficialFile:
    """One file that a user has to bring."""

    path: str
    """Where it lies in the official repository; its name alone, directly in the user's folder, does too."""
    origin: str
    """Where it comes from."""
    licence: str


_REPOSITORY = "the repository of Real3D-Portrait (github.com/yerfor/Real3DPortrait)"
_BASEL = "made from the Basel Face Model 2009 (faces.dmi.unibas.ch) and the expressions of Guo et al., as "
BASEL_MODEL = OfficialFile(
    "deep_3drecon/BFM/BFM_model_front.mat",
    _BASEL + "the guides of Deep3DFaceRecon_pytorch and Real3D-Portrait say",
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


def find_file(folder: Path, file: OfficialFile) -> Path | None:
    """Where a file lies: at its official path below the folder, in `BFM/`, or directly in the folder."""
    official = Path(file.path)
    places = (folder / official, folder / official.relative_to("deep_3drecon"), folder / official.name)
    return next((place for place in places if place.is_file()), None)


def missing_files(folder: Path) -> list[OfficialFile]:
    """Which of the face model's files a folder lacks."""
    return [file for file in REAL3D_FACE_FILES if find_file(folder, file) is None]


def read_real3d_face(folder: Path) -> dict[str, np.ndarray]:
    """The arrays that `geometry.real3d_face.Real3DFace.from_arrays` takes.

    Raises:
        WeightsError: If files are missing, each with its origin and its licence, or if one is damaged.
    """
    missing = missing_files(folder)
    if missing:
        raise WeightsError(f"{folder} lacks {'; '.join(map(describe, missing))}.")
    arrays = read_mat(_there(folder, BASEL_MODEL))
    return arrays | {
        "mesh_vertices": _numbers(_there(folder, MESH_VERTICES), "integers"),
        "map_colors": _numbers(_there(folder, MAP_COLORS), "floats"),
        "left_eye_triangles": _numbers(_there(folder, LEFT_EYE), "integers"),
        "right_eye_triangles": _numbers(_there(folder, RIGHT_EYE), "integers"),
    }


def describe(file: OfficialFile) -> str:
    """One file, its origin and its licence, for a message."""
    return f"{file.path} (from {file.origin}; licence: {file.licence})"


def read_mat(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a MATLAB file.

    Raises:
        WeightsError: If it is missing, a Git-LFS pointer, or damaged.
    """
    _check(path)
    try:
        content = loadmat(path)
    except _UNREADABLE as error:
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


def _there(folder: Path, file: OfficialFile) -> Path:
    found = find_file(folder, file)
    assert found is not None, file
    return found


def _check(path: Path) -> None:
    if not path.is_file():
        raise WeightsError(f"{path} does not exist; give the path of the file.")
    with path.open("rb") as file:
        if file.read(64).startswith(b"version https://git-lfs"):
            raise WeightsError(
                f"{path} is a Git-LFS pointer, not the file itself; run 'git lfs pull' in its folder."
            )


_UNREADABLE = (
    MatReadError, ValueError, TypeError, LookupError, ArithmeticError, OSError, EOFError, NotImplementedError,
    zlib.error,
)  # fmt: skip
