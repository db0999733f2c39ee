"""The mean of the weights of several checkpoints (as in Izmailov et al. 2018, arXiv 1803.05407, of one course)."""

from pathlib import Path

import torch

from pairsmith.trainer.checkpoint import last, weights_of
from pairsmith.trainer.recipe import Recipe


def averaged(out: Path, recipe: Recipe) -> tuple[list[int], dict[str, torch.Tensor]]:
    """The last steps with a checkpoint, as many as the recipe wants, and the mean of their weights; the sum is in float64."""
    taken = last(out, recipe)
    sums: dict[str, torch.Tensor] = {}
    for step in taken:
        for name, value in weights_of(out, step).items():
            sums[name] = sums.get(name, torch.zeros_like(value, dtype=torch.float64)) + value
    return taken, {name: (value / len(taken)).float() for name, value in sums.items()}
