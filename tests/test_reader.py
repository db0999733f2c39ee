"""The tolerant reader: what JSON it reads, what it must not do."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.factory.reader import read_values

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def only(text: str) -> object:
    (reading,) = read_values(text)
    assert reading.complete
    return reading.value


@given(st.dictionaries(TEXTS, VALUES, max_size=5), st.sampled_from([None, 1, 4]), st.booleans())
def test_reads_what_json_writes(value: dict[str, object], indent: int | None, ascii_only: bool) -> None:
    assert only(json.dumps(value, indent=indent, ensure_ascii=ascii_only)) == value


@given(st.dictionaries(TEXTS, TEXTS, min_size=1, max_size=5))
def test_reads_json_after_a_preface_and_in_a_fence(value: dict[str, str]) -> None:
    assert only(f"Here you are:\n\n```json\n{json.dumps(value)}\n```\n") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": "x } y ] z", "b": "{"}', {"a": "x } y ] z", "b": "{"}),
        ('{"a": "b",}', {"a": "b"}),
        ('["a", "b",]', ["a", "b"]),
        ("{'a': 'it\\'s', 'b': None, 'c': True}", {"a": "it's", "b": None, "c": True}),
        ("{'a': 'it's fine', 'b': 'x'}", {"a": "it's fine", "b": "x"}),
        ('{"a": "he said "no" and left", "b": "c"}', {"a": 'he said "no" and left', "b": "c"}),
        ('{"a": "line\nbreak", "b": "\\( x \\)"}', {"a": "line\nbreak", "b": "\\( x \\)"}),
        ("{“a”: “b”}", {"a": "b"}),
        ('{a: "b"}', {"a": "b"}),
        ('{"a": "b" // why\n, "c": /* so */ "d"}', {"a": "b", "c": "d"}),
        ('{"a": "b"\n"c": "d"}', {"a": "b", "c": "d"}),
        ("{'a': '\\ud83d\\ude00 \\u00e9'}", {"a": "😀 é"}),
        ("Use {curly} braces: {'a': 'b'}", {"a": "b"}),
    ],
)
def test_reads_what_models_write_instead_of_json(text: str, value: object) -> None:
    assert only(text) == value


@given(st.dictionaries(TEXTS, TEXTS, min_size=1, max_size=4), st.data())
def test_a_cut_off_object_is_never_complete_and_keeps_whole_items_only(
    value: dict[str, str], data: st.DataObject
) -> None:
    text = json.dumps(value, ensure_ascii=False)
    cut = text[: data.draw(st.integers(1, len(text) - 1))]
    for reading in read_values(cut):
        assert not reading.complete
        assert reading.value.items() <= value.items()


def test_a_cut_off_list_keeps_its_whole_items() -> None:
    (reading,) = read_values('["one", "two", "thr')
    assert reading.value == ["one", "two"]
    assert not reading.complete


@given(st.text(max_size=300) | st.text(st.sampled_from("{}[]\"'\\,: ax/*\n“”"), max_size=300))
def test_any_text_is_read_without_an_error(text: str) -> None:
    for reading in read_values(text):
        assert isinstance(reading.value, dict | list)
        assert 0 <= reading.start < reading.end <= len(text)


@pytest.mark.parametrize("unit", ["{", "[", '{"a":"', '"x" y', "{'", "/*", '{"a": ["', "\\", '{"a": "b" "'])
def test_hostile_texts_take_linear_time(unit: str) -> None:
    def seconds(length: int) -> float:
        text = '{"a": "' + unit * (length // len(unit))
        start = time.perf_counter()
        list(read_values(text))
        return time.perf_counter() - start

    seconds(1000)
    assert seconds(400_000) < 100 * max(seconds(20_000), 0.001)  # 20 times the text; quadratic would be 400


def test_an_expression_is_not_evaluated() -> None:
    assert [reading.value for reading in read_values('{"a": __import__("os").getcwd()}')] == []
