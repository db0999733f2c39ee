"""Which thresholds people's answers would move: only as far, and only where, the answers support it."""

from collections.abc import Sequence
from itertools import accumulate, product
from typing import Any

import pytest
from hand_review import line, review, table, verdicts
from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith.curation.answered import shown
from pairsmith.curation.gate_scores import read_lines
from pairsmith.curation.suggested_thresholds import RISK, chance_of, suggested_thresholds
from pairsmith.factory.spec import GatesSpec

Said = dict[str, Any]


def drop(gate: str, reason: str, score: float, threshold: float, field: str = "positive") -> Said:
    return {"gate": gate, "field": field, "verdict": "drop", "reason": reason, "score": score, "threshold": threshold}


def keep(gate: str, score: float, threshold: float) -> Said:
    return {"gate": gate, "field": "positive", "verdict": "keep", "score": score, "threshold": threshold}


def suggested(
    rejected: Sequence[tuple[bool, Sequence[Said]]] = (),
    random: Sequence[tuple[str | None, Sequence[Said]]] = (),
    doubtful: Sequence[tuple[str | None, Sequence[Said]]] = (),
    group: str = "sts",
    gates: GatesSpec | None = None,
) -> list[dict[str, Any]]:
    """What is suggested where people keep, or not, rejected rows of which the gates said this, and call accepted ones wrong
    for a reason, or keep them. 1,000 rows were rejected, and 10,000 accepted."""
    rows, said, reviews = [], [], []
    for part, whole, found in (("rejected", 1000, rejected), ("random", 10_000, random), ("doubtful", 500, doubtful)):
        for place, (answer, lines) in enumerate(found):
            name = f"{part} {place}"
            rows.append(line(name, part, place, f"{group}/en", whole, whole))
            said += [{"id": name, **each} for each in lines]
            kept = answer if part == "rejected" else answer is None
            wrong = [answer] if isinstance(answer, str) else []
            reviews.append(review(name, "ann", 20 * place, decision="keep" if kept else "drop", wrong=wrong))
    lines = read_lines(verdicts(said), [row["id"] for row in rows])
    return suggested_thresholds(shown(table(rows), reviews), lines, gates or GatesSpec())


def test_rows_that_people_keep_move_the_threshold_just_beyond_them() -> None:
    """Nine rows were dropped for p of the language below 0.05, of which people keep the seven nearest to it."""
    scores = (0.045, 0.04, 0.035, 0.03, 0.026, 0.022, 0.021, 0.01, 0.001)
    rows = [(place < 7, [drop("language", "wrong_language", p, 0.05)]) for place, p in enumerate(scores)]
    (one,) = suggested(rows)
    assert one == {
        "gate": "language", "key": "gates.language.strictness", "current": 1.0,
        "suggested": 0.42,  # 0.021 / 0.05: dropped is what lies below it
        "answers": 9, "move": "in", "rows": 7, "better": 7, "worse": 0,
        "estimated": 778,  # each stands for 1,000 / 9
        "chance": (1 + 9 + 1) / 2**9,  # of nine steps up or down that get 7 up: ends at 9 or 7, and again at 9
    }  # fmt: skip


def test_five_answers_that_agree_do_not_move_a_threshold_and_six_do() -> None:
    rows = [(True, [drop("leakage", "query_copied", 0.8 + place / 100, 0.8)]) for place in range(6)]
    (few,), (enough,) = suggested(rows[:5]), suggested(rows)
    assert (few["suggested"], few["answers"], few["rows"], few["better"]) == (None, 5, 5, 5)
    assert (enough["suggested"], enough["key"]) == (0.86, "gates.leakage.query_containment")  # from 0.86 on is dropped


def test_answers_that_go_one_way_as_often_as_the_other_move_nothing() -> None:
    rows = [(place % 2 == 0, [drop("leakage", "query_copied", 0.8 + place / 200, 0.8)]) for place in range(38)]
    (one,) = suggested(rows)
    assert one["suggested"] is None
    assert one["chance"] > RISK


def test_a_row_that_is_rejected_for_other_reasons_too_has_no_say() -> None:
    both = [drop("language", "wrong_language", 0.04, 0.05), drop("format", "refusal", 1, 1)]
    assert suggested([(True, both)] * 10) == []
    same = [drop("language", "wrong_language", p, 0.05, field) for p, field in ((0.04, "query"), (0.03, "positive"))]
    (one,) = suggested([(True, same)] * 10)
    assert one["suggested"] == 0.6  # both of its texts must pass


