"""Texts that are folded together are folded as each alone is, with numba and without it."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import without_numba

from pairsmith.factory.text import fold
from pairsmith.validators.characters import characters, slices, strings
from pairsmith.validators.digests import digests
from pairsmith.validators.folding import fold_characters, folded

EVERY = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
MARKS = [char for char in EVERY if unicodedata.combining(char)]
CHANGING = [char for char in EVERY if unicodedata.decomposition(char) or char.casefold() != char]
SHIFTING = st.sampled_from(
    list(" \n\t\u00a0\u200b\u200d\u00adaeiouéकনতமொகொÅßİfiΐ\u0301\u0327\u093c\u09be\u1161\u11a8한각ᄀ½…ำ²\x00\x1c\u0345")
)
CHARACTERS = st.one_of(SHIFTING, st.sampled_from(MARKS), st.sampled_from(CHANGING), st.characters())
TEXTS = st.lists(st.text(CHARACTERS, max_size=8), max_size=4)


def fold_all(texts: list[str]) -> list[str]:
    return [text for some in slices(texts) for text in strings(folded(some))]


@settings(max_examples=400)
@given(TEXTS)
def test_texts_are_folded_as_each_alone_is(texts: list[str]) -> None:
    wanted = [fold(text) for text in texts]
    assert fold_all(texts) == wanted
    with without_numba():
        assert fold_all(texts) == wanted


def test_every_character_is_folded_as_it_is_alone_and_beside_letters_and_marks() -> None:
    for before, after in (
        ("", ""),
        ("a", "e"),
        ("e\u0323", ""),
        ("க", "ா"),
        ("가", ""),
        ("", "\u0301"),
        ("é", "\u0316"),
        ("", "\u11b5"),
    ):
        texts = [f"{before}{char}{after}" for char in EVERY[:0x3400]]
        assert fold_all(texts) == [fold(text) for text in texts]


@pytest.mark.parametrize(
    "text", ["Grüße aus İzmir", "नमस्ते दुनिया", "Việt Nam", "สวัสดีน้ำ", "한국어", "漢字カタカナ", "مَرْحَبًا", "½ l…"]
)
def test_ordinary_texts_of_many_scripts_are_folded_character_by_character(text: str) -> None:
    assert fold_characters(characters([text])).alone.all()


@given(TEXTS)
def test_texts_have_the_same_digest_where_they_are_equal_and_only_there(texts: list[str]) -> None:
    found = [tuple(one) for one in digests(slices(texts)).tolist()]
    with without_numba():
        assert [tuple(one) for one in digests(slices(texts)).tolist()] == found
    assert len(found) == len(texts)
    for one, first in zip(texts, found, strict=True):
        assert [first == other for other in found] == [one == other for other in texts]


def test_digests_are_the_same_in_every_version() -> None:
    assert digests(slices(["", "one two", "漢字"])).tolist() == DIGESTS


DIGESTS = [
    [17561866513979060390, 666839437060448772],
    [15512000017822802505, 9765022162894399360],
    [8598091571224187714, 1379177432393463390],
]
