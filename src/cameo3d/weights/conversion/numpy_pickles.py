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


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise WeightsError(f"{module}.{name}") from None
