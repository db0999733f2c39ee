"""What is said of all accepted rows: right however often one looks, and told only from rows in the order of their drawing."""

from collections.abc import Iterator
from fractions import Fraction
from math import exp, log, sqrt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.curation.acceptance import (
    PRIOR,
    Prior,
    Statement,
    _log_falling,
    least_at,
    shows_fewer,
    statement,
    upper_bound,
)
from pairsmith.curation.intervals import exact
from pairsmith.curation.review_form import Answers
from pairsmith.curation.review_rows import SAMPLE
from pairsmith.curation.reviews import Review
from pairsmith.factory.spec import ReviewSpec

LOOKS = st.integers(1, 40).flatmap(
    lambda population: st.integers(0, population).flatmap(
        lambda rows: st.tuples(st.just(population), st.just(rows), st.integers(0, rows))
    )
)
RISKS = st.sampled_from([0.2, 0.05, 0.01])


def slow_bound(population: int, rows: int, hits: int, risk: float, prior: Prior = PRIOR) -> float:
    """The bound by looking at every number of hits that the population may have, with products in place of log-gamma."""

    def chance(draws: list[bool], number: int) -> Fraction:
        result, left = Fraction(1), number
        for place, hit in enumerate(draws):
            of = population - place
            result *= Fraction(left if hit else of - left, of)
            left -= hit
        return result

    draws = [True] * hits + [False] * (rows - hits)
    mixture, seen = Fraction(1), [Fraction(prior.defective), Fraction(prior.sound)]
    for hit in draws:
        mixture *= seen[0 if hit else 1] / sum(seen)
        seen[0 if hit else 1] += 1
    highest = population
    while chance(draws, highest) <= mixture * Fraction(
        risk * exp(-1e-4)
    ):  # what rounding may add, as in the closed form
        highest -= 1
    return highest / population


@given(LOOKS, RISKS, st.sampled_from([PRIOR, Prior(0.5, 0.5), Prior(1, 1), Prior(2, 5)]))
def test_the_closed_form_equals_the_search_over_all_numbers_of_defective_rows(
    look: tuple[int, int, int], risk: float, prior: Prior
) -> None:
    assert upper_bound(*look, 1 - risk, prior) == slow_bound(*look, risk, prior)


@given(LOOKS, RISKS)
def test_the_bound_is_never_below_what_was_seen_and_is_certain_once_all_rows_are(
    look: tuple[int, int, int], risk: float
) -> None:
    population, rows, hits = look
    found = upper_bound(*look, 1 - risk)
    assert hits / population <= found <= (population - rows + hits) / population
    assert upper_bound(population, population, hits, 1 - risk) == hits / population
    assert upper_bound(population, 0, 0, 1 - risk) == 1.0


@given(LOOKS, RISKS)
def test_a_further_defect_raises_the_bound_and_a_further_sound_row_does_not(
    look: tuple[int, int, int], risk: float
) -> None:
    population, rows, hits = look
    if rows < population:
        found = upper_bound(*look, 1 - risk)
        assert upper_bound(population, rows + 1, hits, 1 - risk) <= found
        assert upper_bound(population, rows + 1, hits + 1, 1 - risk) >= upper_bound(
            population, rows + 1, hits, 1 - risk
        )


@given(LOOKS, RISKS, st.floats(0.01, 0.99))
def test_the_quick_question_has_the_answer_of_the_bound(look: tuple[int, int, int], risk: float, limit: float) -> None:
    assert shows_fewer(*look, limit, 1 - risk) == (upper_bound(*look, 1 - risk) < limit)


@given(st.integers(1, 10**9), st.floats(0, 1))
def test_the_least_number_at_a_rate_is_the_least(population: int, rate: float) -> None:
    number = least_at(population, rate)
    assert number / population >= rate
    assert number == 0 or (number - 1) / population < rate


def test_a_billion_rows_make_no_other_bound_than_ten_million_and_log_gamma_stays_exact_enough() -> None:
    many, most = (upper_bound(population, 300, 4, 0.95) for population in (10**7, 10**9))
    assert many == pytest.approx(most, rel=1e-4)
    for top, count in [(10**9, 5_000), (5 * 10**7, 300), (10**9, 1)]:
        assert _log_falling(top, count) == pytest.approx(sum(log(top - k) for k in range(count)), abs=1e-5)


