"""Tests of two samples: against scipy's, against slow sums, and in what must hold for any samples."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, fisher_exact, hypergeom, ks_2samp, mannwhitneyu

from pairsmith.curation.two_samples import EXACT_BELOW, aligned, holm, kolmogorov, least_chance, rank_sum, shape, shares

SAMPLES = st.integers(1, 400).flatmap(lambda rows: st.tuples(st.integers(0, rows), st.just(rows)))
NUMBERS = st.lists(st.integers(1, 30), min_size=1, max_size=60)


def one(hits: int, rows: int, other_hits: int, other_rows: int) -> float:
    return float(shares(np.array([hits]), rows, np.array([other_hits]), other_rows)[0])


def rarest(sample: tuple[int, int], other: tuple[int, int]) -> float:
    """The fewest rows that are expected in one of the four cells."""
    (hits, rows), (other_hits, other_rows) = sample, other
    both, all_rows = hits + other_hits, rows + other_rows
    return min(both, all_rows - both) * min(rows, other_rows) / all_rows


def counted(numbers) -> dict[float, int]:
    return dict(zip(*(part.tolist() for part in np.unique(numbers, return_counts=True)), strict=True))


@given(SAMPLES, SAMPLES)
def test_a_rare_share_has_the_chance_of_fishers_exact_test(sample, other):
    (hits, rows), (other_hits, other_rows) = sample, other
    assume(rarest(sample, other) < EXACT_BELOW)
    table = [[hits, rows - hits], [other_hits, other_rows - other_hits]]
    tail = fisher_exact(table, alternative="greater" if hits * other_rows > other_hits * rows else "less").pvalue
    assert np.exp(one(hits, rows, other_hits, other_rows)) == pytest.approx(min(1, 2 * tail), rel=1e-6)


@pytest.mark.parametrize(("rows", "other_rows"), [(10_000, 10_000), (500, 1_000_000), (5_000, 50_000)])
@pytest.mark.parametrize("expected", [25, 60, 200])
def test_a_common_share_has_nearly_the_exact_chance_far_out_in_both_tails(rows, other_rows, expected):
    all_rows = rows + other_rows
    both = round(expected / min(rows, other_rows) * all_rows)
    for tail in (1e-3, 1e-5, 1e-7):
        for hits in hypergeom.isf([tail, 1 - tail], all_rows, both, rows).astype(int):
            exact = 2 * min(hypergeom.sf(hits - 1, all_rows, both, rows), hypergeom.cdf(hits, all_rows, both, rows))
            assert 0.6 < np.exp(one(hits, rows, both - hits, other_rows)) / exact < 1.6


@given(SAMPLES, SAMPLES)
def test_the_samples_may_change_places_and_the_category_be_told_by_its_rest(sample, other):
    (hits, rows), (other_hits, other_rows) = sample, other
    found = one(hits, rows, other_hits, other_rows)
    assert found == pytest.approx(one(other_hits, other_rows, hits, rows), abs=1e-7)
    assert found == pytest.approx(one(rows - hits, rows, other_rows - other_hits, other_rows), abs=1e-7)


@given(SAMPLES, SAMPLES)
def test_no_share_has_a_smaller_chance_than_its_rows_allow(sample, other):
    (hits, rows), (other_hits, other_rows) = sample, other
    assume(rarest(sample, other) < EXACT_BELOW)
    least = least_chance(np.array([hits + other_hits]), rows, other_rows)[0]
    assert least <= one(hits, rows, other_hits, other_rows) + 1e-9


def test_equal_shares_and_samples_without_rows_tell_nothing():
    assert one(30, 1000, 60, 2000) == one(0, 0, 3, 9) == one(0, 5, 0, 9) == one(5, 5, 9, 9) == 0


def test_a_chance_too_small_for_a_float_is_still_ordered():
    small, smaller = one(30_000, 10**6, 15_000, 10**6), one(30_000, 10**6, 1_000, 10**6)
    assert smaller < small < -1000


@given(NUMBERS, NUMBERS)
def test_a_shape_is_told_by_the_statistics_of_kolmogorov_smirnov_and_of_ranks(numbers, others):
    found = shape(counted(numbers), counted(others))
    distance = ks_2samp(numbers, others, method="asymp").statistic
    assert found.distance == pytest.approx(distance)
    root = np.sqrt(len(numbers) * len(others) / (len(numbers) + len(others)))
    ranks = rank_sum(*aligned(counted(numbers), counted(others))[1:])
    wins = mannwhitneyu(others, numbers).statistic
    assert ranks.excess == pytest.approx(wins - len(numbers) * len(others) / 2)
    chance = min(kolmogorov(distance * root), ranks.log_chance) + np.log(2)
    assert found.log_chance == pytest.approx(min(0, chance), rel=1e-6)


@given(st.lists(st.integers(1, 4), min_size=2, max_size=9), st.data())
def test_the_moments_of_a_rank_sum_are_those_of_all_ways_to_part_the_numbers(numbers, data):
    size = data.draw(st.integers(1, len(numbers) - 1))
    values = sorted(set(numbers))
    sums = []
    for chosen in combinations(range(len(numbers)), size):
        second = np.array([sum(numbers[place] == value for place in chosen) for value in values], float)
        first = np.array([numbers.count(value) for value in values]) - second
        sums.append(rank_sum(first, second))
    excess = np.array([one.excess for one in sums])
    moments = [excess.mean(), (excess**2).mean(), (excess**3).mean()]
    assert moments == pytest.approx([0, sums[0].variance, sums[0].third], abs=1e-6)


@pytest.mark.parametrize(("rows", "other_rows"), [(50_000, 2_000), (50_000, 200), (50_000, 20), (2_000, 2_000)])
@pytest.mark.parametrize("expected", [0.5, 1, 3, 10, 100])
def test_ranks_of_numbers_that_are_nearly_all_equal_have_no_chance_that_is_too_small(rows, other_rows, expected):
    unlike = round(expected / other_rows * (rows + other_rows))
    hits = np.arange(min(unlike, other_rows) + 1)
    chances = [
        rank_sum(*np.array([[rows - unlike + one, unlike - one], [other_rows - one, one]], float)).log_chance
        for one in hits.tolist()
    ]
    how_often = hypergeom.pmf(hits, rows + other_rows, unlike, other_rows)
    for level in (1e-3, 1e-4, 1e-5):
        assert how_often[np.array(chances) <= np.log(level)].sum() <= 1.2 * level


@given(NUMBERS, NUMBERS)
def test_a_shape_has_the_same_chance_with_the_samples_in_each_others_place(numbers, others):
    found, turned = shape(counted(numbers), counted(others)), shape(counted(others), counted(numbers))
    assert found.log_chance == pytest.approx(turned.log_chance, abs=1e-9)
    assert (found.distance, found.median) == pytest.approx((turned.distance, turned.other_median))


@given(NUMBERS)
def test_one_sample_has_the_shape_of_itself(numbers):
    found = shape(counted(numbers), counted(numbers * 3))
    assert (found.distance, found.shift, found.log_chance) == pytest.approx((0, 0, 0))


def test_a_shape_where_no_float_holds_the_chance():
    assert kolmogorov(4.999999) == pytest.approx(kolmogorov(5.0), rel=1e-5)
    assert shape({10: 10**6}, {20: 10**6}).log_chance < -(10**6) / 2


@given(st.lists(st.floats(1e-12, 1), max_size=30))
def test_holms_correction_is_its_definition(chances):
    found = np.exp(holm(np.log(np.array(chances))))
    order = np.argsort(chances, kind="stable")
    for place, each in enumerate(order):
        earlier = [(len(chances) - n) * chances[order[n]] for n in range(place + 1)]
        assert found[each] == pytest.approx(min(1, max(earlier)))
    if chances:
        assert np.all(found >= false_discovery_control(chances) - 1e-12)


def test_golden_numbers():
    assert np.exp(one(3, 500, 15, 500)) == pytest.approx(0.0070330, abs=1e-7)
    assert np.exp(one(300, 10_000, 150, 10_000)) == pytest.approx(8.2e-13, rel=0.05)
    found = shape({1: 50, 2: 50}, {2: 50, 3: 50})
    assert (found.distance, found.at, found.shift) == (0.5, 1.0, pytest.approx(2 / 3))
