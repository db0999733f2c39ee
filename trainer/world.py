"""The processes that train together: one, or as many as ``torchrun`` or ``accelerate launch`` started."""

import os
from collections.abc import Iterable
from datetime import timedelta

import torch
import torch.distributed as dist

# The first process may download data, or measure a model, while the others wait; torchrun ends them all if it dies.
PATIENCE = timedelta(hours=12)


class World:
    """``rank`` of ``size`` processes. With one, every method leaves its argument as it is."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank = rank
        self.size = size

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    def any(self, flag: bool, device: torch.device | str = "cpu") -> bool:
        """Whether ``flag`` is set on any of them; all get the same answer."""
        if self.size == 1:
            return flag
        told = torch.tensor(int(flag), device=device)
        dist.all_reduce(told, dist.ReduceOp.MAX)
        return bool(told.item())

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """Sum over the processes, in place."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def sum_gradients(self, weights: Iterable[torch.nn.Parameter]) -> None:
        """Sum every weight's gradient over the processes, as one message; a gradient that is not there counts as zero."""
        if self.size == 1:
            return
        weights = list(weights)
        parts = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in weights]
        flat = self.sum(torch.cat([part.reshape(-1) for part in parts]))
        for weight, part in zip(weights, flat.split([part.numel() for part in parts]), strict=True):
            weight.grad = part.view_as(weight)

    def wait(self) -> None:
        """Return when all have come here."""
        if self.size > 1:
            dist.barrier()

    def leave(self) -> None:
        """Part from the others, when the work is done."""
        if self.size > 1:
            dist.destroy_process_group()


def join(device: torch.device) -> World:
    """Meet the processes that the launcher's environment (``RANK``, ``WORLD_SIZE``, ``MASTER_ADDR``) names.

    ``device``: this process's own, with its number where it is an accelerator.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return World()
    if not dist.is_initialized():
        if device.type == "cuda":
            dist.init_process_group("nccl", timeout=PATIENCE, device_id=device)
        else:
            dist.init_process_group("gloo", timeout=PATIENCE)
    return World(dist.get_rank(), dist.get_world_size())
