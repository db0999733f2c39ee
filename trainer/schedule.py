"""The learning rate of each step: a linear rise, then a linear fall to zero."""

from pairsmith.trainer.recipe import Recipe

_RISE = 0.1
"""Most of all steps that may rise: of a short training a fixed number would leave nothing (the paper has 100 of 1,000)."""


def learning_rate(number: int, steps: int, recipe: Recipe) -> float:
    """That of step ``number`` of ``steps``, from 1; the largest is the recipe's, and only after the last step would it be 0."""
    rise = min(recipe.warmup, int(steps * _RISE))
    if number <= rise:
        return recipe.learning_rate * number / rise
    return recipe.learning_rate * (steps - number + 1) / (steps - rise)