@pytest.mark.parametrize(
    ("said", "group", "key", "value"),
    [
        (drop("length", "too_short", 35, 50), "sts", "gates.length.at_least", 0.7),
        (drop("length", "too_long", 25, 10), "sts", "gates.length.at_most", 2.6),
        (drop("length", "too_short", 4, 10, "query"), "short_long", "gates.length.query_slack", 2.6),
        (drop("length", "too_long", 24, 10, "query"), "short_long", "gates.length.query_slack", 2.5),
        (drop("length", "too_short", 35, 50), "short_long", "gates.length.at_least", 0.7),
        (drop("language", "wrong_language", 0.15, 0.25), "sts", "gates.language.strictness", 0.6),
        (drop("leakage", "query_copied", 0.91, 0.8), "short_long", "gates.leakage.query_containment", 0.92),
        (drop("contamination", "contamination", 15, 13), "sts", "gates.contamination.ngram", 16),
        (
            drop("contamination", "contamination", 33, 26),
            "sts",
            "gates.contamination.ngram",
            17,
        ),  # 2 characters a token
        (drop("contamination", "contamination", 0.75, 0.7), "sts", "gates.contamination.overlap", 0.76),
        (drop("my_gate", "shouting", 0.55, 0.5), "sts", None, 0.56),
        (drop("my_gate", "dull", 0.45, 0.5), "sts", None, 0.45),
    ],
)
def test_the_number_of_the_spec_that_lets_the_row_in_is_named(
    said: Said, group: str, key: str | None, value: float
) -> None:
    (one,) = suggested([(True, [said])] * 8, group=group)
    assert (one["gate"], one["key"], one["suggested"]) == (said["gate"], key, value)


@pytest.mark.parametrize(
    "said",
    [
        drop("leakage", "label_leak", 1, 1),
        drop("leakage", "identical_texts", 1, 1),
        drop("leakage", "query_copied", 1, 0.8),  # word by word: dropped at any share
        drop("leakage", "query_copied", 0.9, 0.77),  # lightly edited: by a number that is no setting
        drop("contamination", "contamination", 1, 0.7),
        drop("language", "mixed_language", 0.001, 0.05),
        drop("language", "wrong_script", 0.1, 0.2),
        drop("length", "too_short", 0, 10),
        drop("format", "repetition", 0.9, None),
        {**drop("language", "no_detector", 0.01, 0.05), "verdict": "unverified"},
    ],
)  # fmt: skip
def test_no_number_is_named_where_none_decides(said: Said) -> None:
    assert suggested([(True, [said])] * 20) == []


def test_defects_that_people_name_for_the_reason_of_the_gate_tighten_it() -> None:
    """Of rows just above the threshold people call seven wrong for the language; one more is wrong for something else."""
    wrong = [("wrong_language", [keep("language", p, 0.05)]) for p in (0.051, 0.052, 0.053, 0.054, 0.055, 0.056, 0.057)]
    other = [("unnatural", [keep("language", 0.0545, 0.05)])]
    sound = [(None, [keep("language", 0.06 + place / 100, 0.05)]) for place in range(2)]
    (one,) = suggested(doubtful=[*wrong, *other], random=sound)
    assert (one["suggested"], one["move"], one["rows"], one["better"], one["worse"]) == (1.2, "out", 8, 7, 0)
    assert (one["answers"], one["estimated"]) == (9, 8)  # doubtful rows were chosen, not drawn: each is one row


def test_a_random_row_stands_for_all_accepted_ones_that_are_not_doubtful() -> None:
    random = [("wrong_language", [keep("language", 0.06, 0.05)])] * 20 + [(None, [keep("language", 0.9, 0.05)])] * 20
    doubtful = [("wrong_language", [keep("language", 0.055, 0.05)])] * 10
    (one,) = suggested(random=random, doubtful=doubtful)
    assert one["rows"] == 30
    assert one["estimated"] == round(10 + 20 * (10_000 - 10) / 40)


def test_current_values_are_those_of_the_spec() -> None:
    gates = GatesSpec.model_validate({"language": {"strictness": 2.0}})
    (one,) = suggested([(True, [drop("language", "wrong_language", 0.081, 0.1)])] * 6, gates=gates)
    assert (one["current"], one["suggested"]) == (2.0, 1.6)  # 0.1 is twice the calibrated 0.05


@given(st.integers(0, 9), st.integers(-1, 10))
def test_the_chance_is_that_of_all_ways_that_a_walk_can_go(steps: int, height: int) -> None:
    walks = [max(accumulate(walk, initial=0)) for walk in product((1, -1), repeat=steps)]
    assert chance_of(steps, height) == sum(highest >= height for highest in walks) / len(walks)


scores = st.floats(0.001, 0.999).map(lambda score: round(score, 3))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(scores, st.sampled_from([True] * 5 + [False])), min_size=12, max_size=40), st.booleans())
def test_judged_by_the_suggested_number_just_the_rows_move_that_it_says(
    answers: list[tuple[float, bool]], from_on: bool
) -> None:
    """Texts of a gate with the threshold 0.5, which mostly says the opposite of what people say."""

    def dropped(score: float, threshold: float) -> bool:
        return score >= threshold if from_on else score < threshold

    texts = [(p, against == dropped(p, 0.5)) for p, against in answers]
    rejected = [(kept, [drop("my_gate", "refusal", p, 0.5)]) for p, kept in texts if dropped(p, 0.5)]
    accepted = [(None if kept else "refusal", [keep("my_gate", p, 0.5)]) for p, kept in texts if not dropped(p, 0.5)]
    for one in suggested(rejected, accepted):
        new = one["suggested"]
        if new is None:
            continue
        moved = [(p, kept) for p, kept in texts if dropped(p, 0.5) != dropped(p, new)]
        better = sum(kept == dropped(p, 0.5) for p, kept in moved)
        assert (one["rows"], one["better"], one["worse"]) == (len(moved), better, len(moved) - better)
        assert all(dropped(p, 0.5) == (one["move"] == "in") for p, _ in moved)
        assert chance_of(one["answers"], better - (len(moved) - better)) <= RISK
