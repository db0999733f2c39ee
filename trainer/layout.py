"""Micro-batches: texts of like length run together, as many as the token budget holds."""

import numpy as np


def cut(lengths: np.ndarray, tokens: int, layout: str) -> list[np.ndarray]:
    """Indices of the micro-batches, longest texts first, so that memory runs out in the first one or in none.

    ``lengths``: tokens of each text. Each micro-batch runs at most ``tokens`` tokens, counted as they are run:
    ``padded``: the longest times the count, ``packed``: the sum. A text longer than that runs alone. Ties keep the
    order of the texts, so the same lengths are always cut alike.
    """
    order = np.argsort(-lengths, kind="stable")
    falling = lengths[order].astype(np.int64)
    ends = np.cumsum(falling)
    parts: list[np.ndarray] = []
    start = 0
    while start < len(order):
        if layout == "packed":
            before = ends[start - 1] if start else 0
            stop = int(np.searchsorted(ends, before + tokens, side="right"))
        else:
            stop = start + tokens // max(int(falling[start]), 1)
        stop = max(stop, start + 1)
        parts.append(order[start:stop])
        start = stop
    return parts


def run_tokens(lengths: np.ndarray, layout: str) -> int:
    """Tokens that one micro-batch of these lengths runs, padding included."""
    return int(lengths.sum() if layout == "packed" else lengths.max(initial=0) * len(lengths))
