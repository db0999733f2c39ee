"""The figures that people's answers give, beside the same ones counted on paper, and what holds of them for any answers."""

import json
from fractions import Fraction
from math import comb
from typing import Any

import pytest
from drawn import lists_of_rows, tables
from hand_review import SAMPLE_LINES, THIRTY, table, verdicts
from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith.curation.review_figures import figures
from pairsmith.curation.review_form import WRONG, Answers, Decision, form_version
from pairsmith.curation.review_rows import SAMPLE
from pairsmith.curation.review_sample import draw
from pairsmith.curation.reviews import Review
from pairsmith.factory.spec import GatesSpec, ReviewSpec

NONE = verdicts([])


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    assert len(THIRTY) == 30
    result = figures(table(SAMPLE_LINES), THIRTY, NONE, ReviewSpec(reviewers=("ann", "ben")), GatesSpec())
    return json.loads(json.dumps(result))  # type: ignore[no-any-return]


def counts(drawn: int, answered: int, discarded: int, drafts: int, pending: int, second: int) -> dict[str, int]:
    names = ("drawn", "answered", "discarded", "drafts", "pending", "second_missing")
    return dict(zip(names, (drawn, answered, discarded, drafts, pending, second), strict=True))


def tail(rows: int, hits: range, rate: float) -> float:
    """Chance of so many hits."""
    return sum(comb(rows, k) * rate**k * (1 - rate) ** (rows - k) for k in hits)


def test_progress_by_part_counts_each_row_once_in_one_state(found: dict[str, Any]) -> None:
    progress = found["progress"]
    assert progress["parts"] == {
        "random": counts(10, 7, 1, 1, 1, 1),  # a5 discarded, a7 a draft, a9 waits; a8 lacks ben
        "doubtful": counts(5, 5, 0, 0, 0, 0),  # of d3 ben thinks that it cannot be judged: he has finished
        "rejected": counts(8, 7, 0, 1, 0, 0),  # r7 a draft
    }
    assert progress["shown"] == counts(22, 18, 1, 2, 1, 1)  # a1 is in two parts
    assert progress["not_in_sample"] == 2  # another row, and a row with other texts by now


def test_pace_of_a_reviewer_leaves_out_breaks_and_is_unknown_where_all_came_at_once(found: dict[str, Any]) -> None:
    # 19 responses, 20 s apart but for an hour before d0: 17 rows in 340 s
    ann = {"submitted": 18, "discarded": 1, "drafts": 1, "rows_an_hour": 180.0}
    ben = {"submitted": 4, "discarded": 1, "drafts": 2, "rows_an_hour": None}
    assert found["progress"]["reviewers"] == {"ann": ann, "ben": ben}


def test_agreement_is_told_of_rows_that_two_people_answered(found: dict[str, Any]) -> None:
    """a1, a2, a6, r4: keep keep, drop keep, keep keep, keep keep. Observed 3/4; expected by chance 3/4 * 1 + 1/4 * 0."""
    decision = found["agreement"]["questions"]["decision"]
    assert decision["rows"] == 4
    assert decision["kappas"]["ann / ben"]["kappa"] == pytest.approx((3 / 4 - 3 / 4) / (1 - 3 / 4))
    # Of 8 answers 7 keep and 1 drop: 2 of 8 pairs differ, by chance 2 * 7 * 1 of 8 * 7
    assert decision["alpha"] == pytest.approx(1 - (2 / 8) / (14 / 56))
    assert found["agreement"]["questions"]["positive_relevance"]["rows"] == 3
    assert set(found["agreement"]["questions"]) == {
        "decision", "positive_relevance", "negative_relevance", "wrong:wrong_answer",
    }  # fmt: skip
    assert found["agreement"]["missing"] is None


