"""Scores of held-out rows: what is right for a query, the measures beside plain ones, cuts and quantised vectors."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers.util import quantize_embeddings

from pairsmith.trainer.data import TRAINING
from pairsmith.trainer.held_out import LARGEST, HeldOut, held_out, score
from pairsmith.trainer.vectors import QUANTISED, quantise, restored, unit


def rows(*lines: tuple[str, str, str, list[str]]) -> pa.Table:
    names = ("group", "query", "positive", "negatives")
    told = [{"id": str(n), "instruction": "", **dict(zip(names, line, strict=True))} for n, line in enumerate(lines)]
    return pa.Table.from_pylist(told, schema=TRAINING)


def drawn(seed: int, queries: int = 30, documents: int = 80, width: int = 24) -> tuple[HeldOut, dict[str, np.ndarray]]:
    """A task with one or two right documents a query, and vectors in which they tend to be near."""
    rng = np.random.default_rng(seed)
    right = [rng.choice(documents, rng.integers(1, 3), replace=False).tolist() for _ in range(queries)]
    places = rng.normal(size=(documents, width))
    asked = np.array([places[each].mean(axis=0) for each in right]) + rng.normal(size=(queries, width))
    names = [f"q{n}" for n in range(queries)], [f"d{n}" for n in range(documents)]
    vectors = {**dict(zip(names[0], asked, strict=True)), **dict(zip(names[1], places, strict=True))}
    return HeldOut(*names, right, ["sts" if n % 3 else "bitext" for n in range(queries)]), vectors


def plain(task: HeldOut, vectors: dict[str, np.ndarray], width: int | None = None) -> tuple[float, float]:
    """The definitions, query by query: sort, look at the first ten."""
    gains = []
    for query, right in zip(task.queries, task.right, strict=True):
        asked = vectors[query][:width]
        cosines = [asked @ vectors[one][:width] / np.linalg.norm(vectors[one][:width]) for one in task.documents]
        order = sorted(range(len(cosines)), key=lambda place: -cosines[place])
        dcg = sum(1 / np.log2(rank + 2) for rank, place in enumerate(order[:10]) if place in right)
        gains.append((dcg / sum(1 / np.log2(rank + 2) for rank in range(min(10, len(right)))), order[0] in right))
    return tuple(np.mean(gains, axis=0))


@pytest.mark.parametrize("seed", range(4))
def test_scores_are_the_plain_definitions_whole_and_cut(seed: int) -> None:
    task, vectors = drawn(seed)
    found = score(task, lambda texts: np.array([vectors[text] for text in texts]), dimensions=[8, 4])
    assert (found.whole.ndcg, found.whole.recall) == pytest.approx(plain(task, vectors), abs=6e-5)
    for cut in (8, 4):
        figures = found.dimensions[cut]
        assert (figures.ndcg, figures.recall) == pytest.approx(plain(task, vectors, cut), abs=6e-5)
    assert {name: figures.queries for name, figures in found.groups.items()} == {"bitext": 10, "sts": 20}
    assert found.whole.ndcg == pytest.approx((found.groups["sts"].ndcg * 2 + found.groups["bitext"].ndcg) / 3, abs=2e-4)
    assert abs(found.quantised["int8"].ndcg - found.whole.ndcg) < 0.03
    assert 0 < found.quantised["binary"].ndcg < found.whole.ndcg


def test_a_model_that_gives_all_texts_one_vector_finds_nothing() -> None:
    task, _ = drawn(0)
    found = score(task, lambda texts: np.ones((len(texts), 4)))
    assert (found.whole.ndcg, found.whole.recall) == (0, 0)


def test_a_query_that_several_rows_ask_has_all_their_positives_and_texts_stand_once() -> None:
    task = held_out(rows(("short_long", "q", "a", ["x", "b"]), ("short_long", "q", "b", ["x"]), ("sts", "r", "a", [])))
    assert task == HeldOut(["q", "r"], ["a", "b", "x"], [[0, 1], [0]], ["short_long", "sts"])


def test_a_large_split_is_thinned_evenly_and_an_empty_one_scores_nothing() -> None:
    many = held_out(rows(*(("sts", f"q{n}", f"p{n}", []) for n in range(3 * LARGEST))))
    assert len(many.queries) == LARGEST
    assert (many.queries[0], many.queries[-1]) == ("q0", f"q{3 * LARGEST - 1}")
    none = score(held_out(rows()), lambda texts: np.zeros((len(texts), 4)))
    assert (none.whole.queries, none.documents) == (0, 0)


@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 70))
def test_integers_keep_the_direction_and_bits_are_those_of_other_tools(seed: int, count: int, width: int) -> None:
    vectors = unit(np.random.default_rng(seed).normal(size=(count, width)))
    near = restored(quantise(vectors, "int8"), "int8", width)
    assert ((near * vectors).sum(axis=1) > 0.9995).all()
    bits = quantise(vectors, "binary")
    assert (bits == quantize_embeddings(vectors, "ubinary")).all()
    signs = restored(bits, "binary", width)
    differing = np.unpackbits(bits[:1] ^ bits, axis=1, count=width).sum(axis=1, dtype=int)
    assert (signs @ signs[0] == width - 2 * differing).all()  # exactly: as many bits differ, exactly as similar


def test_a_zero_vector_stays_zero_and_gives_no_warning() -> None:
    nothing = np.zeros((2, 8), np.float32)
    with np.errstate(all="raise"):
        assert not unit(nothing).any()
        assert all(quantise(nothing, kind).sum() == 0 for kind in QUANTISED)
