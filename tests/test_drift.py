"""Drift: what must hold for any rows, and planted changes that are found and named."""

import json
import random
from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stored import stored

from pairsmith.curation.drift import ALPHA, LEAST, OF_SHARES, RARE, DriftSettings, drift
from pairsmith.curation.drift_vanished import FEWEST, vanished
from pairsmith.curation.profile import Profile, profile
from pairsmith.factory.languages import default_weights
from pairsmith.factory.records import RELEASE, VERDICTS, content_hash

WORDS = [f"w{number}" for number in range(400)]
LANGUAGES = ("en", "de", "fr", "sw")


def lines(number: int, seed: int = 0, **changes) -> list[dict]:
    """Rows of a made-up release. ``changes``: column -> value, or a function of the random numbers and the row."""
    chance = random.Random(seed)
    made = []
    for place in range(number):
        row = {
            "id": f"{seed}-{place:06}", "request_id": f"r{place}", "group": chance.choice(("sts", "short_long")),
            "instruction": f"find {chance.choice(WORDS)} {chance.choice(WORDS)}",
            "query": " ".join(chance.choices(WORDS, k=chance.randint(3, 12))),
            "positive": " ".join(chance.choices(WORDS, k=chance.randint(20, 60))),
            "negatives": [" ".join(chance.choices(WORDS, k=30))], "query_language": chance.choice(LANGUAGES),
            "model": chance.choice(("a", "b")), "split": "train",
        }  # fmt: skip
        row |= {name: value(chance, row) if callable(value) else value for name, value in changes.items()}
        row["document_language"] = row["query_language"]
        made.append(row | {"content_hash": content_hash(row["query"], row["positive"], row["negatives"])})
    return made


def of(rows: list[dict], **more) -> Profile:
    return profile([stored(pa.Table.from_pylist(rows, schema=RELEASE), batch=700)], **more)


BASELINE = of(lines(2000))


def first(other: Profile) -> str:
    return drift(BASELINE, other)[0].metric


def test_other_rows_of_the_same_kind_show_no_drift():
    assert drift(BASELINE, of(lines(2000, seed=1))) == []
    assert drift(BASELINE, of(lines(200, seed=2))) == []


@pytest.mark.parametrize(
    ("changes", "metric"),
    [
        ({"query_language": lambda chance, row: chance.choice(LANGUAGES[:3])}, "drift.query_language.sw"),
        ({"query_language": lambda chance, row: chance.choice((*LANGUAGES, "yo"))}, "drift.query_language.yo"),
        ({"group": lambda chance, row: "sts" if chance.random() < 0.7 else "short_long"}, "drift.group.short_long"),
        ({"model": "a"}, "drift.model.b"),
        (
            {"positive": lambda chance, row: " ".join((row["positive"], *chance.choices(WORDS, k=6)))},
            "drift.length.positive",
        ),
        ({"negatives": lambda chance, row: row["negatives"][chance.random() < 0.1 :]}, "drift.negatives"),
        (
            {"query": lambda chance, row: "how do i " * (chance.random() < 0.06) + row["query"]},
            "drift.opening.query.how do i",
        ),
        ({"query": lambda chance, row: f"w1 w2 w{chance.randint(1, 600)}"}, "drift"),
        ({"instruction": lambda chance, row: f"find {chance.choice(WORDS[:60])}"}, "drift.repeated.task"),
        (
            {"positive": lambda chance, row: " ".join(chance.choices(WORDS[::8], k=chance.randint(20, 60)))},
            "drift.diversity.distinct_ngrams",
        ),
    ],
)
def test_a_change_is_found_first_under_its_name(changes, metric):
    found = drift(BASELINE, of(lines(2000, seed=1, **changes)))
    assert found[0].metric.startswith(metric)
    assert all(one.p <= ALPHA and one.severity >= 1 for one in found)


