"""Bits of sets: two sets differ in at least as many values as their bits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.validators import parity
from pairsmith.validators.parity import differing, parities, words_for
from pairsmith.validators.tokens import Ragged

VALUES = st.sets(st.integers(0, (1 << 44) - 1) | st.integers(0, 300).map(lambda number: number << 22), max_size=80)


def ragged(sets: list[set[int]]) -> Ragged:
    values = [np.array(sorted(one), np.uint64) for one in sets]
    starts = np.cumsum([0, *map(len, values)])
    return Ragged(np.concatenate(values), starts)


def between(left: list[set[int]], right: list[set[int]], words: int) -> np.ndarray:
    """In how many bits each set of one list differs from that of the other."""
    number = np.arange(len(left), dtype=np.uint32)
    return differing(parities(ragged([*left, *right]), words), number, number + np.uint32(len(left)))


@given(st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=8), st.integers(1, 5))
def test_no_more_bits_differ_than_values_and_as_many_are_odd(
    triples: list[tuple[set[int], set[int], set[int]]], words: int
) -> None:
    """What both share makes no difference at all."""
    left, right = ([triple[2] | triple[side] for triple in triples] for side in (0, 1))
    with pytest.MonkeyPatch.context() as patch:  # a few sets at once
        patch.setattr(parity, "_WORDS", 7)
        found = between(left, right, words)
    for bits, one, two in zip(found.tolist(), left, right, strict=True):
        assert bits <= len(one ^ two)
        assert bits % 2 == len(one ^ two) % 2


def test_sets_that_share_a_third_are_told_apart_by_their_bits() -> None:
    random = np.random.default_rng(3)
    for size in (20, 100, 400):
        numbers = random.integers(0, 1 << 44, (1_000, 3, size // 2), np.uint64)
        one, two = ([set(row[side].tolist()) | set(row[2].tolist()) for row in numbers] for side in (0, 1))
        different = between(one, two, words_for(np.full(2, size)))
        assert (different > 0.353 * size).mean() > 0.99, "so many differ at most at .7"
