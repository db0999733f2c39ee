"""Intervals of rates: against slow sums, against each other, and by how often they cover the truth."""

from fractions import Fraction
from math import comb, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.curation.intervals import Estimate, Stratum, exact, mean, unseen, weighted

COUNTS = st.integers(1, 60).flatmap(lambda rows: st.tuples(st.integers(0, rows), st.just(rows)))


def at_most(hits: int, rows: int, rate: float) -> float:
    """Chance of at most so many hits, as a slow sum of exact fractions."""
    p = Fraction(rate)
    return float(sum(comb(rows, k) * p**k * (1 - p) ** (rows - k) for k in range(hits + 1)))


@given(COUNTS, st.sampled_from([0.8, 0.95, 0.99]))
def test_the_ends_of_the_exact_interval_are_where_each_tail_has_its_half_of_the_error(
    counts: tuple[int, int], confidence: float
) -> None:
    hits, rows = counts
    found = exact(hits, rows, confidence)
    tail = (1 - confidence) / 2
    assert found.low <= hits / rows <= found.high
    if hits:
        assert 1 - at_most(hits - 1, rows, found.low) == pytest.approx(tail, rel=1e-6)
    if hits < rows:
        assert at_most(hits, rows, found.high) == pytest.approx(tail, rel=1e-6)


@given(COUNTS)
def test_the_exact_interval_mirrors_rises_with_hits_and_narrows_with_confidence(counts: tuple[int, int]) -> None:
    hits, rows = counts
    found, mirrored = exact(hits, rows), exact(rows - hits, rows)
    assert (found.low, found.high) == pytest.approx((1 - mirrored.high, 1 - mirrored.low), abs=1e-12)
    if hits < rows:
        more = exact(hits + 1, rows)
        assert more.low > found.low
        assert more.high > found.high or more.high == found.high == 1
    surer = exact(hits, rows, 0.99)
    assert surer.low <= found.low <= found.high <= surer.high


def test_golden_intervals() -> None:
    assert exact(0, 10) == pytest.approx((10, 0, 0.0, 0.0, 0.30850), abs=5e-6)  # the upper end is 1 - 0.025 ** (1 / 10)
    assert exact(3, 180) == pytest.approx((180, 3, 1 / 60, 0.00345, 0.04793), abs=5e-6)
    assert exact(5, 5)[3:] == pytest.approx((0.025 ** (1 / 5), 1.0))


def test_without_rows_nothing_is_known() -> None:
    nothing = Estimate(0, 0, None, 0.0, 1.0)
    assert exact(0, 0) == weighted([]) == weighted([Stratum(10, 0, 0)]) == nothing


@pytest.mark.parametrize("counts", [(3, 2), (-1, 2)])
def test_more_hits_than_rows_are_refused(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"{counts[0]} hits of 2 rows"):
        exact(*counts)
    with pytest.raises(ValueError, match="more hits than rows"):
        weighted([Stratum(10, 2, 3)])


STRATA = st.lists(
    st.integers(1, 500).flatmap(
        lambda population: st.integers(0, min(population, 30)).flatmap(
            lambda rows: st.builds(Stratum, st.just(population), st.just(rows), st.integers(0, rows))
        )
    ),
    max_size=12,
)


@given(STRATA)
def test_a_weighted_estimate_lies_in_its_interval_and_knows_no_more_than_its_rows(strata: list[Stratum]) -> None:
    found = weighted(strata)
    assert 0 <= found.low <= found.high <= 1
    if found.rate is not None:
        assert found.low <= found.rate + 1e-12
        assert found.rate <= found.high + 1e-12
        narrowest = exact(0, found.rows) if found.rate < 1e-12 else None
        assert narrowest is None or found.high >= narrowest.high - 1e-12
    assert weighted([*strata, Stratum(100, 0, 0)]) == pytest.approx(found, abs=1e-9) if found.rows else True


@given(STRATA)
def test_the_rate_is_the_mean_of_the_strata_by_their_rows_in_all(strata: list[Stratum]) -> None:
    seen = [each for each in strata if each.rows]
    if seen:
        whole = sum(each.population for each in seen)
        assert weighted(strata).rate == pytest.approx(sum(e.population * e.hits / e.rows for e in seen) / whole)