def test_what_a_change_brings_about_in_the_same_dimension_is_no_finding_of_its_own():
    other = of(lines(2000, seed=1, query_language=lambda chance, row: chance.choice(("en", "de"))))
    told = {one.metric for one in drift(BASELINE, other) if "query_language" in one.metric}
    assert told == {"drift.query_language.fr", "drift.query_language.sw"}


def test_a_finding_says_the_figures_the_bound_and_rows_to_look_at():
    (found, *_) = drift(BASELINE, of(lines(2000, seed=1, model="a")))
    assert (found.metric, found.value) == ("drift.model.b", 0)
    assert found.what == f"model 'b' is gone: it was {found.baseline:.1%}"
    assert found.value < found.bound < found.baseline and found.reason == LEAST[""].reason
    assert len(found.examples) == 5 and all(one.startswith("0-") for one in found.examples)
    new = drift(of(lines(2000, model="a")), of(lines(2000, seed=1)))[0]
    assert all(one.startswith("1-") for one in new.examples)
    assert json.dumps(found.as_json())


def test_repeated_rows_are_found_and_fewer_of_them_are_no_regression():
    rows = lines(2000, seed=1)
    doubled = [row | {"id": f"again{place}"} for place, row in enumerate(rows[:60])]
    assert first(of(rows + doubled)) == "drift.repeated.query"
    assert not any("repeated" in one.metric for one in drift(of(rows + doubled), of(rows)))


