"""Profiles: what is counted, and that nothing but the rows decides it."""

import json
import random
from collections import Counter
from itertools import pairwise

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from stored import stored
from test_drift import lines, of

from pairsmith.curation.diversity import ROWS
from pairsmith.curation.profile import CATEGORIES, EXAMPLES, Profile, bin_of, profile
from pairsmith.factory.records import RELEASE


def test_the_order_of_rows_files_and_batches_changes_nothing():
    rows = lines(900)
    found = of(rows)
    mixed = random.Random(3).sample(rows, len(rows))
    tables = [pa.Table.from_pylist(part, schema=RELEASE) for part in (mixed[:100], mixed[100:650], mixed[650:])]
    assert profile([stored(table, batch=77) for table in tables]).as_json() == found.as_json()


def test_every_dimension_counts_every_row_once():
    rows = lines(500)
    for row in rows[:30]:
        row["document_language"] = "yo"
    found = of(rows)
    assert found.rows == 500
    for name in {*CATEGORIES, "length.query", "length.positive"} - {"document_language"}:
        assert found.shares[name].total() == 500
    assert found.shares["document_language"] == {"yo": 30}
    assert sum(counts.total() for name, counts in found.shares.items() if name.startswith("negatives.")) == 500
    for field, texts in (("query", 500), ("positive", 500), ("negatives", sum(len(row["negatives"]) for row in rows))):
        kinds = [strata.values() for name, strata in found.lengths.items() if name.startswith(f"{field}.")]
        assert (
            sum(counts.total() for strata in kinds for counts in strata)
            == found.shares[f"length.{field}"].total()
            == texts
        )
    assert sum(times * number for times, number in found.repeated["query"].items()) == 500
    asked = sum(row["group"] == "short_long" for row in rows)
    assert sum(times * number for times, number in found.repeated["task"].items()) == asked


def test_lengths_are_counted_by_what_was_asked_for():
    asked = [{"num_words": "50", "query_length": "less than 5 words"}, {"unit": "sentence"}, {}]
    rows = [row | asked[place % 3] | {"group": "sts"} for place, row in enumerate(lines(300))]
    found = of(rows).lengths["positive.sts"]
    assert found.keys() == {"50 / less than 5 words", "sentence", ""}
    assert found["sentence"] == Counter(len(row["positive"]) for row in rows if row.get("unit"))


def test_a_profile_comes_back_from_json():
    found = of([row | {"unit": "phrase"} for row in lines(300)])
    assert Profile.from_json(json.loads(json.dumps(found.as_json()))).as_json() == found.as_json()


def test_examples_are_the_first_rows_of_their_category():
    rows = [row | {"document_language": "yo"} for row in lines(300)]
    found = of(rows)
    for name in CATEGORIES:
        for value, ids in found.examples[name].items():
            assert ids == sorted(row["id"] for row in rows if row[name] == value)[:EXAMPLES]


def test_the_same_rows_are_drawn_for_the_sample_whatever_stands_beside_them():
    rows = lines(ROWS + 600)
    few = profile([stored(pa.Table.from_pylist(rows, schema=RELEASE), batch=500)])
    assert few.shares["opening.query"].total() == ROWS and len(few.sample.ngrams) == ROWS / 100
    again = profile([stored(pa.Table.from_pylist(rows[::-1], schema=RELEASE))])
    assert again == few


@given(st.lists(st.sampled_from([f"0-{place:06}" for place in range(40)])))
@settings(max_examples=20, deadline=None)
def test_only_the_rows_that_are_named_are_counted(ids):
    rows = lines(40)
    assert of(rows, ids=ids).as_json() == of([row for row in rows if row["id"] in set(ids)]).as_json()


@given(st.integers(0, 10**6))
def test_a_length_is_in_the_bin_that_says_so(characters):
    low, _, high = bin_of(characters).partition("-")
    assert int(low) <= characters <= int(high or low)


def test_bins_leave_no_gap():
    bins = list(dict.fromkeys(map(bin_of, range(5000))))
    for before, after in pairwise(bins):
        assert int(before.split("-")[-1]) + 1 == int(after.split("-")[0])
