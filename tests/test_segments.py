"""Hashes of runs of tokens are equal where the tokens are, wherever and beside whatever they stand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.factory.text import fold, tokens
from pairsmith.validators.characters import slices
from pairsmith.validators.segments import Segments, places
from pairsmith.validators.tokens import Tokens

TEXTS = st.lists(st.lists(st.sampled_from([*"abc", "漢", "ก"]), max_size=12).map(" ".join), min_size=1, max_size=5)


def segments_of(texts):
    return Segments(Tokens(slices([fold(text) for text in texts])), 0, len(texts))


@given(TEXTS, st.integers(1, 5))
def test_equal_runs_and_only_they_have_equal_hashes(texts, size):
    segments = segments_of(texts)
    hashes, seen = segments.rolling(size), {}
    heads = segments.heads(size, np.ones(len(texts), bool))
    wanted = [
        tuple(units[place : place + size]) for units in map(tokens, texts) for place in range(len(units) - size + 1)
    ]
    assert len(heads) == len(wanted)
    for run, one in zip(wanted, hashes[heads].tolist(), strict=True):
        assert seen.setdefault(run, one) == one
    assert len(set(seen.values())) == len(seen)
    assert np.array_equal(segments.of(heads, np.full(len(heads), size)), hashes[heads])


@given(TEXTS, st.integers(0, 4), st.integers(1, 4))
def test_a_slice_of_texts_is_hashed_as_they_are_alone(texts, first, size):
    first = min(first, len(texts) - 1)
    slice_ = Segments(Tokens(slices([fold(text) for text in texts])), first, len(texts))
    alone = segments_of(texts[first:])
    assert np.array_equal(slice_.rolling(size), alone.rolling(size))
    assert np.array_equal(slice_.whole(), alone.whole())


def test_a_whole_text_is_no_run_and_order_counts():
    segments = segments_of(["a b c", "c b a", "a b c"])
    whole = segments.whole()
    assert whole[0] == whole[2] != whole[1]
    assert not set(whole.tolist()) & set(segments.rolling(3).tolist())


def test_only_runs_within_the_texts_asked_for_have_a_head():
    segments = segments_of(["a b c", "d", "", "e f g h"])
    heads = segments.heads(2, np.array([True, True, True, False]))
    assert heads.tolist() == [0, 1]
    heads = segments.heads(2, np.array([False, True, True, True]))
    assert heads.tolist() == [4, 5, 6] and segments.place(heads).tolist() == [0, 1, 2]


def test_places_count_each_group_from_0():
    assert places(np.array([2, 0, 3])).tolist() == [0, 1, 0, 1, 2]
    assert places(np.array([], np.int64)).tolist() == []


def test_hashes_are_the_same_on_every_machine_and_in_every_version():
    assert segments_of(["one two three four"]).rolling(3).tolist() == GOLDEN


GOLDEN = [6650080163117883051, 8898341930525140831]