def test_tasks_that_come_in_bunches_are_no_drift_and_all_tasks_twice_are():
    bunches = [
        Profile(rows=4500, repeated={"task": times}) for times in ({1: 3000, 5: 300}, {1: 2800, 5: 100, 120: 10})
    ]
    assert drift(*bunches) == drift(*bunches[::-1]) == []
    once, twice = (Profile(rows=2000, repeated={"task": {times: 2000 // times}}) for times in (1, 2))
    assert {one.metric for one in drift(once, twice)} == {"drift.repeated.task", "drift.diversity.task_entropy"}
    one, two = (Profile(rows=2, repeated={"task": {times: 2 // times}}) for times in (1, 2))
    assert drift(one, two) == []


@pytest.mark.parametrize("name", ["query", "task"])
def test_one_thing_that_takes_over_is_found(name):
    before, after = (Profile(rows=2000, repeated={name: times}) for times in ({1: 1800, 2: 100}, {1: 1700, 300: 1}))
    assert [one.metric for one in drift(before, after)] == [f"drift.commonest.{name}"]
    assert drift(after, before) == []


def test_a_few_tasks_of_which_each_has_as_many_rows_as_ever_are_no_drift():
    baseline, added = (Profile(rows=rows, repeated={"task": {10: rows // 10}}) for rows in (10_000, 40))
    assert drift(baseline, added) == []


def test_scores_that_sink_are_found_by_gate_field_and_group():
    def scored(seed: int, low: float) -> Profile:
        rows, chance = lines(2000, seed=seed), random.Random(seed)
        said = [
            {"request_id": "r", "id": row["id"], "gate": "relevance", "field": "positive", "verdict": "keep"}
            | {"score": None if place % 9 == 0 else chance.uniform(low, 1)}
            for place, row in enumerate([*rows, {"id": "rejected"}])
        ]
        return of(rows, verdicts=stored(pa.Table.from_pylist(said, schema=VERDICTS)))

    sane = scored(0, 0.6)
    assert sum(sum(one.values()) for one in sane.scores.values()) == 2000 - 223
    assert drift(sane, scored(1, 0.6)) == []
    found = drift(sane, scored(1, 0.3))
    assert [one.metric for one in found] == [
        f"drift.score.relevance.positive.{name}" for name in ("short_long", "sts")
    ] or ({one.metric for one in found} == {f"drift.score.relevance.positive.{name}" for name in ("short_long", "sts")})


def test_rare_categories_are_told_together_where_none_could_be_told_alone():
    codes = list(default_weights())

    def told(share: float) -> Callable[[random.Random, int], str]:
        """Two languages share what is left, so that neither alone is all that the rare ones gain."""
        return lambda chance, row: chance.choice(codes[20:] if chance.random() < share else ["en", "de"])

    found = drift(of(lines(400, query_language=told(0.05))), of(lines(400, seed=1, query_language=told(0.2))))
    assert f"drift.query_language.{RARE}" in {one.metric for one in found}


def test_a_category_that_is_taken_out_of_a_version_is_named_however_rare_it_was():
    rows = lines(300)
    for row, language in zip(rows, ["yo"] * FEWEST + ["so"] * (FEWEST - 1), strict=False):
        row["query_language"] = language
    whole, left = of(rows), of([row for row in rows if row["query_language"] not in ("yo", "so")])
    assert drift(whole, left) == []
    (found,) = vanished(whole, left)
    assert (found.metric, found.severity, found.p) == ("drift.query_language.yo", 1, None)
    assert found.examples == tuple(row["id"] for row in rows[:FEWEST])
    assert vanished(whole, whole) == vanished(left, whole) == []


def test_no_rows_no_drift():
    assert drift(Profile(), BASELINE) == drift(BASELINE, of([])) == drift(Profile(), Profile()) == []


def test_the_added_rows_alone_show_what_hides_in_the_whole():
    rows, added = lines(2000), lines(150, seed=1, model="c")
    whole = of(rows + added)
    alone = of(rows + added, ids=[row["id"] for row in added])
    assert alone.rows == 150
    assert {"drift.model.a", "drift.model.b", "drift.model.c"} >= {one.metric for one in drift(BASELINE, alone)}
    assert drift(BASELINE, alone)[0].metric == "drift.model.c"
    assert len(drift(BASELINE, whole)) <= 1


ROWS = st.lists(
    st.tuples(
        st.sampled_from(("sts", "short_long")), st.sampled_from(LANGUAGES), st.sampled_from("ab"), st.integers(1, 3000)
    ),
    max_size=12,
).map(lambda kinds: [(kind, 40) for kind in kinds])


def counted(kinds) -> Profile:
    made = Profile()
    for (group, language, model, length), number in kinds:
        made.rows += number
        for name, value in (("group", group), ("query_language", language), ("model", model)):
            made.shares[name][value] += number
        made.lengths[f"query.{group}"][model][length] += number
    return made


@given(ROWS, ROWS)
@settings(deadline=None)
def test_drift_is_seen_from_either_side(first, second):
    there, back = (drift(*pair) for pair in ((counted(first), counted(second)), (counted(second), counted(first))))
    told = [{one.metric: (round(one.p, 9), round(one.severity, 6)) for one in found} for found in (there, back)]
    assert told[0] == told[1]
    shares = [
        {one.metric: (one.value, one.baseline) for one in found if "length" not in one.metric}
        for found in (there, back)
    ]
    assert shares[0] == {metric: figures[::-1] for metric, figures in shares[1].items()}


@given(ROWS, st.integers(1, 50))
@settings(deadline=None)
def test_the_same_shares_are_no_drift_at_any_size(kinds, times):
    assert drift(counted(kinds), counted(kinds * times)) == []


@given(ROWS, ROWS, st.floats(1e-9, 0.004))
@settings(deadline=None)
def test_a_stricter_level_finds_no_more(first, second, alpha):
    strict = drift(counted(first), counted(second), DriftSettings(alpha=alpha))
    assert len(strict) <= len(drift(counted(first), counted(second)))
    assert all(one.p <= alpha for one in strict)


def test_golden_findings():
    was, now = Profile(rows=10_000), Profile(rows=10_000)
    was.shares["query_language"].update(en=9_700, de=300)
    now.shares["query_language"].update(en=9_850, de=150)
    (found,) = drift(was, now)
    assert found.what == "query_language 'de' fell from 3% to 1.5%"
    assert found.p == pytest.approx(2 * 8.2e-13 / OF_SHARES, rel=0.05)  # de, and en, which tells the same
    assert (found.bound, found.severity) == (pytest.approx(0.024), pytest.approx(4))