def test_defect_rates_are_of_the_random_part_with_exact_intervals(found: dict[str, Any]) -> None:
    """Answered: a0, a1, a2, a3, a4, a6, a8. Defective: a2 (one of two says drop: the stricter counts) and a3 (fix)."""
    defects = found["defects"]
    assert (defects["population"], defects["weight"]) == (1000, pytest.approx(1000 / 7))
    overall = defects["overall"]
    assert (overall["rows"], overall["hits"], overall["rate"]) == (7, 2, pytest.approx(2 / 7))
    assert tail(7, range(3), overall["high"]) == pytest.approx(0.025)
    assert tail(7, range(2, 8), overall["low"]) == pytest.approx(0.025)
    assert {name: (one["hits"], one["rows"]) for name, one in defects["by_group"].items()} == {
        "bitext": (0, 2), "sts": (2, 5),
    }  # fmt: skip
    assert {name: (one["hits"], one["rows"]) for name, one in defects["by_language"].items()} == {
        "en": (2, 7), "fr": (0, 2),
    }  # fmt: skip
    assert defects["by_language"]["fr"]["low"] == 0
    assert defects["by_language"]["fr"]["high"] == pytest.approx(1 - 0.025 ** (1 / 2))
    assert defects["decisions"] == {"keep": 5, "fix": 1, "drop": 1}


def test_wrong_rejections_are_weighted_by_strata(found: dict[str, Any]) -> None:
    """sts/en: r0 and r4 of five are kept, others: r5 of two. 20 rows are in strata of which nothing was drawn."""
    wrong = found["wrong_rejections"]
    assert (wrong["population"], wrong["covered"]) == (320, pytest.approx(300 / 320))
    assert wrong["weights"] == {"others": 50, "sts/en": 40}
    assert (wrong["overall"]["rows"], wrong["overall"]["hits"]) == (7, 3)
    assert wrong["overall"]["rate"] == pytest.approx((200 * 2 / 5 + 100 * 1 / 2) / 300)
    assert wrong["overall"]["low"] < wrong["overall"]["rate"] < wrong["overall"]["high"]
    rates = {name: one["rate"] for name, one in wrong["by_gate"].items()}
    # too short: r4, for 200/5 rows, and r6, for 100/2
    assert rates == {"language": pytest.approx(2 / 5), "leakage": 1.0, "length": pytest.approx(40 / (40 + 50))}
    assert set(wrong["by_reason"]) == {"language:wrong_language", "leakage:query_copied", "length:too_short"}
    assert wrong["by_reason"]["length:too_short"] == wrong["by_gate"]["length"]


def test_confusion_tells_of_each_reason_what_people_say_of_the_same_rows(found: dict[str, Any]) -> None:
    def told(gate: str, reason: str) -> tuple[Any, ...]:
        (one,) = (each for each in found["confusion"] if (each["gate"], each["reason"]) == (gate, reason))
        return tuple(one[name] for name in ("rejected", "shown", "answered", "agree", "keep", "other", "instead"))

    assert len(found["confusion"]) == 5
    assert told("language", "wrong_language") == (True, 5, 5, 2, 2, 1, {"off_task": 1})  # r1, r2; r0, r4; r3
    assert told("length", "too_short") == (True, 2, 2, 1, 1, 0, {})  # r6; r4
    assert told("leakage", "query_copied") == (True, 1, 1, 0, 1, 0, {})
    assert told("format", "refusal") == (True, 1, 0, 0, 0, 0, {})
    assert told("language", "no_detector") == (False, 2, 2, 0, 1, 1, {"wrong_language": 1})  # d0; d1
    assert found["not_caught"] == {"unnatural": 1, "wrong_answer": 1}  # a3, a2


def test_relevance_is_the_median_of_random_rows_and_doubtful_negatives_are_named(found: dict[str, Any]) -> None:
    """sts: a0 5/2, a1 4.5/1.5, a2 3/2.5, a3 4/1, a4 5/3. bitext: a6 4.5/4, a8 5/1. d0: 5/5."""
    assert found["relevance"] == {
        "sts": {
            "positive": 4.5, "positives_rated": 5, "negative": 2, "negatives_rated": 5,
            "possible_false_negatives": ["d0"],
        },
        "bitext": {
            "positive": 4.75, "positives_rated": 2, "negative": 2.5, "negatives_rated": 2,
            "possible_false_negatives": [],
        },
    }  # fmt: skip


