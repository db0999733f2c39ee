"""The corpus of the rehearsal: the same for the same seed, and what is planted in it is what its truth says."""

from itertools import combinations
from random import Random

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.factory.records import PAIRS, content_hash
from pairsmith.factory.text import fold, jaccard, shingles, tokens
from pairsmith.validators.length import words
from rehearsal.corpus import LEVELS, LOOSE, PART, Corpus, build, plan
from rehearsal.exact import similar_pairs
from rehearsal.material import renumbered, sentences
from rehearsal.rows import Writer, hashed

ROWS = 1200


@pytest.fixture(scope="module")
def writer():
    return Writer(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    build(folder, ROWS, 1, lambda done: None)
    return folder


@pytest.fixture(scope="module")
def rows(folder):
    table = pq.read_table(folder / "corpus.parquet")
    assert table.schema.equals(PAIRS)
    return {row["id"]: row for row in table.to_pylist()}


@pytest.fixture(scope="module")
def truth(folder):
    return {line["id"]: line for line in pq.read_table(folder / "truth.parquet").to_pylist()}


def grams(text):
    return shingles(tokens(text), 3)


def view(row, line):
    return row["query"] if line["view"] == "query" else f"{row['query']}\n{row['positive']}"


def test_rows_have_ids_of_their_own_and_the_hash_of_their_texts(rows):
    assert len(rows) == ROWS
    for row in rows.values():
        assert row["content_hash"] == content_hash(row["query"], row["positive"], row["negatives"])


def test_all_groups_and_more_than_80_languages_in_many_scripts_are_there(rows):
    assert len({row["group"] for row in rows.values()}) == 6
    languages = {row["query_language"] for row in rows.values()}
    assert len(languages) > 80 and {"zh", "ja", "th", "ar", "hi", "ru", "ta", "ko", "el"} <= languages


def test_a_row_that_is_not_planted_is_the_same_in_a_corpus_of_any_size(writer, rows):
    made = [hashed(writer.fresh(number)) for number in range(50)]
    found = [row for row in made if rows[row["id"]] == row]
    assert len(found) > 30  # the others are planted in this one
    assert Writer(2).fresh(0)["query"] != made[0]["query"]


def test_the_same_seed_builds_the_same_files(folder, tmp_path):
    build(tmp_path, ROWS, 1, lambda done: None)
    for name in ("corpus.parquet", "truth.parquet"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_a_corpus_that_is_there_is_left_as_it_is_and_another_one_takes_its_place(tmp_path):
    told = []
    for seed in (1, 1, 2):
        build(tmp_path, 20, seed, told.append)
    assert told == [20, 20]


def test_a_duplicate_is_as_similar_to_its_original_as_the_truth_says(rows, truth):
    twins = [line for line in truth.values() if line["original"]]
    assert {line["view"] for line in twins} == {"query", "pair"} and {line["level"] for line in twins} == set(LEVELS)
    for line in twins:
        row, original = rows[line["id"]], rows[line["original"]]
        if line["planted"] == "exact_duplicate":
            assert [fold(row[name]) for name in ("query", "positive")] == [
                fold(original[name]) for name in ("query", "positive")
            ]
        found = jaccard(grams(view(row, line)), grams(view(original, line)))
        assert line["jaccard"] == found
        assert line["level"] <= found < line["level"] + 0.05


def test_a_near_duplicate_is_one_in_the_view_that_the_truth_names_only(rows, truth):
    for line in truth.values():
        if line["planted"] == "near_duplicate":
            row, original = rows[line["id"]], rows[line["original"]]
            assert (row["instruction"] == original["instruction"]) == (line["view"] == "query")


def test_rows_that_are_not_planted_are_no_duplicates_of_any_other(rows, truth):
    texts = [f"{row['query']}\n{row['positive']}" for name, row in rows.items() if name not in truth]
    assert len(similar_pairs([grams(text) for text in texts], 0.7)) <= 0.002 * len(texts)


def test_texts_are_as_long_as_recorded_ones(writer, rows):
    recorded = [sum(map(len, template.texts.values())) for template in writer.sound]
    made = [len(row["query"] + row["positive"] + "".join(row["negatives"])) for row in rows.values()]
    for share in (0.1, 0.5, 0.9):
        assert 0.75 < np.quantile(made, share) / np.quantile(recorded, share) < 1.4


@given(st.integers(2, 60), st.integers())
def test_a_text_has_about_as_many_words_as_asked_for(writer, length, seed):
    for language in ("en", "fi", "zh", "th", "ar"):
        pool = writer.pools[language]
        longest = 300 / 4  # words of the longest sentence
        found = words(pool.passage(Random(seed), length), language)
        assert found < length + longest
        assert words(pool.phrase(Random(seed), length), language) <= 2 * length + 2


@given(st.integers(0, 3 * PART), st.integers(0, 9), st.integers(1, 12))
def test_every_planned_row_is_one_thing_and_every_cluster_has_its_original(size, seed, kinds):
    found = plan(size, seed, kinds)
    bad, twin = found.defect >= 0, found.original >= 0
    assert not (bad & twin).any() and bad.mean() <= 0.05 if size > 100 else True
    assert ((found.level >= 0) == twin).all()
    originals = found.original[twin]
    assert (found.original[originals] == originals).all() and (found.level[originals] == found.level[twin]).all()
    _, sizes = np.unique(originals, return_counts=True)
    loose = np.array(LEVELS)[found.level[np.unique(originals)]] < LOOSE
    assert (sizes >= 2).all() and (sizes[loose] == 2).all()


@given(st.lists(st.sets(st.sampled_from("abcdefgh")), max_size=12), st.sampled_from([0.3, 0.5, 0.7, 0.9, 1.0]))
def test_exact_pairs_are_those_of_comparing_each_with_each(sets, least):
    each = {(a, b): jaccard(sets[a], sets[b]) for a, b in combinations(range(len(sets)), 2)}
    assert similar_pairs(sets, least) == {pair: found for pair, found in each.items() if found >= least}


@given(st.text(alphabet="ab 0123456789"), st.integers())
def test_only_digits_change_when_numbers_are_drawn_anew(text, seed):
    made = renumbered(text, Random(seed))
    assert len(made) == len(text)
    assert all(a == b or (a.isdigit() and b.isdigit()) for a, b in zip(text, made, strict=True))


def test_sentences_are_cut_where_the_script_ends_them():
    text = "A sentence of some length ends here. Another one of such a length is this! (In brackets, it is left out.)"
    assert list(sentences(text)) == ["A sentence of some length ends here.", "Another one of such a length is this!"]
    assert (
        len(
            list(
                sentences(
                    "人人生而自由，在尊严和权利上一律平等，他们赋有理性和良心。人人有资格享受本宣言所载的一切权利和自由，不分种族和肤色。"
                )
            )
        )
        == 2
    )


def test_each_planted_defect_stands_in_the_truth(truth):
    kinds = [line["planted"] for line in truth.values() if line["level"] is None]
    assert len(kinds) == round(0.04 * ROWS) and len(set(kinds)) == 12


def test_large_clusters_grow_with_the_corpus():
    found = plan(100_000, 1, 12)
    _, sizes = np.unique(found.original[found.original >= 0], return_counts=True)
    assert sorted(sizes)[-3:] == [400, 400, 400]


def test_a_row_is_made_alone_without_those_before_it(rows):
    corpus = Corpus(ROWS, 1)
    for number in (1100, 3, 700):
        row, _ = corpus.row(number)
        assert rows[row["id"]] == hashed(row)
