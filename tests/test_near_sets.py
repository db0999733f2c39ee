"""Near-duplicate queries: their clusters are those of the plain definition, none is missed."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith.factory.text import fold, jaccard, shingles, tokens
from pairsmith.validators import near_sets
from pairsmith.validators.query_clusters import cluster_queries, sketch_queries

WORDS = st.sampled_from(["a", "b", "c", "d", "É", "的", "!"])
QUERIES = st.lists(st.lists(WORDS, max_size=9).map(" ".join) | st.text(max_size=12), min_size=1, max_size=25)


def clusters(queries: list[str], threshold: float) -> list[int]:
    ids = [f"{number:04}" for number in range(len(queries))]
    return cluster_queries([sketch_queries(pa.table({"id": ids, "query": queries}))], threshold).near.tolist()


def plain(queries: list[str], threshold: float) -> list[int]:
    """The number of each query's cluster, by the definition."""
    grams = [set(shingles(tokens(query), 3)) if len(tokens(query)) > 2 else set() for query in queries]
    names = list(range(len(queries)))
    for one, two in itertools.combinations(range(len(queries)), 2):
        near = grams[one] and grams[two] and jaccard(grams[one], grams[two]) >= threshold
        if near or fold(queries[one]) == fold(queries[two]):
            names = [names[one] if name == names[two] else name for name in names]
    return names


def same_clusters(one: list[int], two: list[int]) -> bool:
    return len(set(zip(one, two, strict=True))) == len(set(one)) == len(set(two))


@settings(max_examples=20)
@given(QUERIES, st.sampled_from([0.05, 0.3, 0.5, 0.7, 0.75, 0.9, 1.0]))
def test_clusters_are_those_of_the_definition_for_any_queries_and_threshold(
    queries: list[str], threshold: float
) -> None:
    with pytest.MonkeyPatch.context() as patch:  # so little is held at once that these few queries take many pieces
        patch.setattr(near_sets, "_POSTINGS", 11)
        patch.setattr(near_sets, "_TOKENS", 29)
        assert same_clusters(clusters(queries, threshold), plain(queries, threshold))


def test_no_near_query_is_missed_among_many_that_begin_alike() -> None:
    """MinHash leaves ten of these 400 behind, since others that begin alike stand between them."""
    random = np.random.default_rng(7)
    begin = "what is the best way to find a good"
    endings = {1: 100, 2: 300, 3: 1000}
    queries = [
        " ".join([begin, *random.choice(99999, words).astype(str)])
        for words, count in endings.items()
        for _ in range(count)
    ]
    found = clusters(queries, 0.7)
    assert len(set(found[:400])) == 1, "one other word, or one and a further one"
    assert len(set(found[400:])) > 900, "three other words"
