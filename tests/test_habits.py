"""Habits of texts: what is told of known ones, and that every text that is no label has one of each kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_drift import BASELINE, lines, of

from pairsmith.curation.drift import RARE, drift
from pairsmith.curation.habits import LABEL, RUN, case_of, habits
from pairsmith.curation.profile import EXAMPLES
from pairsmith.factory.text import tokens


def told(field: str, *texts: str) -> dict[str, list[str]]:
    found = habits(field, zip(map(str, range(len(texts))), texts, strict=True))
    return {dimension: [category for category, _ in each] for dimension, each in found.items()}


def test_what_is_told_of_known_texts() -> None:
    assert told("query", "- How do I swim? Ask ana.weber7@gmail.com", " ¿Dónde 1", "東京都") == {
        "opening.query": ["how do i", "dónde 1", "東 京 都"],
        "ending.query": ["weber7 gmail com", "dónde 1", "東 京 都"],
        "first.query": ["-", "¿", "letter"],
        "last.query": ["letter", "number", "letter"],
        "contact.query": ["e-mail address", "none", "none"],
        "case.query": ["capital first", "capital first"],
    }
    assert told("positive", "Very good", "?", "") == {}


@pytest.mark.parametrize(
    ("text", "case"),
    [
        ("how do I swim", "small first"),
        ("\u201c2 Ways", "capital first"),
        ("A", "capital first"),
        ("how to swim", "small"),
        ("HOW TO SWIM", "capitals"),
        ("ΠΩΣ", "capitals"),
        ("泳ぐ", None),
        ("कैसे", None),
        ("", None),
    ],
)
def test_the_case_of_known_texts(text: str, case: str | None) -> None:
    assert case_of(text) == case


@given(st.lists(st.text(max_size=300)))
def test_every_text_that_is_no_label_has_one_habit_of_each_kind(texts: list[str]) -> None:
    for field, least in (("query", 0), ("positive", LABEL)):
        found = told(field, *texts)
        wanted = sum(len(tokens(text.strip()[:200])) > least for text in texts)
        for habit in ("opening", "ending", "first", "last", "contact"):
            assert len(found.get(f"{habit}.{field}", ())) == wanted
        assert len(found.get(f"case.{field}", ())) <= wanted
        assert all(1 <= len(one.split()) <= RUN for one in found.get(f"opening.{field}", ()))


CHANGES = [
    ("positive", lambda text: f"{text} let me know", "drift.ending.positive.let me know"),
    ("positive", lambda text: f"you are given {text}", "drift.opening.positive.you are given"),
    ("query", lambda text: f"- {text}", "drift.first.query.-"),
    ("query", str.upper, "drift.case.query.capitals"),
    ("query", str.capitalize, "drift.case.query.capital first"),
    ("positive", lambda text: f"{text}.", "drift.last.positive.."),
    ("positive", lambda text: f"{text[:40]} ana.weber7@gmail.com {text[40:]}", "drift.contact.positive.e-mail address"),
]


@pytest.mark.parametrize(("field", "change", "metric"), CHANGES, ids=[metric for _, _, metric in CHANGES])
def test_what_is_done_to_one_text_in_twelve_is_found_with_rows_in_which_it_stands(field, change, metric) -> None:
    def changed(chance, row):
        return change(row[field]) if chance.random() < 1 / 12 else row[field]

    found = {one.metric: one for one in drift(BASELINE, of(lines(2000, seed=1, **{field: changed})))}
    assert metric in found and len(found[metric].examples) == EXAMPLES
    assert not any(name.endswith(RARE) for name in found)


def test_what_is_done_to_negatives_is_found() -> None:
    def changed(chance, row):
        return [f"{text} as asked for" if chance.random() < 1 / 12 else text for text in row["negatives"]]

    found = drift(BASELINE, of(lines(2000, seed=1, negatives=changed)))
    assert "drift.ending.negatives.as asked for" in {one.metric for one in found}
