"""Loops over pixels, compiled to machine code at first use and kept on disk."""

import inspect
from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of arrays and numbers; it then also leaves Python's global lock."""
    # A division that had to look out for zeros would keep loops from vector code.
    # The shape checks of the tests wrap every function; the compiler needs the bare one.
    return njit(cache=True, nogil=True, fastmath=True, error_model="numpy")(inspect.unwrap(function))


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function into every compiled loop that calls it for each pixel."""
    return njit(cache=True, nogil=True, fastmath=True, error_model="numpy", forceinline=True)(
        inspect.unwrap(function)
    )
