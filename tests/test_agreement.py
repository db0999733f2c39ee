"""Agreement of reviewers: values of the literature, intervals that are the same each time, and what is not defined."""

import sys
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pairsmith.curation.agreement import NO_PAIRS, ONE_CATEGORY, Agreement, Kappa, agreement
from pairsmith.curation.review_form import Answers
from pairsmith.curation.reviews import Review
from pairsmith.factory.errors import RunError


def review(row: object, reviewer: str, *, status: str = "submitted", **answers: object) -> Review:
    return Review(
        id=str(row),
        content_hash="h",
        reviewer=reviewer,
        status=status,
        at="2026-11-28T12:00:00Z",
        source="s",
        form="f",
        answers=Answers(**{"decision": "keep", **answers}),
    )


def decided(**columns: str) -> list[Review]:
    """Reviewer -> a letter for each row: k(eep), f(ix), d(rop); a space where they did not answer."""
    words = {"k": "keep", "f": "fix", "d": "drop"}
    return [
        review(row, reviewer, decision=words[letter])
        for reviewer, column in columns.items()
        for row, letter in enumerate(column)
        if letter != " "
    ]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred draws: for tests of what does not depend on their number."""
    monkeypatch.setattr("pairsmith.curation.agreement.DRAWS", 100)


ONE, OTHER = "0100000010", "1110010000"


def test_binary_answers_of_two_as_krippendorff_computes_them(few: None) -> None:
    """Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), A: alpha 0.095."""
    named = [
        review(row, reviewer, decision="drop", wrong=("refusal",) if digit == "1" else ())
        for reviewer, digits in (("one", ONE), ("other", OTHER))
        for row, digit in enumerate(digits)
    ]
    letters = str.maketrans("01", "kd")
    for found in (
        agreement(named, "wrong:refusal"),
        agreement(decided(one=ONE.translate(letters), other=OTHER.translate(letters)), "decision"),
    ):
        assert found.rows == 10
        assert found.alpha == pytest.approx(0.095, abs=5e-4)
        assert found.alpha_low < found.alpha < found.alpha_high


def rated(columns: Iterable[Sequence[int | None]]) -> list[Review]:
    return [
        review(row, name, positive_relevance=grade)
        for name, column in zip("abcd", columns, strict=False)
        for row, grade in enumerate(column)
        if grade is not None
    ]


def test_ordinal_answers_of_four_with_gaps_as_krippendorff_computes_them(few: None) -> None:
    """The same, D: four observers, twelve units of which one has a single answer; ordinal alpha 0.815."""
    _ = None
    columns = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
        [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
    ]
    found = agreement(rated(columns), "positive_relevance")
    assert found.rows == 11
    assert found.alpha == pytest.approx(0.815, abs=5e-4)
    assert len(found.kappas) == 6
    assert found.kappas["a / c"].rows == 8


def test_kappa_of_two_by_hand() -> None:
    """Both keep 20, both drop 15, one alone drops 5 and the other 10 of 50: (0.7 - 0.5) / (1 - 0.5)."""
    both = "k" * 20 + "d" * 15
    found = agreement(decided(ann=both + "k" * 5 + "d" * 10, bob=both + "d" * 5 + "k" * 10), "decision")
    kappa = found.kappas["ann / bob"]
    assert kappa[0] == pytest.approx(0.4)
    error = (0.7 * 0.3 / 50) ** 0.5 / (1 - 0.5)  # for many rows, as Cohen (1960) gives it
    assert (kappa.low, kappa.high) == pytest.approx((0.4 - 1.96 * error, 0.4 + 1.96 * error), abs=0.05)
    assert kappa.rows == found.rows == 50


def test_a_rating_one_step_off_agrees_more_than_one_far_off(few: None) -> None:
    near = agreement(rated([[1, 2, 3, 4, 5] * 4, [2, 2, 3, 4, 5] * 4]), "positive_relevance")
    far = agreement(rated([[1, 2, 3, 4, 5] * 4, [5, 2, 3, 4, 5] * 4]), "positive_relevance")
    assert near.alpha > far.alpha
    assert near.kappas["a / b"].kappa > far.kappas["a / b"].kappa


def test_where_all_answers_are_the_same_the_reason_is_said_in_place_of_a_value() -> None:
    found = agreement(decided(ann="kkkkk", bob="kkkkk"), "decision")
    assert (found.rows, found.alpha, found.kappas["ann / bob"]) == (5, None, Kappa(None, None, None, 5))
    assert found.undefined == {"alpha": ONE_CATEGORY, "ann / bob": ONE_CATEGORY}


def test_one_disagreement_alone_gives_a_value_and_no_interval() -> None:
    found = agreement(decided(ann="k" * 30, bob="k" * 29 + "d"), "decision")
    assert found.alpha == pytest.approx(0.0, abs=0.02)
    assert found.kappas["ann / bob"] == (0.0, None, None, 30)
    assert "draws of the rows" in found.undefined["alpha interval"]
    assert "draws of the rows" in found.undefined["ann / bob interval"]


@pytest.mark.parametrize("reviews", [[], decided(ann="kfd"), decided(ann="kk  ", bob="  dd")])
def test_where_no_row_has_two_answers_nothing_is_computed(reviews: list[Review]) -> None:
    assert agreement(reviews, "decision") == Agreement("decision", 0, None, None, None, {}, {"alpha": NO_PAIRS})


def test_drafts_discarded_and_missing_answers_do_not_count_and_the_last_response_does() -> None:
    first = [*decided(ann="kd", bob="kk"), review(1, "bob", decision="drop")]
    assert agreement(first, "decision").alpha == 1.0
    others = [review(row, "eve", status=status) for row, status in enumerate(("draft", "discarded"))]
    assert agreement([*first, *others], "decision").kappas.keys() == {"ann / bob"}
    assert agreement(first, "negative_relevance").rows == 0


@pytest.mark.parametrize("question", ["query", "wrong", "wrong:nonsense", "decisions"])
def test_another_question_is_refused(question: str) -> None:
    with pytest.raises(ValueError, match=question):
        agreement([], question)


def test_without_the_package_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "krippendorff", None)  # as Python marks what cannot be imported
    with pytest.raises(RunError, match=r"pip install 'pairsmith\[review\]'"):
        agreement(decided(ann="kd", bob="kk"), "decision")


COLUMN = st.text("kfd ", min_size=6, max_size=6)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(COLUMN, COLUMN, COLUMN)
def test_any_answers_give_the_same_again_with_each_value_in_its_range(few: None, a: str, b: str, c: str) -> None:
    reviews = decided(a=a, b=b, c=c)
    found = agreement(reviews, "decision")
    assert agreement(reversed(reviews), "decision") == found
    values = [(found.alpha, found.alpha_low, found.alpha_high), *(kappa[:3] for kappa in found.kappas.values())]
    for value, low, high in values:
        assert value is None or -1 <= value <= 1
        assert low is None or -1 <= low <= high <= 1
    names = ["alpha", *found.kappas]
    for name, (value, low, _) in zip(names, values, strict=True):
        assert (value is None) == (name in found.undefined)
        assert (value is not None and low is None) == (f"{name} interval" in found.undefined)
    assert found.as_json()["rows"] == found.rows