@pytest.mark.parametrize("look", [(10, 11, 0), (10, 5, 6), (0, 0, 0), (10, -1, -1)])
def test_what_cannot_have_been_seen_is_refused(look: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="rows of"):
        upper_bound(*look, 0.95)


LIMIT, CONFIDENCE, RUNS, MOST_LOOKS = 0.05, 0.95, 10_000, 400


def allowed(population: int, prior: Prior) -> Iterator[int]:
    """After each row the most defects with which the bound is below the limit; -1 where there is no such number."""
    most = -1
    for rows in range(1, min(population, MOST_LOOKS) + 1):
        while most < rows and shows_fewer(population, rows, most + 1, LIMIT, CONFIDENCE, prior):
            most += 1
        yield most


def naively_allowed(population: int) -> Iterator[int]:
    """The same, by the one-sided exact bound for a sample whose size was fixed before."""
    most = -1
    for rows in range(1, min(population, MOST_LOOKS) + 1):
        while most < rows and exact(most + 1, rows, 2 * CONFIDENCE - 1).high < LIMIT:
            most += 1
        yield most


def accepted(population: int, rate: float, rule: Iterator[int], seed: int) -> float:
    """Share of simulated reviews that end in an acceptance: they look after every answer and stop at the first time."""
    random = np.random.default_rng(seed)
    left = np.full(RUNS, least_at(population, rate))
    hits, done = np.zeros(RUNS, int), np.zeros(RUNS, bool)
    for row, most in enumerate(rule):
        hit = random.random(RUNS) * (population - row) < left
        left -= hit
        hits += hit
        done |= hits <= most
    return float(done.mean())


TOLERANCE = 3 * sqrt((1 - CONFIDENCE) * CONFIDENCE / RUNS)
"""Three standard deviations of the share in :data:`RUNS` runs whose true share is the greatest allowed."""


@pytest.mark.parametrize("population", [50, 500, 20_000, 10**7])
def test_who_looks_after_every_answer_and_stops_when_it_holds_accepts_bad_rows_no_more_often_than_said(
    population: int,
) -> None:
    for prior in (PRIOR, Prior(0.5, 0.5), Prior(1, 99)):
        rule = list(allowed(population, prior))
        for seed, rate in enumerate((0.05, 0.06, 0.1, 0.2)):
            assert accepted(population, rate, iter(rule), seed) <= 1 - CONFIDENCE + TOLERANCE


@pytest.mark.parametrize("population", [500, 20_000, 10**7])
def test_the_bound_of_a_planned_sample_looked_at_after_every_answer_accepts_bad_rows_too_often(population: int) -> None:
    assert accepted(population, LIMIT, naively_allowed(population), 0) > 1 - CONFIDENCE + 2 * TOLERANCE


def test_who_reviews_good_rows_is_told_so_soon() -> None:
    rule = list(allowed(20_000, PRIOR))
    assert rule.index(0) + 1 == 72
    assert accepted(20_000, 0.005, iter(rule), 0) > 0.8


def sample(rows: int, population: int = 1_000, overlap: frozenset[int] = frozenset(), first: int = 0) -> pa.Table:
    """The random part of a sample, in no order, and a doubtful row beside it."""
    lines = [
        {
            **{field.name: "" for field in SAMPLE if field.type == pa.string()},
            "id": f"r{place}",
            "content_hash": "h",
            "part": "random",
            "place": place,
            "stratum": "sts/de",
            "stratum_rows": population,
            "population": population,
            "overlap": place in overlap,
            "negatives": [],
            "reasons": [],
        }
        for place in range(first, rows)
    ]
    doubtful = {**lines[0], "id": "d", "part": "doubtful", "population": 7} if lines else None
    return pa.Table.from_pylist([*reversed(lines), *([doubtful] if doubtful else [])], schema=SAMPLE)


def review(row: str, decision: str | None = "keep", reviewer: str = "ada", status: str = "submitted") -> Review:
    answers = Answers(decision=decision)
    at = "2026-11-28T12:00:00Z"
    return Review(
        id=row, content_hash="h", reviewer=reviewer, status=status, at=at, source="s", form="f", answers=answers
    )


