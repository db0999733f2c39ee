"""One step by one of the processes that the environment names; the first writes loss and gradients to the file given."""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from test_step import batch_of, exact

from pairsmith.trainer.recipe import Recipe
from pairsmith.trainer.step import GradCache
from pairsmith.trainer.world import join


def main(model: str, target: str, budget: str) -> None:
    """A step of twelve rows in float64, with dropout."""
    recipe = Recipe(temperature=0.05, negatives=2, dropout=0.2, tokens=int(budget))
    world = join(torch.device("cpu"))
    encoder = exact(Path(model), recipe)
    result = GradCache(encoder, recipe, world, print).gradients(batch_of(12), 1)
    if world.first:
        told = {name: weight.grad for name, weight in encoder.trained.items()}
        save_file({**told, "loss": torch.tensor(result.loss, dtype=torch.float64)}, target)
    world.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
