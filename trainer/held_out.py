"""What training did to texts that it has not seen: each held-out query looks for its positive among all held-out documents.

The documents are every positive and negative of the split, so the figures of two models compare on the same data only.
They say how well the model fits this data, not how it does elsewhere: that takes a benchmark.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from pairsmith.trainer.batches import batch_of
from pairsmith.trainer.vectors import QUANTISED, Quantised, quantise, restored, unit

Embed = Callable[[list[str]], np.ndarray]
"""Texts -> (n, d) floats."""

LARGEST = 2_000
"""Queries at most, evenly spread over the split: a share of 2,000 is known to 0.02 or better, and it takes minutes."""

TOP = 10
_BLOCK = 2**24  # similarities in memory at once: 64 MB


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Figures(_Strict):
    """Means over ``queries``. ``ndcg``: at 10; ``recall``: at 1, queries whose first document is a right one."""

    queries: int
    ndcg: float
    recall: float


class HeldOutScores(_Strict):
    """``groups``: by group of the query, among all documents; ``dimensions``: cut to these leading ones; ``quantised``: both
    sides as integers, without a second look at the full vectors."""

    documents: int
    whole: Figures
    groups: dict[str, Figures]
    dimensions: dict[int, Figures]
    quantised: dict[Quantised, Figures]


@dataclass(frozen=True)
class HeldOut:
    """``queries`` and ``documents``: texts as the model reads them, each once; ``right``: indices of the documents that a
    query should find; ``groups``: of each query."""

    queries: list[str]
    documents: list[str]
    right: list[list[int]]
    groups: list[str]


def held_out(rows: pa.Table) -> HeldOut:
    """The task that rows of a split make (schema :data:`pairsmith.trainer.data.TRAINING`); a query that several rows ask has
    several right documents."""
    if rows.num_rows > LARGEST:
        rows = rows.take(np.linspace(0, rows.num_rows - 1, LARGEST).astype(np.int64))
    most = max((len(texts) for texts in rows["negatives"].to_pylist()), default=0)
    batch = batch_of(rows, most)
    documents = dict.fromkeys([*batch.positives, *(text for texts in batch.negatives for text in texts)])
    places = {text: place for place, text in enumerate(documents)}
    right: dict[str, list[int]] = {}
    groups: dict[str, str] = {}
    for query, positive, group in zip(batch.queries, batch.positives, batch.groups, strict=True):
        found = right.setdefault(query, [])
        groups.setdefault(query, group)
        if places[positive] not in found:
            found.append(places[positive])
    return HeldOut(list(right), list(documents), list(right.values()), list(groups.values()))


def score(task: HeldOut, embed: Embed, dimensions: Sequence[int] = ()) -> HeldOutScores:
    """Embed all texts of the task once, and score them whole, cut to each of ``dimensions``, and quantised."""
    queries, documents = embed(task.queries), embed(task.documents)
    whole = unit(queries), unit(documents)
    gains = _gains(*whole, task.right)
    return HeldOutScores(
        documents=len(task.documents),
        whole=_figures(gains),
        groups={group: _figures(gains[[each == group for each in task.groups]]) for group in sorted(set(task.groups))},
        dimensions={cut: _figures(_gains(unit(queries, cut), unit(documents, cut), task.right)) for cut in dimensions},
        quantised={kind: _figures(_gains(*_rounded(whole, kind), task.right)) for kind in QUANTISED},
    )


def _rounded(sides: tuple[np.ndarray, np.ndarray], kind: Quantised) -> tuple[np.ndarray, np.ndarray]:
    queries, documents = (restored(quantise(side, kind), kind, side.shape[1]) for side in sides)
    return queries, documents


def _figures(gains: np.ndarray) -> Figures:
    ndcg, recall = gains.mean(axis=0) if len(gains) else (0.0, 0.0)
    return Figures(queries=len(gains), ndcg=round(float(ndcg), 4), recall=round(float(recall), 4))


def _gains(queries: np.ndarray, documents: np.ndarray, right: list[list[int]]) -> np.ndarray:
    """(n, 2): nDCG@10 and recall@1 of each query; all documents' vectors are of one length."""
    size = max(1, _BLOCK // max(1, len(documents)))
    found = []
    for start in range(0, len(queries), size):
        block = queries[start : start + size] @ documents.T
        found += [_gain(*pair) for pair in zip(block, right[start : start + size], strict=True)]
    return np.array(found, np.float64).reshape(-1, 2)


def _gain(similarities: np.ndarray, right: list[int]) -> tuple[float, float]:
    """A wrong document that is as similar as a right one counts as before it: who can't tell them apart gains nothing."""
    ours = np.sort(similarities[right])[::-1]
    wrong = np.delete(similarities, right)
    ranks = np.arange(1, len(ours) + 1) + (wrong[:, None] >= ours).sum(axis=0)
    worth = np.where(ranks <= TOP, 1 / np.log2(1 + ranks), 0).sum()
    best = (1 / np.log2(1 + np.arange(1, min(len(ours), TOP) + 1))).sum()
    return float(worth / best), float(ranks[0] == 1)
