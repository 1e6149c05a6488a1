"""Loops over pixels, compiled to machine code at first use and kept on disk."""

import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from numba import njit
from numba.core.event import Event, Listener, register
from torch import Tensor

logger = logging.getLogger(__name__)

_OPTIONS: dict[str, Any] = {
    "cache": True,
    "nogil": True,
    "fastmath": True,
    "error_model": "numpy",
    "no_cfunc_wrapper": True,  # nobody calls them from C, and that takes time to compile
}
_INLINED: dict[str, Any] = _OPTIONS | {"forceinline": True, "no_cpython_wrapper": True}
_AS_ON_A_GPU = ContextVar("as_on_a_gpu", default=False)


def may_loop(x: Tensor) -> bool:
    """Whether compiled loops can read a tensor's memory; on a GPU PyTorch's own operations do their work."""
    return x.device.type == "cpu" and not _AS_ON_A_GPU.get()


@contextmanager
def as_on_a_gpu() -> Iterator[None]:
    """Do on a CPU what a GPU does, operation by operation: slower, and to be compared."""
    token = _AS_ON_A_GPU.set(True)
    try:
        yield
    finally:
        _AS_ON_A_GPU.reset(token)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of arrays and numbers; it then also leaves Python's global lock."""
    # A division that had to look out for zeros would keep loops from vector code.
    # The shape checks of the tests wrap every function; the compiler needs the bare one.
    return njit(**_OPTIONS)(inspect.unwrap(function))


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function into every compiled loop that calls it for each pixel; Python cannot call it."""
    return njit(**_INLINED)(inspect.unwrap(function))


class _Notice(Listener):
    """Tells why a first start takes longer than the next one."""

    def on_start(self, event: Event) -> None:
        logger.info(
            "Compiling loops for this processor, up to half a minute; later starts find them on disk."
        )

    def on_end(self, event: Event) -> None:
        pass


register("numba:compile", _Notice())
