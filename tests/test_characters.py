"""What is known of every character once in a process."""

import unicodedata
from functools import partial

import numpy as np
import pyarrow as pa
import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st
from plain import without_numba

from pairsmith.validators.characters import CODES, Characters, changed, characters, decoded, kind_table, slices, strings

EVERY = "".join(map(chr, range(CODES)))


@pytest.mark.parametrize(
    "pattern", [r"\p{L}", r"[\p{M}\p{N}]", r"\s", r"\p{Cf}", r"[\U000f0000-\U0010ffff\ue000-\uf8ff]"]
)
def test_a_table_says_of_each_character_whether_the_pattern_matches_it(pattern: str) -> None:
    matched = {found.start() for found in regex.finditer(pattern, EVERY)}
    assert set(np.flatnonzero(kind_table({4: pattern}, np.uint8)).tolist()) == matched


@pytest.mark.parametrize("read", [str.casefold, partial(unicodedata.normalize, "NFKC")])
def test_all_characters_that_a_folding_changes_are_known(read: partial[str]) -> None:
    assert changed(read) == {code: read(char) for code, char in enumerate(EVERY) if read(char) != char}


TEXTS = st.lists(st.text(max_size=12), max_size=6)
EDGES = b"a \x7f\x80\xbf\xc0\xc1\xc2\xdf\xe0\x9f\xa0\xed\xee\xef\xf0\x8f\x90\xf4\xf7\xf8\xff"
BYTES = st.lists(st.one_of(st.binary(max_size=6), st.lists(st.sampled_from(EDGES), max_size=6).map(bytes)), max_size=4)


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=8), max_size=6))
def test_texts_come_back_from_their_code_points_halves_of_surrogate_pairs_too(texts: list[str]) -> None:
    assert strings(characters(texts)) == texts


@given(TEXTS, st.integers(0, 6), st.integers(0, 6))
def test_texts_in_the_memory_of_arrow_have_the_code_points_of_the_same_strings(
    texts: list[str], start: int, cut: int
) -> None:
    some, wanted = pa.array(texts, pa.string())[start:], list(slices(texts[start:]))
    parted = pa.chunked_array([some[:cut], some[cut:]])
    for these in (some, parted):
        assert all(map(same, decoded(these), wanted))
        with without_numba():
            assert all(map(same, decoded(these), wanted))


def same(one: Characters, other: Characters) -> bool:
    return np.array_equal(one.codes, other.codes) and np.array_equal(one.starts, other.starts)


@given(BYTES)
@example(["é".encode()[:1], "é".encode()[1:]])
def test_bytes_that_are_no_text_are_refused_and_never_read_beyond_their_end(parts: list[bytes]) -> None:
    found = pa.array(parts, pa.large_binary())
    texts = pa.Array.from_buffers(pa.large_string(), len(found), found.buffers())
    try:
        wanted = [part.decode() for part in parts]
    except UnicodeDecodeError:
        with pytest.raises(ValueError, match=r"UTF-8|utf-8"):
            list(decoded(texts))
        with without_numba(), pytest.raises(ValueError, match=r"UTF-8|utf-8"):
            list(decoded(texts))
    else:
        assert all(map(same, decoded(texts), slices(wanted)))
