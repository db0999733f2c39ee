"""Gate ``duplicates``: equal to the exact answer, whatever the order of the rows."""

import random
from itertools import combinations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith.factory.records import PAIRS
from pairsmith.factory.spec import DuplicatesSpec
from pairsmith.factory.text import jaccard, shingles, tokens
from pairsmith.validators.duplicates import Clusters, DuplicatesGate, bands_for, near_links

LONG = "the old ferry crosses the sound twice a day in winter and every hour in summer unless the wind is too strong"


def row(name, query, positive, *, negative=None, instruction="task", languages=("en", "en"), group="short_long"):
    return {
        "id": name,
        "request_id": name,
        "content_hash": "h",
        "group": group,
        "instruction": instruction,
        "model": "m",
        "query": query,
        "positive": positive,
        "negatives": [negative] if negative else [],
        "query_language": languages[0],
        "document_language": languages[1],
    }


def judge(rows, **spec):
    return DuplicatesGate(DuplicatesSpec(**spec)).judge(pa.Table.from_pylist(rows, schema=PAIRS)).to_pylist()


def dropped(rows, **spec):
    return {line["id"]: line for line in judge(rows, **spec) if line["verdict"] == "drop"}


def test_of_equal_rows_the_smallest_id_survives():
    lines = dropped([row(name, "PEI  sheet", LONG) for name in "cab"])
    assert {name: (line["reason"], line["related"]) for name, line in lines.items()} == {
        "b": ("exact_duplicate", "a"),
        "c": ("exact_duplicate", "a"),
    }


def test_case_width_and_spacing_make_no_difference():
    assert set(dropped([row("a", "PEI sheet", LONG), row("b", "ＰＥＩ   SHEET", LONG.upper())])) == {"b"}


def test_a_lightly_edited_row_goes_and_the_one_with_more_text_survives():
    edited = LONG.replace("strong", "strong for it")
    lines = dropped([row("a", "ferry times", LONG), row("b", "ferry times", edited, instruction="other")])
    assert set(lines) == {"a"}
    assert (lines["a"]["reason"], lines["a"]["related"], lines["a"]["field"]) == ("near_duplicate", "b", "positive")
    assert 0.7 <= lines["a"]["score"] < 1


def test_the_same_query_is_a_duplicate_within_its_task_only():
    first = row("a", "Hallelujah", "A song by Leonard Cohen, first recorded in 1984.")
    other = row("b", "Hallelujah", "Chords: C, A minor, C, A minor, F, G, C, G.")
    assert set(dropped([first, other])) == {"b"}
    assert not dropped([first, {**other, "instruction": "Retrieve the chords of a song."}])
    assert not dropped([first, {**other, "document_language": "de"}])


def test_short_questions_that_differ_in_a_word_are_different_questions():
    asked = ("Why was I charged a fee for a transfer", "Why was I charged a fee for a withdrawal")
    answers = ("Because it left the country.", "Because the machine is not ours.")
    assert not dropped([row(name, *texts) for name, *texts in zip("ab", asked, answers, strict=True)])


def test_characters_of_unspaced_scripts_are_tokens():
    text = "这座古老的渡轮冬天每天两次横渡海峡夏天每小时一班除非风力过大或者遇上大雾天气"
    assert set(dropped([row("a", "渡轮", text), row("b", "渡轮？", text.replace("冬天", "冬季"))])) == {"a"}


def test_a_chain_of_twins_leaves_one_row():
    words = LONG.split()
    rows = []
    for number, place in enumerate((None, 0, -1, 1, -2)):
        if place is not None:
            words[place] = "x" * len(words[place])
        rows.append(row(f"{number}", "ferry", " ".join(words), instruction=f"task {number}"))
    assert not dropped([rows[0], rows[-1]])
    assert set(dropped(rows)) == {"1", "2", "3", "4"}


def test_every_field_gets_a_line():
    lines = judge([row("a", "one", LONG, negative="two")])
    fields = ("query", "positive", "negative")
    assert [(line["field"], line["verdict"]) for line in lines] == [(field, "keep") for field in fields]


def test_an_empty_table_gives_an_empty_table():
    assert judge([]) == []


def corpus(seed, size=60):
    """Random texts with edited copies of each other, some of them long."""
    rng = random.Random(seed)
    words = [f"w{number}" for number in range(400)]
    texts = []
    for number in range(size):
        if number % 3 and texts:
            text = rng.choice(texts).split()
            for _ in range(rng.randrange(4)):
                text[rng.randrange(len(text))] = rng.choice(words)
        else:
            text = rng.choices(words, k=rng.choice((5, 14, 40, 120)))
        texts.append(" ".join(text))
    return texts


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_verdicts_do_not_depend_on_the_order_of_the_rows(seed, shuffler):
    rows = [row(f"{n:03d}", text, f"answer {n % 7}") for n, text in enumerate(corpus(seed))]
    first = judge(rows)
    shuffler.shuffle(rows)
    assert sorted(map(str, judge(rows))) == sorted(map(str, first))


@pytest.mark.parametrize(("threshold", "permutations"), [(0.5, 128), (0.7, 128), (0.8, 64), (0.9, 256)])
def test_clusters_are_those_of_all_pairs(threshold, permutations):
    missed = found = 0
    for seed in range(12):
        views = [(None, text) for text in corpus(seed) if len(text.split()) >= 12]
        views = list(dict.fromkeys(views))
        exact, near = Clusters(len(views)), Clusters(len(views))
        grams = [shingles(tokens(text), 3) for _, text in views]
        for left, right in combinations(range(len(views)), 2):
            if jaccard(grams[left], grams[right]) >= threshold:
                exact.join(left, right)
        for link in near_links(views, threshold, permutations):
            assert link.score == jaccard(grams[link.left], grams[link.right]) >= threshold
            near.join(link.left, link.right)
        order = range(len(views))
        for row_number, (wanted, got) in enumerate(zip(exact.best(order), near.best(order), strict=True)):
            missed += wanted != got
            found += wanted == got != row_number
    assert missed <= 0.003 * (missed + found)


@pytest.mark.parametrize("permutations", [64, 128, 256])
@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.99, 1.0])
def test_bands_miss_hardly_a_pair(threshold, permutations):
    bands, size = bands_for(threshold, permutations)
    assert bands * size <= permutations
    assert size == 1 or (1 - threshold**size) ** bands <= 0.002