def test_acceptance_counts_only_the_beginning_of_the_random_part(found: dict[str, Any]) -> None:
    """a7 is the first row that nobody has finished; before it a2, a3 are defective, and a5, which nobody could judge."""
    acceptance = found["acceptance"]
    assert [acceptance[name] for name in ("population", "drawn", "prefix", "defects")] == [1000, 10, 7, 3]


def test_without_answers_all_rates_are_none(found: dict[str, Any]) -> None:
    for sample in (table(SAMPLE_LINES), SAMPLE.empty_table()):
        empty = json.loads(json.dumps(figures(sample, [], NONE, ReviewSpec(), GatesSpec())))
        assert empty.keys() == found.keys()
        nothing = {"rows": 0, "hits": 0, "rate": None, "low": None, "high": None}
        assert empty["defects"]["overall"] == empty["wrong_rejections"]["overall"] == nothing
        assert empty["defects"]["weight"] is empty["wrong_rejections"]["covered"] is None
        assert empty["defects"]["by_group"] == empty["relevance"] == empty["not_caught"] == {}
        assert empty["thresholds"] == []
        assert empty["agreement"]["questions"]["decision"]["alpha"] is None


responses = st.tuples(
    st.integers(0, 100),
    st.sampled_from(("ann", "ben", "cem")),
    st.sampled_from(("submitted", "submitted", "submitted", "draft", "discarded")),
    st.sampled_from(Decision),
    st.lists(st.sampled_from(list(WRONG)), max_size=2),
    st.none() | st.integers(1, 5),
)


@settings(max_examples=25, deadline=None)
@given(lists_of_rows, st.lists(responses, max_size=60))
def test_totals_add_up(rows: list[Any], given_answers: list[tuple[Any, ...]]) -> None:
    drawn = tables(rows)
    sample = draw(drawn, ReviewSpec(reviewers=("ann", "ben", "cem")), 40, 1)
    if not sample.num_rows:
        return
    lines = sample.to_pylist()
    reviews = []
    for number, who, status, decision, wrong, rating in given_answers:
        line = lines[number % len(lines)]
        answers = Answers(decision=decision, wrong=tuple(wrong), positive_relevance=rating, negative_relevance=rating)
        reviews.append(
            Review(
                id=line["id"],
                content_hash=line["content_hash"],
                reviewer=who,
                status=status,
                at="2026-01-01T00:00:00Z",
                source="test",
                form=form_version(),
                answers=answers,
            )
        )
    result = figures(sample, reviews, drawn.verdicts, ReviewSpec(), GatesSpec())
    json.dumps(result, allow_nan=False)
    progress, defects, wrong = result["progress"], result["defects"], result["wrong_rejections"]
    for part in (progress["shown"], *progress["parts"].values()):
        assert part["drawn"] == sum(part[state] for state in ("answered", "discarded", "drafts", "pending"))
    assert sum(part["drawn"] for part in progress["parts"].values()) == len(lines)
    assert progress["parts"]["random"]["answered"] == defects["overall"]["rows"] == sum(defects["decisions"].values())
    assert defects["overall"]["hits"] == sum(one["hits"] for one in defects["by_group"].values())
    assert defects["overall"]["rows"] == sum(one["rows"] for one in defects["by_group"].values())
    if defects["overall"]["rows"]:
        assert Fraction(defects["weight"]).limit_denominator(1000) * defects["overall"]["rows"] == defects["population"]
    assert wrong["overall"]["rows"] == progress["parts"]["rejected"]["answered"]
    if wrong["overall"]["rows"]:
        strata = {line["stratum"]: line["stratum_rows"] for line in lines if line["part"] == "rejected"}
        assert set(wrong["weights"]) <= set(strata)
        assert 0 < wrong["covered"] <= 1
        assert wrong["overall"]["low"] <= wrong["overall"]["rate"] <= wrong["overall"]["high"]
    for one in result["confusion"]:
        assert one["shown"] >= one["answered"] == one["agree"] + one["keep"] + one["other"]
        assert bool(one["instead"]) == bool(one["other"])