def stated(table: pa.Table, *reviews: Review, **spec: object) -> Statement:
    return statement(table, reviews, ReviewSpec(**spec))


def test_the_statement_in_words_with_its_figures() -> None:
    answers = [review(f"r{place}", "drop" if place in (5, 60, 90) else "keep") for place in range(180)]
    found = stated(sample(200, 12_345), *answers, max_defect_rate=0.08)
    assert (found.population, found.drawn, found.answered, found.pending) == (12_345, 200, 180, 20)
    assert (found.prefix, found.defects, found.holds) == (180, 3, True)
    assert found.bound == upper_bound(12_345, 180, 3, 0.95)
    assert found.text == (
        "Of 12,345 accepted rows, 180 drawn at random were reviewed: 3 defective (1.7%, 95% interval 0.3% to 4.8%);"
        " with 95% confidence, however often one looked, at most 5.95% are. The limit, fewer than 8%, is met."
    )
    assert not stated(sample(200, 12_345), *answers, max_defect_rate=0.05).holds
    assert stated(sample(200, 12_345), *answers).holds is None
    assert found.as_json()["text"] == found.text


def test_only_rows_before_the_first_unanswered_one_count() -> None:
    answered = [review(f"r{place}") for place in range(60) if place != 10]
    found = stated(sample(60), *answered)
    assert (found.prefix, found.answered, found.pending) == (10, 59, 1)
    assert "49 more count once the rows drawn before them are answered" in found.text
    assert found.bound == upper_bound(1_000, 10, 0, 0.95)
    assert stated(sample(60), *answered, review("r10")).prefix == 60


def test_a_row_missing_from_the_drawn_ones_ends_what_counts() -> None:
    answers = [review(f"r{place}") for place in range(30)]
    assert stated(sample(30, first=1), *answers).prefix == 0
    table = sample(30)
    without = table.filter(pa.array([row != "r20" for row in table["id"].to_pylist()]))
    assert stated(without, *answers).prefix == 20


@pytest.mark.parametrize(
    ("last", "defects", "prefix"),
    [
        (review("r1", "fix"), 1, 2),
        (review("r1", "drop"), 1, 2),
        (review("r1", None, status="discarded"), 1, 2),
        (review("r1", "keep", status="draft"), 0, 1),
        (review("r1", None), 0, 1),
    ],
)
def test_what_is_fixed_dropped_or_discarded_is_defective_and_a_draft_is_no_answer(
    last: Review, defects: int, prefix: int
) -> None:
    found = stated(sample(2), review("r0"), last)
    assert (found.defects, found.prefix) == (defects, prefix)


def test_a_row_for_two_is_answered_when_both_have() -> None:
    table = sample(3, overlap=frozenset({1}))
    one = [review(f"r{place}") for place in range(3)]
    assert stated(table, *one).prefix == 1
    both = stated(table, *one, review("r1", "drop", "bob"))
    assert (both.prefix, both.defects) == (3, 1)
    assert stated(table, *one, review("r1", None, "bob", "discarded")).defects == 0


def test_a_changed_answer_replaces_the_one_before_and_an_answer_to_other_texts_counts_not() -> None:
    changed = stated(sample(2), review("r0", "drop"), review("r1"), review("r0", "keep"))
    assert (changed.prefix, changed.defects) == (2, 0)
    other = review("r0").model_copy(update={"content_hash": "before"})
    assert stated(sample(2), other).answered == 0


def test_without_rows_or_answers_nothing_is_claimed() -> None:
    nothing = stated(sample(0), max_defect_rate=0.05)
    assert (nothing.population, nothing.bound, nothing.holds) == (0, 1.0, False)
    assert "nothing is known" in nothing.text
    none = stated(sample(5))
    assert (none.prefix, none.bound, none.holds) == (0, 1.0, None)
    assert "none was reviewed" in none.text


def test_a_limit_that_the_bound_only_reaches_is_not_met() -> None:
    answers = [review(f"r{place}", "drop" if place < 7 else "keep") for place in range(100)]
    assert stated(sample(100, 100), *answers).bound == 0.07
    assert stated(sample(100, 100), *answers, max_defect_rate=0.07).holds is False
    assert stated(sample(100, 100), *answers, max_defect_rate=0.0701).holds is True
