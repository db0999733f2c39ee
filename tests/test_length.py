"""Gate ``length``: what was asked for against what was found, in units that fit the script."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.factory.records import PAIRS
from pairsmith.factory.spec import LengthSpec
from pairsmith.validators.length import Asked, LengthGate, read_asked, words


def judge(group="short_long", query="a b c", positive="w " * 100, negatives=("w " * 100,), language="en", **attributes):
    """(field, verdict, reason, found, asked) of each text."""
    row = dict.fromkeys(PAIRS.names) | {
        "id": "a",
        "request_id": "a",
        "content_hash": "",
        "instruction": "",
        "model": "m",
    }
    row |= {"group": group, "query": query, "positive": positive, "negatives": list(negatives)} | attributes
    rows = pa.Table.from_pylist([row | {"query_language": language, "document_language": language}], schema=PAIRS)
    lines = LengthGate(LengthSpec()).judge(rows).to_pylist()
    return [(line["field"], line["verdict"], line["reason"], line["score"], line["threshold"]) for line in lines]


def test_positive_and_negative_each_need_four_fifths_of_the_words_asked():
    lines = judge(num_words="100", positive="w " * 80, negatives=["w " * 79])
    assert lines[0] == ("query", "keep", None, None, None)
    assert lines[1] == ("positive", "keep", None, 80, 100)
    assert lines[2] == ("negative", "drop", "too_short", 79, 100)


def test_the_input_text_of_a_classification_row_is_judged_and_its_labels_are_not():
    lines = judge("long_short", query="w " * 39, positive="spam", negatives=["ham"], num_words="at least 50")
    assert [line[1:3] for line in lines] == [("drop", "too_short"), ("keep", None), ("keep", None)]


@pytest.mark.parametrize(("count", "verdict"), [(1, "keep"), (20, "keep"), (21, "drop")])
def test_a_text_of_less_than_ten_words_may_have_twice_as_many(count, verdict):
    assert judge("long_short", query="w " * count, num_words="less than 10")[0][1] == verdict


@pytest.mark.parametrize(
    ("asked", "count", "verdict"),
    [
        ("less than 5 words", 1, "keep"),
        ("less than 5 words", 10, "keep"),
        ("less than 5 words", 11, "drop"),
        ("5 to 15 words", 3, "keep"),
        ("5 to 15 words", 2, "drop"),
        ("5 to 15 words", 31, "drop"),
        ("at least 10 words", 5, "keep"),
        ("at least 10 words", 4, "drop"),
        ("a handful", 500, "keep"),
    ],
)
def test_queries_are_judged_with_slack(asked, count, verdict):
    assert judge(query="w " * count, query_length=asked)[0][1] == verdict


def test_nothing_asked_nothing_judged():
    for group in ("short_short", "long_long", "sts", "bitext", "short_long"):
        assert {line[1] for line in judge(group, query="a", positive="b", negatives=["c"])} == {"keep"}


def test_a_passage_of_a_word_or_two_is_none_and_a_sentence_may_be_one():
    assert [line[1] for line in judge("sts", "Hello there.", "w " * 12, ["w " * 9], unit="passage")] == [
        "drop",
        "keep",
        "keep",
    ]
    assert {line[1] for line in judge("sts", "Halt!", "Stopp!", ["Los!"], unit="sentence")} == {"keep"}


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        ("100", (100, None)),
        ("at least 50", (50, None)),
        ("At least 300 words", (300, None)),
        ("less than 10", (None, 10)),
        ("fewer than 12 words", (None, 12)),
        ("5 to 15 words", (5, 15)),
        ("between 20 and 40 words", (20, 40)),
        ("20-40", (20, 40)),
        ("about 200 words", (200, None)),
        ("one hundred", (None, None)),
        ("", (None, None)),
    ],
)
def test_bounds_are_read_from_one_small_grammar(value, asked):
    assert read_asked(value) == Asked(*asked)


@given(st.text())
def test_any_value_is_read_or_left_alone(value):
    low, high = read_asked(value)
    assert low is None or low >= 0
    assert high is None or high >= 0


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。"),
        ("ja", "すべての人間は、生れながらにして自由であり、かつ、尊厳と権利とについて平等である。"
         "人間は、理性と良心とを授けられており、互いに同胞の精神をもって行動しなければならない。"),
        ("th", "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ "
         "ต่างมีเหตุผลและมโนธรรม และควรปฏิบัติต่อกันด้วยเจตนารมณ์แห่งภราดรภาพ"),
        ("ko", "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. "
         "인간은 천부적으로 이성과 양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 한다."),
        ("de", "Alle Menschen sind frei und gleich an Würde und Rechten geboren. "
         "Sie sind mit Vernunft und Gewissen begabt und sollen einander im Geist der Brüderlichkeit begegnen."),
    ],
)  # fmt: skip
def test_the_same_article_has_about_as_many_words_in_every_script(language, text):
    english = 30  # "All human beings are born free and equal in dignity and rights. ..."
    assert 0.6 * english <= words(text, language) <= 1.4 * english


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("It isn't a well-known word.", 5),
        ("total = add(a, b)  # sum", 5),
        ("हिन्दी में लिखा हुआ", 4),
        ("1,000.50 €", 1),
        ("... — !", 0),
        ("", 0),
    ],
)
def test_words_are_runs_of_letters_and_digits_and_code_counts(text, count):
    assert words(text, "en") == count


@given(st.text(max_size=50), st.text(max_size=50), st.sampled_from(["en", "zh", "th", "ko"]))
def test_a_mixed_text_adds_up(one, two, language):
    assert words(f"{one}\n{two}", language) == pytest.approx(words(one, language) + words(two, language), abs=0.11)


PIECES = st.sampled_from(
    ["a", "B1", "-", ".", ",", "'", "’", "_", " ", "\n", "é", "\u0301", "\u200d", "中", "ไท", "‐", "½", "한"]
)
TEXTS = st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=20).map("".join))


@given(st.lists(TEXTS, min_size=1, max_size=4), st.sampled_from(["en", "zh", "th", "ko"]))
def test_texts_are_as_long_at_once_as_each_alone(texts, language):
    lines = judge("sts", "a", "b", texts, language, num_words="less than 999999")[2:]
    assert [found for *_, found, _ in lines] == [words(text, language) for text in texts]


def test_hostile_texts_are_counted_in_a_moment():
    for piece in ("a-", "a'", "1,", "中", "a_"):
        words(piece * 50_000, "en")
