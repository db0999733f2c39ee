"""Tokens and shingles as numbers are those of the definition in factory/text.py."""

import unicodedata

import numpy as np
import regex
from hypothesis import given
from hypothesis import strategies as st
from plain import without_numba

from pairsmith.factory.text import fold, shingles, tokens, words
from pairsmith.validators.characters import slices
from pairsmith.validators.tokens import Tokens

PIECES = st.sampled_from(
    ["a", "Word", "ﬁ",
     "é", "é", "ー", "カー", "漢字", "ไทยครับ", "ກາ", "ខ្មែរ", "မြန်", "한국어", "हिन्दी", "ׁשׂ", "\u200b", "\u200d",
     "\u00ad", " ", "\n", ".", "-", "_", "1", "٣", "²", "\U0001d400", "😀", "\u0301", "々", "ｱｲ", "İ", "ß", "\x1c"]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=30).map("".join))


def hashed(texts: list[str]) -> Tokens:
    return Tokens(slices([fold(text) for text in texts]))


@given(st.one_of(TEXTS, st.text("aA \n\t\r\x0b\x1c\x85\u2028\u3000\u00a0\u200b\u00ad\x00ﬁ", max_size=12)))
def test_folding_leaves_one_line_of_words_with_one_space_between_them(text: str) -> None:
    once = unicodedata.normalize("NFKC", text).casefold()
    assert fold(text) == " ".join(regex.sub(r"\p{Cf}", "", once).split())


@given(st.lists(TEXTS, max_size=5))
def test_every_text_has_the_tokens_of_the_definition_equal_ones_with_equal_hashes(texts: list[str]) -> None:
    found, seen = hashed(texts), {}
    assert len(found.starts) == len(texts) + 1
    for place, text in enumerate(texts):
        wanted = tokens(text)
        mine = found.hashes[found.starts[place] : found.starts[place + 1]].tolist()
        assert len(mine) == len(wanted)
        assert all(seen.setdefault(token, number) == number for token, number in zip(wanted, mine, strict=True))
        assert found.words[place] == words(wanted)
    assert len(set(seen.values())) == len(seen)


@given(st.lists(TEXTS, max_size=5), st.integers(1, 5))
def test_shingles_are_those_of_the_definition(texts: list[str], size: int) -> None:
    found = hashed(texts).shingles(size)
    seen: dict[str, int] = {}
    for place, text in enumerate(texts):
        units, mine = tokens(text), found.of(place).tolist()
        in_order = [" ".join(units[at : at + size]) for at in range(max(len(units) - size, 0) + 1)] if units else []
        assert set(in_order) == shingles(units, size)
        assert len(mine) == len(in_order)
        assert all(seen.setdefault(run, number) == number for run, number in zip(in_order, mine, strict=True))
    assert len(set(seen.values())) == len(seen)


@given(st.lists(TEXTS, min_size=1, max_size=6), st.integers(1, 14))
def test_a_text_is_hashed_alike_whatever_stands_beside_it(texts: list[str], size: int) -> None:
    together = hashed(texts)
    for place, text in enumerate(texts):
        alone = hashed([text])
        assert np.array_equal(together.runs(size).of(place), alone.runs(size).values)
        assert np.array_equal(together.shingles(size).of(place), alone.shingles(size).values)


@given(st.lists(TEXTS, max_size=6), st.integers(1, 14))
def test_numba_and_numpy_give_the_same_tokens_and_runs(texts: list[str], size: int) -> None:
    found = hashed(texts)
    runs, shingles = found.runs(size), found.shingles(size)
    with without_numba():
        plain = hashed(texts)
        assert np.array_equal(found.hashes, plain.hashes)
        assert np.array_equal(found.starts, plain.starts)
        assert np.array_equal(found.words, plain.words)
        for one, other in ((runs, plain.runs(size)), (shingles, plain.shingles(size))):
            assert np.array_equal(one.values, other.values)
            assert np.array_equal(one.starts, other.starts)


def test_hashes_are_the_same_on_every_machine_and_in_every_version() -> None:
    assert hashed(["Hello, wide world! 漢字カー"]).hashes.tolist() == GOLDEN
    assert hashed(["one two three four"]).shingles(3).values.tolist() == GOLDEN_RUNS


GOLDEN = [
    *(9728279284078645664, 2839055726060223248, 12154829352504238964),
    *(14664233986928455048, 12128350484535866001, 4352260175239493357),
]
GOLDEN_RUNS = [13136928587192494306, 7659760580803147031]
