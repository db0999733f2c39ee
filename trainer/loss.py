"""InfoNCE on the cosine, with in-batch and hard negatives (Wang et al. 2024, arXiv 2401.00368, equation 1).

``-log(exp(cos(q, d+) / t) / sum over d+ and all negatives of exp(cos(q, d) / t))``, mean over the queries.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch.nn.functional import cross_entropy, normalize


class Loss(NamedTuple):
    """``value``: scalar with gradient. ``margin``: mean cosine of the positive less that of the strongest negative; ``hits``:
    share of queries whose positive is nearest; ``masked``: share of the other candidates that are no negatives."""

    value: torch.Tensor
    margin: float
    hits: float
    masked: float


def info_nce(
    queries: torch.Tensor,
    candidates: torch.Tensor,
    blocked: torch.Tensor,
    temperature: float,
    margin: float | None = None,
    dimensions: Sequence[int] = (),
) -> Loss:
    """Queries (b, d), candidates (m, d), blocked (b, m) bool; the positive of query i is candidate i.

    With ``margin``, candidates whose cosine is above the positive's by more than it are blocked too (Moreira et al. 2024,
    arXiv 2407.15831). With ``dimensions``, the mean of the losses on all and on each number of leading dimensions
    (Matryoshka, Kusupati et al. 2022, arXiv 2205.13147). The figures beside the loss are those on all dimensions.
    """
    rows = torch.arange(len(queries), device=queries.device)

    def on(size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        cosine = normalize(queries[:, :size], dim=-1) @ normalize(candidates[:, :size], dim=-1).T
        closed = blocked if margin is None else blocked | _too_close(cosine.detach(), rows, margin)
        return cross_entropy((cosine / temperature).masked_fill(closed, -torch.inf), rows), cosine.detach(), closed

    whole, cosine, closed = on(queries.shape[1])
    return Loss(torch.stack([whole, *(on(size)[0] for size in dimensions)]).mean(), *_figures(cosine, closed, rows))


def _too_close(cosine: torch.Tensor, rows: torch.Tensor, margin: float) -> torch.Tensor:
    close = cosine > cosine[rows, rows][:, None] + margin
    close[rows, rows] = False
    return close


def _figures(cosine: torch.Tensor, closed: torch.Tensor, rows: torch.Tensor) -> tuple[float, float, float]:
    """Margin, hits and masked share; a query without any negative counts as a hit with no margin."""
    positive = cosine[rows, rows]
    others = cosine.masked_fill(closed, -torch.inf)
    others[rows, rows] = -torch.inf
    strongest = others.max(dim=1).values
    seen = strongest.isfinite()
    margin = (positive - strongest)[seen].mean().item() if seen.any() else 0.0
    return (
        margin,
        (positive > strongest).double().mean().item(),
        closed.sum().item() / max(1, closed.numel() - len(rows)),
    )
