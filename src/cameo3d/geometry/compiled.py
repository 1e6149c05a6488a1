"""Loops over pixels, compiled to machine code at first use and kept on disk."""

import inspect
from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of arrays and numbers; it then also leaves Python's global lock."""
    # The shape checks of the tests wrap every function; the compiler needs the bare one.
    return njit(cache=True, nogil=True, fastmath=True)(inspect.unwrap(function))
