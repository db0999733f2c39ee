"""Which rows stand together in a step: equal batches without a text twice, and nothing lost that is not counted."""

import tracemalloc
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairsmith.factory.errors import InputError
from pairsmith.trainer.data import TRAINING
from pairsmith.trainer.facts import SourceFacts
from pairsmith.trainer.mix import Mix, Source, drawn, mix
from pairsmith.trainer.order import course
from pairsmith.trainer.recipe import Recipe
from pairsmith.trainer.schedule import learning_rate


def source(texts: list[tuple[int, int]], weight: float = 1, known: int = 0, group: str = "sts") -> Source:
    """Rows of these (query, positive); the first ``known`` were there in the earlier version."""
    lines = [
        {
            "id": f"{group}{n}",
            "group": group,
            "instruction": "i",
            "query": f"q{q}",
            "positive": f"p{p}",
            "negatives": [],
        }
        for n, (q, p) in enumerate(texts)
    ]
    facts = SourceFacts(name="s", row_set="0", rows=len(texts), known=known, weight=weight)
    return Source(facts, pa.Table.from_pylist(lines, schema=TRAINING), np.arange(len(texts)) < known)


def apart(count: int, first: int = 0) -> list[tuple[int, int]]:
    return [(n, n) for n in range(first, first + count)]


pairs = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=2, max_size=60)


@given(pairs, st.integers(2, 6), st.integers(0, 3), st.booleans())
def test_batches_hold_no_text_twice_and_every_row_once_or_it_is_counted_and_none_is_small(
    texts: list[tuple[int, int]], size: int, seed: int, one_group: bool
) -> None:
    sources = [source(texts), source([(q + 20, p + 20) for q, p in apart(2 * size)], group="bitext")]
    recipe = Recipe(batch=size, epochs=2, seed=seed, one_group=one_group)
    rows = mix(sources, recipe)
    try:
        plan = course(rows, recipe)
    except InputError as error:
        assert one_group and "too few for a batch" in str(error)
        return
    for step in plan.steps:
        assert size / 2 <= len(step) <= 2 * size
        assert len(set(rows.queries[step])) == len(set(rows.positives[step])) == len(step)
        assert not one_group or len(set(rows.groups[step])) == 1
    for epoch in range(2):
        mine = Counter(int(row) for step, e in zip(plan.steps, plan.epochs, strict=True) if e == epoch for row in step)
        assert max(mine.values()) == 1
    assert sum(map(len, plan.steps)) + plan.left_out == 2 * len(rows.rows)


@given(st.integers(2, 200), st.integers(2, 20))
def test_of_rows_without_a_repeated_text_none_is_left_out_and_batches_are_equal_and_as_near_as_can_be(
    count: int, size: int
) -> None:
    recipe = Recipe(batch=size)
    if count < size:
        with pytest.raises(InputError, match=r"too few for a batch of"):
            course(mix([source(apart(count))], recipe), recipe)
        return
    plan = course(mix([source(apart(count))], recipe), recipe)
    sizes = [len(step) for step in plan.steps]
    assert (sum(sizes), plan.left_out) == (count, 0)
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) == max(1, int(count / size + 0.5))


def test_rows_that_share_a_text_are_spread_over_the_batches_and_none_is_lost_while_there_is_a_batch_for_each() -> None:
    texts = [(n, 0 if n < 20 else n) for n in range(200)]  # twenty batches, twenty rows with one label
    recipe = Recipe(batch=10)
    rows = mix([source(texts)], recipe)
    plan = course(rows, recipe)
    assert plan.left_out == 0
    assert [int((rows.positives[step] == rows.positives[0]).sum()) for step in plan.steps] == [1] * 20


def test_a_label_that_is_nearly_everywhere_leaves_fewer_batches_and_the_rest_is_counted() -> None:
    texts = [(n, 0 if n < 90 else n) for n in range(120)]
    recipe = Recipe(batch=5)
    plan = course(mix([source(texts)], recipe), recipe)
    assert len(plan.steps) == 8  # of the 30 other rows and one of the 90 a batch
    assert plan.left_out == 120 - 38
    with pytest.raises(InputError, match=r"^120 rows, 120 of them with a repeated query or positive, are too few"):
        course(mix([source([(n, n % 3) for n in range(120)])], recipe), recipe)


def test_all_rows_drawn_twice_take_the_memory_of_the_rows_not_of_every_batch_for_every_text() -> None:
    recipe = Recipe(batch=4)
    numbers = np.arange(20_000)
    rows = Mix([], TRAINING.empty_table(), np.full(20_000, 2.0), numbers * 0, numbers, numbers, numbers * 0, ["sts"])
    tracemalloc.start()
    plan = course(rows, recipe)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(plan.steps), plan.left_out) == (10_000, 0)
    assert peak < 25e6  # with a bit of every batch for both texts of each row it is three times as much


def test_order_is_told_by_seed_and_epoch_alone() -> None:
    def steps(**how: int) -> list[list[int]]:
        recipe = Recipe(batch=10, **how)
        return [step.tolist() for step in course(mix([source(apart(100))], recipe), recipe).steps]

    assert steps(epochs=3)[:10] == steps(epochs=1)
    assert steps(epochs=2)[:10] != steps(epochs=2)[10:]
    assert steps(seed=1) != steps(seed=2)


def test_a_weight_is_how_often_a_row_is_drawn_in_an_epoch() -> None:
    recipe = Recipe(replay=0.25)
    rows = mix(
        [source(apart(100), weight=2.5), source(apart(40, 100), weight=0.5), source(apart(80, 200), known=60)], recipe
    )
    times = np.bincount(drawn(rows, np.random.default_rng([0, 0])), minlength=len(rows.rows))
    assert sorted(times[:100]) == [2] * 50 + [3] * 50
    assert sorted(times[100:140]) == [0] * 20 + [1] * 20
    assert times[140:200].sum() == 15  # of the 60 rows that the earlier version has, a quarter
    assert times[200:].tolist() == [1] * 20


def test_a_row_that_is_drawn_twice_stands_in_two_batches() -> None:
    recipe = Recipe(batch=10)
    rows = mix([source(apart(30), weight=2)], recipe)
    plan = course(rows, recipe)
    assert len(plan.steps) == 6
    assert all(len(set(step.tolist())) == 10 for step in plan.steps)


def test_an_empty_group_is_one_clear_line() -> None:
    with pytest.raises(InputError, match=r"^alone: the group bitext has no row to train on; those with rows: sts$"):
        mix([source(apart(4))], Recipe(alone=["bitext"]))
    recipe = Recipe(batch=4, one_group=True)
    small = [source(apart(8)), source(apart(3, 8), group="bitext")]
    with pytest.raises(InputError, match=r"^the group bitext: 3 rows are too few for a batch of 4"):
        course(mix(small, recipe), recipe)


@given(st.integers(1, 2000), st.integers(0, 300))
def test_the_learning_rate_rises_to_the_recipes_and_falls_in_equal_steps_and_no_step_is_without(
    steps: int, warmup: int
) -> None:
    recipe = Recipe(warmup=warmup)
    rates = np.array([learning_rate(number, steps, recipe) for number in range(1, steps + 1)])
    assert rates.max() == pytest.approx(recipe.learning_rate)
    assert rates.min() > 0
    rise = min(warmup, steps // 10)
    assert np.allclose(np.diff(rates, 2)[rise:], 0)
    assert np.all(np.diff(rates[:rise]) > 0)
