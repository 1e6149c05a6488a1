"""Opening pickles of plain numpy arrays without running anything else that they name."""

import io
import pickle
from pathlib import Path

import numpy as np

from cameo3d.errors import WeightsError

_RECONSTRUCT = np.zeros(1).__reduce__()[0]
_ADMITTED = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
}


def read_numpy_pickle(path: Path) -> object:
    """Containers of numpy arrays, numbers and text.

    Raises:
        WeightsError: If the file is missing, damaged, or names anything but numpy's arrays and types.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}); install its package again.") from error
    try:
        return _Unpickler(io.BytesIO(content)).load()
    except WeightsError as error:
        raise WeightsError(
            f"{path} wants to load {error}, which could run code; take the file from its original source."
        ) from error
    except Exception as error:  # a damaged stream may fail in any way
        raise WeightsError(f"{path} is cut short or damaged; install its package again.") from error


def read_object_array(path: Path) -> object:
    """What a .npy file of one Python object holds: containers of numpy arrays, numbers and text.

    Raises:
        WeightsError: If the file is damaged, or names anything but numpy's arrays and types.
    """
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            if version != (1, 0):
                raise ValueError("another version")
            shape, _, kind = np.lib.format.read_array_header_1_0(file)
            if shape != () or not kind.hasobject:
                raise ValueError("no object")
            return _Unpickler(file).load().item()  # type: ignore[attr-defined]
    except WeightsError as error:
        raise WeightsError(f"{path} wants to load {error}, which could run code; fit it again.") from error
    except Exception as error:  # a damaged stream may fail in any way
        raise WeightsError(f"{path} is damaged or no file of coefficients; fit it again.") from error


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise WeightsError(f"{module}.{name}") from None
