"""The same work frame after frame: on a GPU recorded once as a CUDA graph and then replayed.

A frame of our networks is a thousand and more short kernels, which take longer to launch one by one than to
compute. A graph launches them all at once, always on the same memory.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

logger = logging.getLogger(__name__)

Function = Callable[..., tuple[Tensor, ...]]
"""From tensors to tensors, without asking the device for a number; on the way nothing of the host counts."""
_WARM_UPS = 2


@runtime_checkable
class Recorder(Protocol):
    """A way to record what a function does to the memory of its inputs."""

    def record(
        self, function: Function, inputs: Sequence[Tensor]
    ) -> tuple[Callable[[], object], tuple[Tensor, ...]]:
        """Run it once; what does the same again on whatever the inputs hold then, and its results' memory.

        Raises:
            RuntimeError: If it cannot be recorded.
        """
        ...


class CudaGraphs:
    """Records a CUDA graph, as PyTorch's documentation tells."""

    def record(
        self, function: Function, inputs: Sequence[Tensor]
    ) -> tuple[Callable[[], object], tuple[Tensor, ...]]:
        """See `Recorder`."""
        beside, here = torch.cuda.Stream(), torch.cuda.current_stream()
        beside.wait_stream(here)
        with torch.cuda.stream(beside):
            for _ in range(_WARM_UPS):
                function(*inputs)
        here.wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        # Another thread may use the GPU meanwhile.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            results = function(*inputs)
        return graph.replay, results


class Steady:
    """A function of tensors that is called for every frame.

    On a CPU it is simply called. On a GPU its first call is, too; from the second of the same shapes on it is
    a graph. Results are copies, so that nobody sees them change. If recording fails, the log says so, and the
    function is called from then on. Several threads may call.

    Args:
        function: What is done; called with all held and all given tensors.
        recorder: How it is recorded; by default `CudaGraphs` on a GPU, and not at all elsewhere.
    """

    def __init__(self, function: Function, recorder: Recorder | None = None) -> None:
        self._function, self._recorder = function, recorder
        self._lock = threading.Lock()
        self._layout: tuple = ()
        self._replay: Callable[[], object] | None = None
        self._inputs: list[Tensor] = []
        self._results: tuple[Tensor, ...] = ()
        self._held: tuple[Tensor, ...] = ()
        self._failed = False

    @torch.inference_mode()
    def __call__(self, held: Sequence[Tensor], given: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Call the function.

        Args:
            held: What seldom changes, such as a person's planes. It is copied only when another tensor comes;
                whoever writes into one that was held before must hand in a new one.
            given: What changes from call to call.
        """
        inputs = (*held, *given)
        recorder = self._recorder or (CudaGraphs() if inputs[0].device.type == "cuda" else None)
        if recorder is None or self._failed:
            return self._function(*inputs)
        with self._lock:
            layout = tuple((x.shape, x.dtype, x.device) for x in inputs)
            if layout != self._layout:
                # Perhaps the only call of these shapes; and what a first call sets up must not be recorded.
                self._layout, self._replay = layout, None
                return self._function(*inputs)
            if self._replay is None and not self._record(recorder, inputs):
                return self._function(*inputs)
            return self._replayed(tuple(held), inputs)

    @property
    def is_recorded(self) -> bool:
        """Whether the next call of the same shapes is a replay."""
        return self._replay is not None

    def _record(self, recorder: Recorder, inputs: Sequence[Tensor]) -> bool:
        self._inputs, self._held, self._results = [x.clone() for x in inputs], (), ()
        try:
            self._replay, self._results = recorder.record(self._function, self._inputs)
        except RuntimeError as error:
            cause = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
            logger.warning("Frames are drawn without a CUDA graph, since recording it failed (%s).", cause)
            self._failed = True
        return not self._failed

    def _replayed(self, held: tuple[Tensor, ...], inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        assert self._replay is not None, "it was recorded"
        for index, (memory, value) in enumerate(zip(self._inputs, inputs, strict=True)):
            kept = self._held[index] if index < min(len(self._held), len(held)) else None
            if value is not kept:
                memory.copy_(value, non_blocking=True)
        self._held = held
        self._replay()
        return tuple(x.clone() for x in self._results)
