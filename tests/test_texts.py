"""The text fields of rows that gates share: what is taken over from a larger table is what would be found anew."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from parts import rows

from pairsmith.factory.records import PAIRS
from pairsmith.validators.characters import strings
from pairsmith.validators.texts import Texts, chosen, texts

TEXT = st.one_of(
    st.text(max_size=20), st.sampled_from(["", "Two  words\n", "Straße ﬁn", "漢字カー 2", "ไทยครับ", "A b c d e f"])
)
ROW = st.tuples(TEXT, TEXT, st.lists(TEXT, max_size=3), st.booleans())
STEPS = ("text", "folded_slices", "tokens", "folded")  # in the order in which one is made from the other


def table(lines: list[tuple[str, str, list[str], bool]]) -> pa.Table:
    found = rows(*(query for query, *_ in lines)).to_pylist()
    for row, (_, positive, negatives, labelled) in zip(found, lines, strict=True):
        row |= {"positive": positive, "negatives": negatives, "group": "long_short" if labelled else "sts"}
    return pa.Table.from_pylist(found, schema=PAIRS)


def same(one: Texts, other: Texts) -> bool:
    arrays = (
        [*(getattr(found.tokens, name) for name in ("hashes", "starts", "words", "unspaced")), found.lengths]
        for found in (one, other)
    )
    return (
        list(one) == list(other)
        and one.folded == other.folded
        and all(mine.dtype == its.dtype and np.array_equal(mine, its) for mine, its in zip(*arrays, strict=True))
    )


@given(st.lists(st.tuples(ROW, st.booleans(), st.booleans()), max_size=6), st.integers(0, len(STEPS)))
def test_texts_of_chosen_rows_are_those_of_the_rows_alone_whatever_was_known_before(lines, known):
    whole = table([line for line, *_ in lines])
    for step in STEPS[:known]:
        getattr(texts(whole), step)
    some = chosen(whole, pa.chunked_array([[wanted for _, wanted, _ in lines]], pa.bool_()))
    fewer = chosen(some, pa.chunked_array([[more for _, wanted, more in lines if wanted]], pa.bool_()))
    assert same(texts(fewer), Texts(fewer.slice(0)))
    again = chosen(whole, pa.chunked_array([[wanted for _, wanted, _ in lines]], pa.bool_()))
    assert same(texts(again), Texts(again.slice(0)))


def test_what_was_folded_is_not_folded_again():
    whole = rows("One Query", "Another")
    folded = texts(whole).folded
    kept = chosen(whole, pa.chunked_array([[False, True]]))
    assert texts(kept).folded[0] is folded[3]


def test_characters_of_texts_over_many_slices_stay_with_their_texts():
    whole = rows(*(f"Query {number}" for number in range(700)))
    folded = texts(whole).folded
    wanted = [number % 3 == 1 or 100 < number < 400 for number in range(700)]
    kept = texts(chosen(whole, pa.chunked_array([wanted])))
    found = [text for some in kept.folded_slices for text in strings(some)]
    assert found == [text for number, text in enumerate(folded) if wanted[number // (len(folded) // 700)]]
