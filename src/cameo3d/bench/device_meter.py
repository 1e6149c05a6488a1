"""Time and memory on a processor or a GPU."""

import time
from collections.abc import Callable

import torch

from cameo3d.bench.peak_memory import forget_peak, peak_megabytes
from cameo3d.pipeline.options import Device


class DeviceMeter:
    """Counts CPU seconds of all threads on a processor, and on a GPU those of the clock until it is done."""

    def __init__(self, device: Device) -> None:
        self.device: Device = device
        self.unit = "CPU s" if device == "cpu" else "s"

    def seconds(self, action: Callable[[], object], repeats: int = 1) -> float:
        """The best of several times."""
        return min(self._once(action) for _ in range(repeats))

    def forget_peak(self) -> None:
        """Let `peak_megabytes` count from now on."""
        if self.device == "cpu":
            forget_peak()
        else:
            torch.cuda.reset_peak_memory_stats()

    def peak_megabytes(self) -> float:
        """The most memory since."""
        return peak_megabytes() if self.device == "cpu" else torch.cuda.max_memory_allocated() / 1e6

    def _once(self, action: Callable[[], object]) -> float:
        if self.device == "cpu":
            start = time.process_time()
            action()
            return time.process_time() - start
        torch.cuda.synchronize()
        start = time.perf_counter()
        action()
        torch.cuda.synchronize()
        return time.perf_counter() - start
