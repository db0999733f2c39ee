"""From one vector a token to one vector a text; sums are taken in float32, or in float64 where the model is."""

import torch


def pool_padded(hidden: torch.Tensor, lengths: torch.Tensor, pooling: str) -> torch.Tensor:
    """(n, longest, d) states of texts padded on the right -> (n, d). ``lengths`` (n,): tokens of each text, at least 1."""
    if pooling == "cls":
        return _wide(hidden[:, 0])
    if pooling == "last":
        return _wide(hidden[torch.arange(len(hidden), device=hidden.device), lengths - 1])
    real = torch.arange(hidden.shape[1], device=hidden.device) < lengths[:, None]
    summed = torch.where(real[:, :, None], _wide(hidden), 0).sum(1)
    return summed / lengths[:, None]


def pool_packed(hidden: torch.Tensor, lengths: torch.Tensor, pooling: str) -> torch.Tensor:
    """(tokens, d) states of texts end to end -> (n, d). ``lengths`` (n,): tokens of each text, at least 1."""
    if pooling == "mean":  # unlike index_add, the same bits on every run on a GPU too
        summed: torch.Tensor = torch.segment_reduce(_wide(hidden), "sum", lengths=lengths, axis=0)
        return summed / lengths[:, None]
    ends = lengths.cumsum(0)
    return _wide(hidden[ends - lengths if pooling == "cls" else ends - 1])


def _wide(states: torch.Tensor) -> torch.Tensor:
    return states if states.dtype == torch.float64 else states.float()
