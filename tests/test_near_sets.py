"""Near-duplicate queries: their clusters are those of the plain definition, none is missed."""

import itertools
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith.factory.text import fold, jaccard, shingles, tokens
from pairsmith.validators import near_sets, shared_keys
from pairsmith.validators.characters import slices
from pairsmith.validators.clusters import Clusters
from pairsmith.validators.digests import digests
from pairsmith.validators.near_sets import NearSets
from pairsmith.validators.query_clusters import cluster_queries, sketch_queries
from pairsmith.validators.sketches import Ranks, Sketches

WORDS = st.sampled_from(["a", "b", "c", "d", "É", "的", "!"])
QUERIES = st.lists(st.lists(WORDS, max_size=9).map(" ".join) | st.text(max_size=12), min_size=1, max_size=25)


def clusters(queries: list[str], threshold: float) -> list[int]:
    ids = [f"{number:04}" for number in range(len(queries))]
    return cluster_queries([sketch_queries(pa.table({"id": ids, "query": queries}))], threshold).near.tolist()


def plain(queries: list[str], threshold: float) -> list[int]:
    """The number of each query's cluster, by the definition."""
    return near(queries, threshold, lambda one, two: fold(one) == fold(two))


def near(queries: list[str], threshold: float, also: Callable[[str, str], bool] = lambda one, two: False) -> list[int]:
    grams = [set(shingles(tokens(query), 3)) if len(tokens(query)) > 2 else set() for query in queries]
    names = list(range(len(queries)))
    for one, two in itertools.combinations(range(len(queries)), 2):
        alike = grams[one] and grams[two] and jaccard(grams[one], grams[two]) >= threshold
        if alike or also(queries[one], queries[two]):
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
        patch.setattr(shared_keys, "_PAIRS", 7)
        patch.setattr(shared_keys, "NEIGHBOURS", 1)
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


@settings(max_examples=20)
@given(QUERIES, st.data())
def test_texts_of_two_scopes_are_never_near(queries: list[str], data: st.DataObject) -> None:
    scopes = data.draw(st.lists(st.integers(0, 2), min_size=len(queries), max_size=len(queries)))
    ids = [f"{number:04}" for number in range(len(queries))]
    found = Sketches([sketch_queries(pa.table({"id": ids, "query": queries}))], 1)
    clusters, ranks = Clusters(len(found)), np.arange(len(found), dtype=np.uint32)
    of = digests(slices([str(scope) for scope in scopes]))[:, 0][found.rows(ranks)]
    NearSets(found, found.by_rank("pair_tokens", np.int32), 0.5, of).link(
        ranks, clusters, lambda left, right, _: clusters.join(left, right)
    )
    names = np.empty(len(queries), np.int64)
    names[found.rows(ranks)] = clusters.find(ranks)
    wanted = [-1] * len(queries)
    for scope in range(3):
        mine = [number for number, other in enumerate(scopes) if other == scope]
        for number, name in zip(mine, near([queries[one] for one in mine], 0.5), strict=True):
            wanted[number] = mine[name]
    assert same_clusters(names.tolist(), wanted)


def test_the_bits_and_places_of_sets_leave_few_pairs_to_be_compared_where_all_share_a_frame() -> None:
    """Of 2,000 texts with one frame, whose ten other words are of 20, each has 1,000 others of which it shares a word."""
    random = np.random.default_rng(5)
    frame = [f"f{number}" for number in range(60)]
    queries = []
    for _ in range(2_000):
        words = list(frame)
        words[3:60:6] = random.choice(20, 10).astype(str)
        queries.append(" ".join(words))
    compared = []

    def counted(self: NearSets, left: Ranks, right: Ranks) -> np.ndarray:
        compared.append(len(left))
        return similarity(self, left, right)

    similarity = NearSets._similarity
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NearSets, "_similarity", counted)
        clusters(queries, 0.7)
    assert sum(compared) < 10 * len(queries)
