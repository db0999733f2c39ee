"""InfoNCE against its formula written out, and which candidates are no negatives."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith.trainer.batches import Batch
from pairsmith.trainer.loss import info_nce
from pairsmith.trainer.masks import blocked, owners
from pairsmith.trainer.recipe import Recipe


def _unit(vector: list[float]) -> list[float]:
    norm = math.sqrt(sum(value * value for value in vector))
    return [value / norm for value in vector]


def plain_info_nce(queries, candidates, closed, temperature, margin=None):
    """The formula, one exponential at a time."""
    total = 0.0
    for row, query in enumerate(queries):
        cosines = [sum(a * b for a, b in zip(_unit(query), _unit(other), strict=True)) for other in candidates]
        allowed = [
            value
            for place, value in enumerate(cosines)
            if place == row or not (closed[row][place] or (margin is not None and value > cosines[row] + margin))
        ]
        peak = max(allowed)
        total -= (cosines[row] - peak) / temperature - math.log(
            sum(math.exp((v - peak) / temperature) for v in allowed)
        )
    return total / len(queries)


def _drawn(seed: int, rows: int = 5, candidates: int = 9, size: int = 6):
    rng = np.random.default_rng(seed)
    closed = rng.random((rows, candidates)) < 0.2
    closed[np.arange(rows), np.arange(rows)] = False
    return rng.normal(size=(rows, size)), rng.normal(size=(candidates, size)), closed


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32), temperature=st.floats(0.01, 2), margin=st.none() | st.floats(-0.5, 0.5))
def test_loss_is_its_formula_with_blocked_candidates_left_out(seed, temperature, margin):
    queries, candidates, closed = _drawn(seed)
    loss = info_nce(*map(torch.from_numpy, (queries, candidates, closed)), temperature, margin)
    expected = plain_info_nce(queries.tolist(), candidates.tolist(), closed.tolist(), temperature, margin)
    assert loss.value.item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_temperature_changes_the_loss_and_its_gradient():
    queries, candidates, closed = map(torch.from_numpy, _drawn(1))
    told = []
    for temperature in (0.02, 0.05, 1.0):
        leaf = queries.clone().requires_grad_()
        loss = info_nce(leaf, candidates, closed, temperature).value
        loss.backward()
        told.append((loss.item(), leaf.grad.norm().item()))
    assert len({round(loss, 6) for loss, _ in told}) == len({round(norm, 6) for _, norm in told}) == 3


def test_matryoshka_loss_is_the_mean_over_the_leading_dimensions():
    queries, candidates, closed = map(torch.from_numpy, _drawn(2))
    parts = [info_nce(queries[:, :size], candidates[:, :size], closed, 0.05).value for size in (6, 4, 2)]
    both = info_nce(queries, candidates, closed, 0.05, dimensions=[4, 2])
    torch.testing.assert_close(both.value, torch.stack(parts).mean())


def test_length_of_a_vector_does_not_matter():
    queries, candidates, closed = map(torch.from_numpy, _drawn(3))
    scaled = info_nce(queries * 7, candidates * 0.1, closed, 0.02).value
    torch.testing.assert_close(scaled, info_nce(queries, candidates, closed, 0.02).value)


def test_figures_tell_the_margin_over_the_strongest_negative_that_counts():
    queries = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    candidates = torch.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 0.0]])
    closed = torch.tensor([[False, False, True], [False, False, True]])
    loss = info_nce(queries, candidates, closed, 0.5)
    half = 0.5**0.5
    assert loss.margin == pytest.approx(((1 - half) + (half - 0)) / 2)
    assert (loss.hits, loss.masked) == (1.0, 0.5)


def _batch(**changes) -> Batch:
    rows = {
        "queries": ["Instruct: t\nQuery: a", "Instruct: t\nQuery: b", "Instruct: t\nQuery: c"],
        "plain": ["a", "b", "c"],
        "positives": ["A", "B", "C"],
        "negatives": [["x"], ["y", "z"], []],
        "groups": ["long_short", "short_long", "sts"],
        "labels": [None, None, None],
        "documents": [None, None, None],
    }
    given = {**rows, **changes}
    return Batch(**{name: given.get(name, [""] * 3) for name in Batch.__dataclass_fields__})


def _closed(batch: Batch, **recipe) -> list[tuple[int, int]]:
    return [(int(row), int(place)) for row, place in np.argwhere(blocked(batch, Recipe(**recipe)))]


def test_without_repeats_every_other_candidate_is_a_negative():
    assert _closed(_batch()) == []
    assert owners(_batch()).tolist() == [0, 1, 2, 0, 1, 1]


def test_a_candidate_with_the_text_of_the_positive_or_the_query_is_no_negative():
    batch = _batch(positives=["A", "B", "b"], negatives=[["x"], ["A", "z"], ["Instruct: t\nQuery: c"]])
    # B's query is the third positive; A's positive is the second row's negative; the third row's own negative is its query
    assert _closed(batch) == [(0, 4), (1, 2), (2, 6)]
    assert _closed(batch, mask_same_text=False) == []


def test_same_label_and_same_document_are_no_negatives():
    assert _closed(_batch(labels=["l", None, "l"])) == [(0, 2), (2, 0)]
    assert _closed(_batch(documents=["d", "d", None])) == [(0, 1), (1, 0)]
    assert _closed(_batch(labels=["l", None, "l"]), mask_same_label=False) == []


def test_unknown_labels_are_not_the_same():
    assert _closed(_batch(labels=[None, None, None], documents=[None, None, None])) == []


def test_rows_of_a_group_that_stands_alone_see_their_own_candidates_only():
    closed = _closed(_batch(), alone=["short_long"])
    assert closed == [(1, 0), (1, 2), (1, 3)]
