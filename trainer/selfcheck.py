"""Before training: does the chosen layout give what one text at a time gives? A leak between texts is silent otherwise.

Embeddings and gradients are compared, with texts of very different length side by side: there a leak weighs most.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

from pairsmith.factory.errors import InputError, RunError

if TYPE_CHECKING:
    from pairsmith.trainer.encoder import Encoder

# Largest relative difference that is rounding. Measured on 32 random blocks: 2e-5 in float32, 0.015 in bfloat16; known
# leaks differ by more than 0.3. Norms compute in float32 even in a float64 model.
TOLERANCE = {torch.float64: 1e-4, torch.float32: 1e-3, torch.bfloat16: 0.1}
SAMPLE = 8
PROBE = "what a text says must not depend on which other texts happen to run beside it in memory"
PROBE_TOKENS = 1_024  # more than the probe has in any tokenizer
FAULTS = (TypeError, ValueError, KeyError, IndexError, RuntimeError)  # NotImplementedError is a RuntimeError


def check_layout(encoder: "Encoder", texts: list[str], budget: int) -> float:
    """Compare the encoder's layout with one text at a time on a few of ``texts``; the largest relative difference.

    They run as one micro-batch of at most ``budget`` tokens, or of two texts. Call it before the first step: gradients
    are cleared. Raises :class:`RunError` when the difference is more than the rounding of the model's numbers, or not finite.
    """
    tokens = sample(encoder.tokenize(texts), budget)
    found = difference(encoder, tokens)
    most = TOLERANCE[next(encoder.model.parameters()).dtype]
    if not math.isfinite(found):
        raise RunError(
            f"{encoder.name}: an embedding or a gradient of it is no finite number before the first step; look at the model's "
            "weights, or set 'precision: fp32'"
        )
    if found > most:
        raise RunError(
            f"{encoder.name}: the {encoder.layout} layout differs from one text at a time by {found:.1%} "
            f"(rounding explains {most:.1%}): texts would leak into each other; train with --set layout="
            f"{'padded' if encoder.layout == 'packed' else 'packed'}, and please report this model"
        )
    return found


def difference(encoder: "Encoder", tokens: list[np.ndarray]) -> float:
    """Largest relative difference of any embedding, and of the whole gradient, to one text at a time."""
    with _no_dropout(encoder.model):
        together, gradient = _pass(encoder, [encoder.embed(tokens)])
        alone, expected = _pass(encoder, [encoder.embed_alone(ids) for ids in tokens])
    apart = ((together - alone).norm(dim=1) / alone.norm(dim=1)).max()
    return float(torch.maximum(apart, (gradient - expected).norm() / expected.norm()))


def choose_layout(encoder: "Encoder", wanted: str) -> str:
    """`packed` where it is exact for this model, else `padded`; a layout asked for by name is taken or refused.

    Raises :class:`InputError` when `packed` is asked for and the model cannot run so.
    """
    if wanted == "padded":
        return wanted
    encoder.layout = "packed"
    try:
        check_layout(encoder, [PROBE, PROBE[:6], PROBE[:40], PROBE[:4]], PROBE_TOKENS)
    except (*FAULTS, RunError) as fault:
        if wanted == "packed":
            reason = " ".join(str(fault).split())[:200]
            raise InputError(f"{encoder.name}: cannot run packed: {reason}; set layout to padded") from fault
        return "padded"
    return "packed"


def sample(tokens: list[np.ndarray], budget: int) -> list[np.ndarray]:
    """A few of all lengths, the longest and the shortest among them, long and short in turn.

    Padded to the longest they are no more than ``budget`` tokens, unless two alone are.
    """
    rising = sorted(tokens, key=len)
    count = min(SAMPLE, len(rising), max(2, budget // len(rising[-1])))
    places = np.unique(np.linspace(0, len(rising) - 1, count).astype(int))
    half = (len(places) + 1) // 2
    order = [place for pair in zip(places[::-1][:half], places[:half], strict=True) for place in pair]
    return [rising[place] for place in dict.fromkeys(order)]


@contextmanager
def _no_dropout(model: torch.nn.Module) -> Iterator[None]:
    """All else stays as in training: recomputed blocks are checked too."""
    active = [module for module in model.modules() if isinstance(module, torch.nn.Dropout) and module.training]
    for module in active:
        module.eval()
    try:
        yield
    finally:
        for module in active:
            module.train()


def _pass(encoder: "Encoder", parts: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """The embeddings, and the gradient of a fixed random projection of them, as one vector."""
    whole = torch.cat(parts)
    weights = torch.randn(whole.shape, generator=torch.Generator().manual_seed(0), dtype=whole.dtype)
    whole.backward(weights.to(whole.device))
    gradient = torch.cat([_flat(weight) for weight in encoder.trained.values()])
    for weight in encoder.trained.values():
        weight.grad = None
    return whole.detach(), gradient


def _flat(weight: torch.nn.Parameter) -> torch.Tensor:
    return torch.zeros_like(weight).flatten() if weight.grad is None else weight.grad.flatten()
