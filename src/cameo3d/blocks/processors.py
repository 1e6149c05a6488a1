"""What processors can do."""

import contextlib
import logging
from collections.abc import Iterator

import torch

logger = logging.getLogger(__name__)


def computes_bfloat16(device: str) -> bool:
    """Whether a device multiplies in bfloat16 itself; a CPU that only imitates it takes five times as long.

    GPUs do from NVIDIA's Ampere on; older ones imitate it, too.

    Args:
        device: "cpu", or a GPU's name.
    """
    if device != "cpu":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    tests = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile"))
    return any(test() for test in tests if test is not None)


def half_precision(fast: bool, device: str) -> bool:
    """Whether to compute in bfloat16, since haste is wanted and it helps; says so if it does not."""
    able = computes_bfloat16(device)
    if fast and not able:
        logger.warning("This processor does not compute in bfloat16; --fast keeps float32.")
    return fast and able


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute on this thread alone: short layers lose more by waiting for others than they gain."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