def test_strata_alike_in_all_give_what_a_simple_sample_gives() -> None:
    one, many = weighted([Stratum(1000, 100, 7)]), weighted([Stratum(100, 10, 1)] * 7 + [Stratum(100, 10, 0)] * 3)
    simple = exact(7, 100)
    assert one[:3] == (100, 7, 0.07)
    assert (one.low, one.high) == pytest.approx((simple.low, simple.high), abs=0.002)
    assert many.rate == pytest.approx(0.07)
    assert (many.low, many.high) == pytest.approx((simple.low, simple.high), abs=0.01)


def test_the_interval_of_korn_and_graubard_computed_by_hand() -> None:
    """Two strata of 600 and 400 rows; of each 11 were looked at, 2 and 4 are hits."""
    from scipy.stats import beta, t

    rate = 0.6 * 2 / 11 + 0.4 * 4 / 11
    variance = 0.36 * (2 / 11) * (9 / 11) / 10 + 0.16 * (4 / 11) * (7 / 11) / 10
    worth = rate * (1 - rate) / variance * (t.ppf(0.975, 21) / t.ppf(0.975, 20)) ** 2
    worth = min(worth, 22)
    found = weighted([Stratum(600, 11, 2), Stratum(400, 11, 4)])
    low = beta.ppf(0.025, rate * worth, worth - rate * worth + 1)
    high = beta.ppf(0.975, rate * worth + 1, worth - rate * worth)
    assert found == pytest.approx((22, 6, rate, low, high))


def test_a_stratum_that_weighs_much_and_was_looked_at_little_widens_the_interval_where_no_hit_was_found() -> None:
    even = weighted([Stratum(500, 50, 0), Stratum(500, 50, 0)])
    uneven = weighted([Stratum(900, 2, 0), Stratum(100, 98, 0)])
    assert even.high == pytest.approx(exact(0, 100).high, abs=1e-3)
    assert uneven.high > exact(0, 5).high - 1e-9


def test_the_share_of_strata_that_nobody_looked_at_is_told() -> None:
    assert unseen([Stratum(300, 5, 1), Stratum(100, 0, 0)]) == 0.25
    assert unseen([]) == 0.0


@pytest.mark.parametrize(
    ("populations", "rows", "rates"),
    [
        ([400, 300, 200, 100], [20, 15, 10, 5], [0.02, 0.05, 0.1, 0.2]),
        ([400, 300, 200, 100], [10, 10, 10, 10], [0.1, 0.1, 0.1, 0.1]),
        ([100] * 30, [1] * 30, [0.02, 0.1, 0.3] * 10),
        ([700, 100, 100, 100], [5, 20, 20, 20], [0.01, 0.1, 0.1, 0.1]),
        ([50_000, 300, 200], [9, 30, 30], [0.1, 0.02, 0.02]),  # where the reviewers of most rows have hardly begun
    ],
)
def test_weighted_intervals_cover_the_truth_as_often_as_they_say(
    populations: list[int], rows: list[int], rates: list[float]
) -> None:
    random, draws = np.random.default_rng(5), 1_000
    numbers = [round(rate * population) for rate, population in zip(rates, populations, strict=True)]
    truth = sum(numbers) / sum(populations)
    drawn = np.stack(
        [random.hypergeometric(d, p - d, n, draws) for d, p, n in zip(numbers, populations, rows, strict=True)], axis=1
    )
    covered = 0
    for hits in drawn.tolist():
        found = weighted([Stratum(*each) for each in zip(populations, rows, hits, strict=True)])
        covered += found.low <= truth <= found.high
    assert covered / draws >= 0.95 - 3 * sqrt(0.95 * 0.05 / draws)


@given(COUNTS)
def test_the_interval_of_a_mean_of_zeros_and_ones_is_that_of_a_rate(counts: tuple[int, int]) -> None:
    hits, rows = counts
    assert mean(hits / rows, rows) == pytest.approx(exact(hits, rows)[3:], abs=1e-9)
    assert mean(0.0, 0) == (0, 1)


@pytest.mark.parametrize(("rows", "shape"), [(5, (0.1, 0.1)), (12, (5, 0.1)), (12, (2, 2)), (45, (0.3, 2))])
def test_the_interval_of_a_mean_covers_the_truth_at_least_as_often_as_it_says(
    rows: int, shape: tuple[float, float]
) -> None:
    truth = shape[0] / sum(shape)
    found = [mean(each, rows) for each in np.random.default_rng(3).beta(*shape, (1_000, rows)).mean(axis=1).tolist()]
    assert sum(low <= truth <= high for low, high in found) >= 950 - 3 * sqrt(1_000 * 0.95 * 0.05)
