"""The two charts of a report that show distributions: lengths found by what was asked, and language scores."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.sample import stratified

BOXES = 24
DOTS = 40
TICKS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)  # words
BINS = 20


@dataclass(frozen=True)
class Box:
    """Lengths found where the same was asked: quantiles 5, 25, 50, 75, 95 %, and dots for a sample of texts.

    Lengths are in words; ``at`` and the like are positions on the logarithmic axis, in percent of its width.
    """

    group: str
    field: str
    asked: str
    texts: int
    dropped: int
    median: float
    at: tuple[float, ...]
    bound: float | None
    dots: list[tuple[float, bool]]


def lengths(verdicts: pa.Table, candidates: pa.Table) -> tuple[list[Box], list[tuple[float, int]]]:
    """Boxes of lengths found by what was asked, and the ticks of their axis (position in percent, words)."""
    scored = verdicts.filter(pc.and_(pc.equal(verdicts["gate"], "length"), pc.is_valid(verdicts["score"])))
    rows = scored.select(["id", "field", "verdict", "score", "threshold"]).join(
        candidates.select(["id", "group", "num_words", "query_length"]), keys="id"
    )
    of_query = pc.and_(pc.equal(rows["group"], "short_long"), pc.equal(rows["field"], "query"))
    rows = rows.append_column("asked", pc.if_else(of_query, rows["query_length"], rows["num_words"]))
    rows = rows.filter(pc.is_valid(rows["asked"]))
    if not rows.num_rows:
        return [], []
    longest = max(pc.max(rows["score"]).as_py(), 10)
    counted = rows.group_by(["group", "field", "asked"]).aggregate([("threshold", "mean"), ("score", "count")])
    kinds = sorted(counted.to_pylist(), key=lambda kind: (-kind["score_count"], _row_of_chart(kind)))[:BOXES]
    ticks = [(_place(words, longest), words) for words in TICKS if words <= longest]
    return [_box(kind, rows, longest) for kind in sorted(kinds, key=_row_of_chart)], ticks


def language_scores(verdicts: pa.Table) -> list[dict[str, int]]:
    """Texts by the language gate's score (0 to 1) and verdict, where the score is the probability of the claim."""
    mine = verdicts.filter(pc.and_(pc.equal(verdicts["gate"], "language"), pc.is_valid(verdicts["score"])))
    mine = mine.filter(pc.invert(pc.is_in(mine["reason"], value_set=pa.array(["mixed_language", "wrong_script"]))))
    bins: list[dict[str, int]] = [{} for _ in range(BINS)]
    for verdict in ("keep", "unverified", "drop"):
        scores = mine.filter(pc.equal(mine["verdict"], verdict))["score"].to_numpy()
        counts, _ = np.histogram(np.clip(scores, 0, 1), bins=BINS, range=(0, 1))
        for number, count in enumerate(counts.tolist()):
            bins[number][verdict] = count
    return bins if mine.num_rows else []


def _row_of_chart(kind: dict[str, Any]) -> tuple[Any, ...]:
    """Group by group, the query first, then by the length that was asked for."""
    return kind["group"], kind["field"] != "query", kind["field"], kind["threshold_mean"] or 0, kind["asked"]


def _place(words: float, longest: float) -> float:
    """Position on the axis, in percent: logarithmic, from one word to the longest text."""
    return round(100 * math.log(max(words, 1)) / math.log(longest), 2)


def _box(kind: dict[str, Any], rows: pa.Table, longest: float) -> Box:
    same = pc.and_(pc.equal(rows["group"], kind["group"]), pc.equal(rows["field"], kind["field"]))
    mine = rows.filter(pc.and_(same, pc.equal(rows["asked"], kind["asked"])))
    quantiles = np.quantile(mine["score"].to_numpy(), (0.05, 0.25, 0.5, 0.75, 0.95))
    dots = stratified(mine, ["verdict"], DOTS, by="id").select(["score", "verdict"]).to_pylist()
    bound = kind["threshold_mean"]
    return Box(
        kind["group"],
        kind["field"],
        kind["asked"],
        mine.num_rows,
        pc.sum(pc.equal(mine["verdict"], "drop")).as_py(),
        float(quantiles[2]),
        tuple(_place(value, longest) for value in quantiles.tolist()),
        None if bound is None else _place(bound, longest),
        [(_place(dot["score"], longest), dot["verdict"] == "drop") for dot in dots],
    )
