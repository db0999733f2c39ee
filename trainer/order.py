"""Which rows stand together in which step: told by seed and epoch alone, so that a resumed training goes on as it would have.

No batch holds two rows with the same query or the same positive: each would be the other's false negative. All batches are
full, since the loss depends on how many negatives there are. What fits in none is left out of that epoch and counted: the
rest below a whole batch, and rows whose query or positive stands in every batch already. Another epoch leaves out others.
"""

from typing import NamedTuple

import numpy as np

from pairsmith.factory.errors import InputError
from pairsmith.trainer.mix import Mix, Places, drawn
from pairsmith.trainer.recipe import Recipe


class Course(NamedTuple):
    """``steps``: the rows of each step, epoch after epoch; ``epochs``: the epoch of each; ``left_out``: rows of all epochs."""

    steps: list[Places]
    epochs: list[int]
    left_out: int


def course(rows: Mix, recipe: Recipe) -> Course:
    """All steps. Raises :class:`InputError` where there are too few rows for one."""
    steps, epochs, left = [], [], 0
    for epoch in range(recipe.epochs):
        generator = np.random.default_rng([recipe.seed, epoch])
        taken = drawn(rows, generator)
        mine = _epoch(rows, taken, recipe)
        if recipe.one_group:
            mine = [mine[place] for place in generator.permutation(len(mine))]
        steps += mine
        epochs += [epoch] * len(mine)
        left += len(taken) - sum(map(len, mine))
    return Course(steps, epochs, left)


def _epoch(rows: Mix, taken: Places, recipe: Recipe) -> list[Places]:
    if not recipe.one_group:
        return _batches(rows, taken, recipe.batch, "")
    groups = rows.groups[taken]
    return [
        batch
        for number, name in enumerate(rows.names)
        for batch in _batches(rows, taken[groups == number], recipe.batch, f"the group {name}: ")
    ]


def _batches(rows: Mix, taken: Places, size: int, where: str) -> list[Places]:
    """``taken`` in batches of ``size``, as many as can be filled."""
    queries, positives = rows.queries[taken], rows.positives[taken]
    again = _repeated(queries) | _repeated(positives)
    free = np.flatnonzero(~again)
    steps = len(taken) // size
    while steps:
        batches = _spread(queries, positives, np.flatnonzero(again), steps, size)
        placed = len(free) + sum(map(len, batches))
        if placed >= steps * size:
            return _filled(taken, batches, free, size)
        steps = placed // size
    found = f"{len(taken):,} rows" + (
        f", {again.sum():,} of them with a repeated query or positive," if again.any() else ""
    )
    raise InputError(f"{where}{found} are too few for a batch of {size:,}; set a smaller 'batch' or add rows")


def _repeated(numbers: Places) -> np.ndarray:
    return np.bincount(numbers)[numbers] > 1 if len(numbers) else np.zeros(0, bool)


def _spread(queries: Places, positives: Places, again: Places, steps: int, size: int) -> list[list[int]]:
    """Rows with a repeated text, each in the batch of its place in the order or the next that has room and not the text.

    Bit k of a number says that batch k has the text, or is full: a row costs ``steps`` / 64 operations of the processor.
    """
    batches: list[list[int]] = [[] for _ in range(steps)]
    every, full = (1 << steps) - 1, 0
    with_query: dict[int, int] = {}
    with_positive: dict[int, int] = {}
    for place, query, positive in zip(again.tolist(), queries[again].tolist(), positives[again].tolist(), strict=True):
        free = every & ~(full | with_query.get(query, 0) | with_positive.get(positive, 0))
        if not free:
            continue
        own = min(place // size, steps - 1)
        bit = _lowest(later << own) if (later := free >> own) else _lowest(free)
        batch = batches[bit.bit_length() - 1]
        batch.append(place)
        with_query[query] = with_query.get(query, 0) | bit
        with_positive[positive] = with_positive.get(positive, 0) | bit
        if len(batch) == size:
            full |= bit
    return batches


def _lowest(bits: int) -> int:
    return bits & -bits


def _filled(taken: Places, batches: list[list[int]], free: Places, size: int) -> list[Places]:
    """The batches as rows, made full with those whose texts occur once, in their order."""
    ends = np.cumsum([size - len(batch) for batch in batches])
    rest = np.split(free, ends)
    return [
        taken[np.concatenate([np.array(batch, np.int64), more])] for batch, more in zip(batches, rest, strict=False)
    ]
