"""The two charts of a report that show distributions: lengths found by what was asked, and language scores."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.curation.sample import stratified
from pairsmith.report_verdicts import SCORED

BOXES = 24
DOTS = 40
TICKS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)  # words
ASKED = ["id", "group", "num_words", "query_length"]


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


def lengths(scored: pa.Table, candidates: pa.Table) -> tuple[list[Box], list[tuple[float, int]]]:
    """Boxes of lengths found by what was asked, and the ticks of their axis (position in percent, words).

    ``scored``: see :class:`pairsmith.report_verdicts.Said`; ``candidates``: their columns :data:`ASKED`.
    """
    rows = _with_what_was_asked(scored, candidates)
    if not rows.num_rows:
        return [], []
    longest = max(pc.max(rows["score"]).as_py(), 10)
    counted = rows.group_by(["group", "field", "asked"]).aggregate([("threshold", "mean"), ("score", "count")])
    kinds = sorted(counted.to_pylist(), key=lambda kind: (-kind["score_count"], _row_of_chart(kind)))[:BOXES]
    ticks = [(_place(words, longest), words) for words in TICKS if words <= longest]
    return [_box(kind, rows, longest) for kind in sorted(kinds, key=_row_of_chart)], ticks


def language_scores(counts: npt.NDArray[np.int64]) -> list[dict[str, int]]:
    """Texts by the language gate's score (0 to 1) and verdict, where the score is the probability of the claim.

    ``counts``: see :class:`pairsmith.report_verdicts.Said`.
    """
    return [dict(zip(SCORED, each, strict=True)) for each in counts.T.tolist()] if counts.any() else []


def _with_what_was_asked(scored: pa.Table, candidates: pa.Table) -> pa.Table:
    """The scored texts of candidates of which a length was asked: ``rank, group, field, asked, score, threshold, stays``.

    ``rank`` is the place of the row's id among all ids in order; strings are dictionaries: there are few different ones.
    """
    ids = candidates["id"].combine_chunks()
    place = pc.index_in(scored["id"], value_set=ids)
    scored, place = scored.filter(pc.is_valid(place)), place.drop_null().combine_chunks()
    of_query = pc.if_else(
        pc.equal(candidates["group"], "short_long"), candidates["query_length"], candidates["num_words"]
    )
    asked = pa.chunked_array([*of_query.chunks, *candidates["num_words"].chunks], pa.string()).combine_chunks()
    other = pc.if_else(pc.equal(scored["field"], "query"), 0, len(ids)).combine_chunks()
    rank = np.empty(len(ids), np.int32)
    rank[pc.sort_indices(ids).to_numpy()] = np.arange(len(ids), dtype=np.int32)
    columns = {
        "rank": pa.array(rank).take(place),
        "group": candidates["group"].combine_chunks().dictionary_encode().take(place),
        "field": scored["field"].combine_chunks().dictionary_encode(),
        "asked": asked.dictionary_encode().take(pc.add(place, other)),
        **{name: scored[name] for name in ("score", "threshold", "stays")},
    }
    rows = pa.table(columns)
    return rows.filter(pc.is_valid(rows["asked"]))


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
    dots = stratified(mine, ["stays"], DOTS, by="rank").select(["score", "stays"]).to_pylist()
    bound = kind["threshold_mean"]
    return Box(
        kind["group"],
        kind["field"],
        kind["asked"],
        mine.num_rows,
        pc.sum(pc.invert(mine["stays"])).as_py(),
        float(quantiles[2]),
        tuple(_place(value, longest) for value in quantiles.tolist()),
        None if bound is None else _place(bound, longest),
        [(_place(dot["score"], longest), not dot["stays"]) for dot in dots],
    )
