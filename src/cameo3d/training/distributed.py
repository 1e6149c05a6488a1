"""Several processes, one training: torchrun starts them, gradients are averaged before every step."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, distributed, nn


@dataclass(frozen=True)
class Processes:
    """Where this process stands among those that train together."""

    rank: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def first(self) -> bool:
        """Whether this one writes files and reports."""
        return self.rank == 0


@contextmanager
def join_processes(device: str) -> Iterator[Processes]:
    """Join the processes that torchrun started; a process started alone stays alone.

    GPUs talk through NCCL and are shared out by the local rank, CPUs through gloo.

    Args:
        device: "cpu" or "cuda".
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes(device=torch.device(device))
        return
    place = torch.device(device)
    if place.type == "cuda":
        place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(place)
    distributed.init_process_group("nccl" if place.type == "cuda" else "gloo")
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size(), place)
    finally:
        distributed.destroy_process_group()


@torch.no_grad()
def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Give every process the mean of all processes' gradients, in one transfer.

    A parameter without a gradient counts as zero if another process has one for it. This does by hand what
    DistributedDataParallel does in hooks, since a step runs several networks several times and R1 goes
    backwards twice.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return
    parameters = [parameter for parameter in parameters if parameter.requires_grad]
    if not parameters:
        return
    used = torch.tensor([float(p.grad is not None) for p in parameters], device=parameters[0].device)
    distributed.all_reduce(used)
    shared = [parameter for parameter, count in zip(parameters, used.tolist(), strict=True) if count]
    grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in shared]
    if not grads:
        return
    flat = torch.cat([grad.flatten() for grad in grads])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    for parameter, grad in zip(shared, flat.split([grad.numel() for grad in grads]), strict=True):
        parameter.grad = grad.view_as(parameter).to(parameter.dtype)


@torch.no_grad()
def share_state(network: nn.Module) -> None:
    """Give every process the first one's parameters and buffers."""
    if distributed.is_available() and distributed.is_initialized():
        for tensor in (*network.parameters(), *network.buffers()):
            distributed.broadcast(tensor.data, 0)


def synchronise_norms(networks: nn.ModuleDict, device: torch.device) -> None:
    """On several GPUs, let batch norms count the batches of all processes; PyTorch cannot do it on CPUs."""
    if device.type == "cuda" and distributed.is_available() and distributed.is_initialized():
        nn.SyncBatchNorm.convert_sync_batchnorm(networks)
