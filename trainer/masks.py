"""Which candidates are no negatives of a query, told by texts, labels and documents before anything is embedded.

Candidates of a step of b rows: the b positives, then all hard negatives, row after row. Own positives are never blocked.
"""

from collections.abc import Sequence

import numpy as np

from pairsmith.trainer.batches import Batch
from pairsmith.trainer.recipe import Recipe


def blocked(batch: Batch, recipe: Recipe) -> np.ndarray:
    """Boolean (b, m): true where the candidate is no negative of the row's query (nor its positive)."""
    rows = len(batch.queries)
    owner = owners(batch)
    own = owner[None, :] == np.arange(rows)[:, None]
    mask = np.zeros((rows, len(owner)), bool)
    if recipe.mask_same_text:
        mask |= _same_text(batch)
    if recipe.mask_same_label:
        mask[:, :rows] |= _same(batch.labels)
    if recipe.mask_same_document:
        mask[:, :rows] |= _same(batch.documents)
    alone = np.array([group in recipe.alone for group in batch.groups], bool)
    mask |= alone[:, None] & ~own
    mask[np.arange(rows), np.arange(rows)] = False
    return mask


def owners(batch: Batch) -> np.ndarray:
    """Row of each candidate, (m,)."""
    negatives = [row for row, texts in enumerate(batch.negatives) for _ in texts]
    return np.array([*range(len(batch.queries)), *negatives], np.int64)


def _same_text(batch: Batch) -> np.ndarray:
    """Where a candidate reads like the row's positive, or like its query with or without the instruction."""
    numbers: dict[str, int] = {}
    candidates = [*batch.positives, *(text for texts in batch.negatives for text in texts)]
    places = _numbers(candidates, numbers)[None, :]
    asked = [_numbers(texts, numbers)[:, None] for texts in (batch.positives, batch.queries, batch.plain)]
    same: np.ndarray = (places == asked[0]) | (places == asked[1]) | (places == asked[2])
    return same


def _same(values: Sequence[str | None]) -> np.ndarray:
    """(b, b): where both are known and equal."""
    numbers: dict[str, int] = {}
    known = np.array([value is not None for value in values], bool)
    places = _numbers([value or "" for value in values], numbers)
    same: np.ndarray = (places[:, None] == places[None, :]) & known[:, None] & known[None, :]
    return same


def _numbers(texts: Sequence[str], numbers: dict[str, int]) -> np.ndarray:
    return np.array([numbers.setdefault(text, len(numbers)) for text in texts], np.int64)
