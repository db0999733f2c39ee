"""The mean of the weights of several checkpoints (as in Izmailov et al. 2018, arXiv 1803.05407, of one course)."""

from pathlib import Path

import torch

from pairsmith.trainer.checkpoint import steps, weights_of


def averaged(out: Path, count: int) -> tuple[list[int], dict[str, torch.Tensor]]:
    """The newest ``count`` steps with a checkpoint, and the mean of their weights; the sum is taken in float64."""
    taken = steps(out)[-count:]
    sums: dict[str, torch.Tensor] = {}
    for step in taken:
        for name, value in weights_of(out, step).items():
            sums[name] = sums.get(name, torch.zeros_like(value, dtype=torch.float64)) + value
    return taken, {name: (value / len(taken)).float() for name, value in sums.items()}
