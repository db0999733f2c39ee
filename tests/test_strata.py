"""Samples compared kind by kind: against one rank sum, and in what must hold for any kinds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.curation.strata import alike
from pairsmith.curation.two_samples import aligned, rank_sum

COUNTS = st.dictionaries(st.integers(1, 30), st.integers(1, 9), min_size=1, max_size=8)
KINDS = st.dictionaries(st.sampled_from("abcd"), COUNTS, max_size=4)


def lengths(middle: float, rows: int, random: np.random.Generator, spread: float = 0.4) -> dict[int, int]:
    drawn = np.exp(random.normal(np.log(middle), spread, rows)).round().astype(int)
    return dict(zip(*(part.tolist() for part in np.unique(drawn, return_counts=True)), strict=True))


@given(COUNTS, COUNTS)
def test_of_one_kind_the_test_is_that_of_one_rank_sum(sample, other):
    _, first, second = aligned(sample, other)
    found, ranks = alike({"a": sample}, {"a": other}), rank_sum(first, second)
    assert found.log_chance == pytest.approx(ranks.log_chance)
    assert found.more == pytest.approx(ranks.excess / (first.sum() * second.sum())) and -0.5 <= found.more <= 0.5


@given(KINDS, KINDS)
def test_the_samples_may_change_places(sample, other):
    found, turned = alike(sample, other), alike(other, sample)
    assert found.log_chance == pytest.approx(turned.log_chance, abs=1e-9)
    assert (1 + found.shift) * (1 + turned.shift) == pytest.approx(1)
    assert found.more == pytest.approx(-turned.more)


@given(KINDS, st.dictionaries(st.sampled_from("abcd"), st.integers(1, 20)))
def test_how_often_each_kind_was_asked_for_makes_no_difference(sample, times):
    other = {kind: {value: count * times.get(kind, 1) for value, count in sample[kind].items()} for kind in sample}
    found = alike(sample, other)
    assert found[:2] == pytest.approx((0, 0), abs=1e-9) and found.log_chance > np.log(0.5)


def test_kinds_that_one_sample_lacks_tell_nothing():
    assert alike({"a": {3: 9}}, {"b": {50: 9}}) == alike({}, {}) == alike({"a": {}}, {"a": {3: 1}}) == (0, 0, 0)


def test_a_shift_is_seen_that_the_spread_between_kinds_hides():
    random = np.random.default_rng(0)
    middles = {"phrase": 30, "sentence": 90, "passage": 230}
    was, now = (
        {kind: lengths(middle * longer, 300, random) for kind, middle in middles.items()} for longer in (1, 1.1)
    )
    together = [{value: count for kind in one.values() for value, count in kind.items()} for one in (was, now)]
    assert alike(was, now).log_chance < np.log(1e-4) < rank_sum(*aligned(*together)[1:]).log_chance
    assert alike(was, now).shift == pytest.approx(0.1, abs=0.05) and alike(was, now).more > 0.03


def test_many_small_kinds_raise_alarms_as_often_as_they_may():
    random = np.random.default_rng(1)
    chances = []
    for _ in range(3000):
        sizes = random.integers(1, 6, (2, 12)).tolist()
        was, now = ({str(kind): lengths(20, rows, random) for kind, rows in enumerate(one)} for one in sizes)
        chances.append(alike(was, now).log_chance)
    for level in (0.05, 0.01):
        assert 0.5 * level < np.mean(np.array(chances) <= np.log(level)) < 1.5 * level
