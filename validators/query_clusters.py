"""Which queries are equal or near-duplicates, directly or through others, whatever their task.

As gate ``duplicates`` has it, near means Jaccard of token 3-grams. The gate asks which rows repeat another one and lets short
queries stand that differ by a word; here the question is which ones a model would know from training on the other, so
tasks play no part and all queries of :data:`~pairsmith.validators.similarity.SHINGLE` words and more are compared.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pairsmith.factory.records import PAIRS
from pairsmith.validators.minhash import Bands
from pairsmith.validators.near_sets import NearSets
from pairsmith.validators.similarity import SHINGLE
from pairsmith.validators.sketch import sketch
from pairsmith.validators.sketches import Ranks, Sketches
from pairsmith.validators.twins import Twins

_VIEW = "pair"  # that of a sketch which knows no task; the positive is left empty, so that it is one of the query alone
_BANDS = Bands(1, 1)  # none are wanted: near queries are found by their shingles


class QueryClusters(NamedTuple):
    """For each query, in the order of the sketches, the place of the one that its cluster is named by: the longest, of
    these the one with the smallest id. ``same``: of equal queries (folded); ``near``: of near-duplicates too."""

    same: Ranks
    near: Ranks


def sketch_queries(rows: pa.Table) -> pa.Table:
    """The sketches of queries. ``rows``: columns ``id`` and ``query``."""
    nothing = pa.repeat("", len(rows))
    given = {"id": rows["id"], "query": rows["query"], "negatives": pa.array([[]] * len(rows), pa.list_(pa.string()))}
    names = ("id", "request_id", "instruction", "query", "positive", "negatives", "query_language", "document_language")
    schema = pa.schema([PAIRS.field(name) for name in names])
    return sketch(pa.table({name: given.get(name, nothing) for name in names}, schema=schema), _BANDS, SHINGLE)


def cluster_queries(sketches: Sequence[Path | pa.Table], threshold: float) -> QueryClusters:
    """The clusters of the queries of all ``sketches`` (Arrow IPC files, or tables). Keeps some 60 bytes a query in memory."""
    found = Sketches(sketches, len(sketches))
    ranks: Ranks = np.concatenate([np.empty(0, np.uint32), *(ranks for _, ranks in found)])
    twins = Twins(found, _VIEW, threshold)
    twins.find_equal()
    names = twins.clusters.find(ranks)
    near = NearSets(found, found.by_rank(f"{_VIEW}_tokens", np.int32), threshold)
    near.link(np.unique(names), twins.clusters, lambda left, right, _: twins.clusters.join(left, right))
    return QueryClusters(found.rows(names), found.rows(twins.clusters.find(ranks)))
