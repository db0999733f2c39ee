"""Cutting texts into micro-batches: every text once, none over the budget unless alone."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.trainer.layout import cut, run_tokens

LENGTHS = st.lists(st.integers(1, 300), max_size=200).map(np.array)


@pytest.mark.parametrize("layout", ["padded", "packed"])
@given(lengths=LENGTHS, tokens=st.integers(1, 1000))
def test_every_text_runs_once_and_within_the_budget_or_alone(layout: str, lengths: np.ndarray, tokens: int) -> None:
    parts = cut(lengths, tokens, layout)
    assert sorted(np.concatenate([*parts, np.array([], int)])) == list(range(len(lengths)))
    assert all(len(part) == 1 or run_tokens(lengths[part], layout) <= tokens for part in parts)


@pytest.mark.parametrize("layout", ["padded", "packed"])
@given(lengths=LENGTHS, tokens=st.integers(1, 1000))
def test_longest_come_first_and_no_two_neighbours_would_fit_together(
    layout: str, lengths: np.ndarray, tokens: int
) -> None:
    parts = cut(lengths, tokens, layout)
    assert np.all(np.diff(lengths[np.concatenate([*parts, np.array([], int)]).astype(int)]) <= 0)
    for part, following in pairwise(parts):
        assert run_tokens(lengths[np.append(part, following[0])], layout) > tokens
