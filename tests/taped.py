"""A stand-in for CUDA graphs on a CPU: it notes every operation with its memory, and does them again.

As in a graph, what Python decided, what came from the host and what NumPy did is not done again. What a real
capture refuses is refused: asking for a number, and tensors made from numbers of the host.
"""

import gc
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

aten = torch.ops.aten
WAITING = {
    aten._local_scalar_dense.default, aten.nonzero.default, aten.equal.default, aten.masked_select.default,
    aten.is_nonzero.default, aten.repeat_interleave.Tensor, aten._unique2.default, aten.bincount.default,
}  # fmt: skip
"""Operations after which a GPU's host must wait, since it needs their result."""
FROM_HOST = {
    aten.lift_fresh.default, aten.where.ScalarOther, aten.where.ScalarSelf, aten.where.Scalar,
}  # fmt: skip
"""Operations that bring numbers from the host; a condition with a number does so on a GPU, too."""


HOST = {
    *(getattr(Tensor, name) for name in ("item", "tolist", "numpy", "cpu", "nonzero", "__array__")),
    *(getattr(Tensor, f"__{name}__") for name in ("bool", "int", "float", "index", "contains")),
}  # fmt: skip
"""What brings numbers to the host."""


class NoHost(TorchFunctionMode):
    """Refuses what brings numbers to the host; on a CPU not all of it is an operation."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in HOST:
            raise RuntimeError(f"operation not permitted when stream is capturing: {func}")
        return func(*args, **(kwargs or {}))


class Tape(TorchDispatchMode):
    """Notes operations; refuses what a capture does."""

    def __init__(self) -> None:
        super().__init__()
        # Objects stay alive, so that no other one gets their id.
        self.before = [x for x in gc.get_objects() if issubclass(type(x), Tensor)]
        self.known = {id(x) for x in self.before}
        self.steps: list[tuple[Callable, tuple, dict, object]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in WAITING | FROM_HOST:
            raise RuntimeError(f"operation not permitted when stream is capturing: {func}")
        for x in tree_leaves((args, kwargs)):
            if isinstance(x, Tensor) and id(x) not in self.known:
                raise RuntimeError(f"a tensor that the host made meanwhile, in {func}")
        if func is aten.index.Tensor and any(x is not None and x.dtype == torch.bool for x in args[1]):
            raise RuntimeError("choosing by a mask waits for a number")
        made = func(*args, **kwargs)
        self.known |= {id(x) for x in tree_leaves(made)}
        self.steps.append((func, args, kwargs, made))
        return made

    def again(self) -> None:
        for func, args, kwargs, made in self.steps:
            given = {
                x.untyped_storage().data_ptr() for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)
            }
            now = func(*args, **kwargs)
            for old, new in zip(tree_leaves(made), tree_leaves(now), strict=True):
                if isinstance(old, Tensor) and old.untyped_storage().data_ptr() not in given:
                    old.copy_(new)


class Taped:
    """A recorder for `Steady`."""

    def __init__(self) -> None:
        self.count = 0

    def record(
        self, function: Callable[..., tuple[Tensor, ...]], inputs: Sequence[Tensor]
    ) -> tuple[Callable[[], object], tuple[Tensor, ...]]:
        self.count += 1
        with NoHost(), Tape() as tape:
            results = function(*inputs)
        return tape.again, results
