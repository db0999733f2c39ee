"""Components and similarities of many pairs at once are those of the plain definitions."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from plain import without_numba

from pairsmith.factory import text as definition
from pairsmith.validators.clusters import Clusters
from pairsmith.validators.similarity import jaccards, sets
from pairsmith.validators.tokens import Ragged

PAIRS = st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40)


@given(st.lists(PAIRS, max_size=3))
def test_each_member_is_named_by_the_smallest_one_of_its_component(steps: list[list[tuple[int, int]]]) -> None:
    name = list(range(30))
    clusters = Clusters(30)
    for pairs in steps:
        for left, right in pairs:
            low, high = sorted((name[left], name[right]))
            name = [low if one == high else one for one in name]
        clusters.join(*np.array(pairs, np.int64).reshape(-1, 2).T)
        assert clusters.find(np.arange(30)).tolist() == name


@given(st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=20), min_size=1, max_size=8), st.data())
def test_similarity_is_the_shared_share_of_two_sets(texts: list[list[int]], data: st.DataObject) -> None:
    place = st.integers(0, len(texts) - 1)
    left, right = np.array(data.draw(st.lists(st.tuples(place, place), min_size=1))).T
    ragged = Ragged(np.concatenate(texts).astype(np.uint64) << np.uint64(40), np.cumsum([0, *map(len, texts)]))
    found = jaccards(sets(ragged), left, right)
    wanted = [definition.jaccard(*(set(map(str, texts[at])) for at in pair)) for pair in zip(left, right, strict=True)]
    assert found.tolist() == wanted
    with without_numba():
        assert jaccards(sets(ragged), left, right).tolist() == wanted
