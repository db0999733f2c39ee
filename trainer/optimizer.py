"""AdamW over the trained weights (Loshchilov and Hutter 2019, arXiv 1711.05101), and its state as plain tensors."""

from collections.abc import Mapping

import torch

from pairsmith.trainer.recipe import Recipe

_BETAS = (0.9, 0.999)  # torch's and the usual ones; the paper states none
_EPS = 1e-8
_PARTS = ("exp_avg", "exp_avg_sq", "step")


class Optimizer:
    """Updates ``weights`` (name -> float32 parameter, in a fixed order) from their ``grad``."""

    def __init__(self, weights: Mapping[str, torch.nn.Parameter], recipe: Recipe) -> None:
        self._weights = dict(weights)
        self._clip = recipe.clip
        self._adam = torch.optim.AdamW(
            self._weights.values(), recipe.learning_rate, _BETAS, _EPS, weight_decay=recipe.weight_decay
        )

    def clip(self) -> float:
        """Scale the gradient down to the recipe's largest norm; returns the norm that it had."""
        return float(torch.nn.utils.clip_grad_norm_(self._weights.values(), self._clip).item())

    def step(self, learning_rate: float) -> None:
        """Update the weights, and forget the gradient."""
        for group in self._adam.param_groups:
            group["lr"] = learning_rate
        self._adam.step()
        self._adam.zero_grad(set_to_none=True)

    def state(self) -> dict[str, torch.Tensor]:
        """``<weight>:<part>`` -> tensor, on the CPU; empty before the first step."""
        found = ((name, self._adam.state[weight]) for name, weight in self._weights.items())
        return {f"{name}:{part}": mine[part].detach().cpu() for name, mine in found if mine for part in _PARTS}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from what :meth:`state` gave."""
        for name, weight in self._weights.items():
            mine = {part: state[f"{name}:{part}"] for part in _PARTS}
            # A step count stays on the CPU, as the optimizer itself keeps it.
            self._adam.state[weight] = {
                part: value.clone() if part == "step" else value.to(weight.device, copy=True)
                for part, value in mine.items()
            }
