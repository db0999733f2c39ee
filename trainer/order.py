"""Which rows stand together in which step: told by seed and epoch alone, so that a resumed training goes on as it would have.

No batch holds two rows with the same query or the same positive: each would be the other's false negative. The loss depends
on how many negatives there are, so an epoch has as many equal batches as come nearest to the recipe's size, rather than a
short one at its end or rows that are left over. A row whose query or positive stands in every batch already is left out of
that epoch and counted. Another epoch leaves out others.
"""

from bisect import bisect_left
from typing import NamedTuple

import numpy as np

from pairsmith.factory.errors import InputError
from pairsmith.trainer.mix import Mix, Places, drawn
from pairsmith.trainer.recipe import Recipe

_MANY = 32
"""Batches of a text from which they are kept as bits: a bit for every batch, for each text, would fill memory."""


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
    """``taken`` in as many equal batches as come nearest to ``size``."""
    queries, positives = rows.queries[taken], rows.positives[taken]
    again = _repeated(queries) | _repeated(positives)
    free = np.flatnonzero(~again)
    fitting, steps = len(taken), _nearest(len(taken), size)
    while fitting >= size:
        batches = _spread(queries, positives, np.flatnonzero(again), steps, -(-fitting // steps))
        fitting = len(free) + sum(map(len, batches))
        fewer = min(_nearest(fitting, size), steps)
        if fitting >= size and fewer == steps:
            filled = _filled(taken, batches, free)
            if steps == 1 or min(map(len, filled)) >= size / 2:
                return filled
            fewer -= 1 + steps // 10  # repeated rows stand unevenly: in fewer batches there are more of them in each
        steps = max(1, fewer)
    found = f"{len(taken):,} rows" + (
        f", {again.sum():,} of them with a repeated query or positive," if again.any() else ""
    )
    raise InputError(f"{where}{found} are too few for a batch of {size:,}; set a smaller 'batch' or add rows")


def _nearest(count: int, size: int) -> int:
    return max(1, (2 * count + size) // (2 * size))


def _repeated(numbers: Places) -> np.ndarray:
    return np.bincount(numbers)[numbers] > 1 if len(numbers) else np.zeros(0, bool)


def _spread(queries: Places, positives: Places, again: Places, steps: int, most: int) -> list[list[int]]:
    """Rows with a repeated text, each in the batch of its place in the order or the next that has room and not the text.

    Bit k of a number says that batch k has the text, or is full: a row costs ``steps`` / 64 operations of the processor.
    """
    batches: list[list[int]] = [[] for _ in range(steps)]
    every, full = (1 << steps) - 1, 0
    with_query, with_positive = _Standing(), _Standing()
    for place, query, positive in zip(again.tolist(), queries[again].tolist(), positives[again].tolist(), strict=True):
        free = every & ~(full | with_query.bits(query) | with_positive.bits(positive))
        if not free:
            continue
        own = place * steps // len(queries)
        number = _lowest(later) + own if (later := free >> own) else _lowest(free)
        batches[number].append(place)
        with_query.add(query, number)
        with_positive.add(positive, number)
        if len(batches[number]) == most:
            full |= 1 << number
    return batches


class _Standing:
    """In which batches each text stands."""

    def __init__(self) -> None:
        self._few: dict[int, list[int]] = {}
        self._many: dict[int, int] = {}

    def bits(self, text: int) -> int:
        return self._many.get(text, 0) | sum(1 << number for number in self._few.get(text, ()))

    def add(self, text: int, number: int) -> None:
        few = self._few.setdefault(text, [])
        few.append(number)
        if len(few) == _MANY:
            self._many[text] = self.bits(text)
            few.clear()


def _lowest(bits: int) -> int:
    return (bits & -bits).bit_length() - 1


def _filled(taken: Places, batches: list[list[int]], free: Places) -> list[Places]:
    """The batches as rows, made equal with those whose texts occur once, in their order."""
    loads = np.array([len(batch) for batch in batches])
    level = bisect_left(range(len(taken)), len(free), key=lambda level: int(np.maximum(level - loads, 0).sum()))
    room = np.maximum(level - loads, 0)
    room[np.flatnonzero(room)[len(free) - room.sum() + np.count_nonzero(room) :]] -= 1
    rest = np.split(free, np.cumsum(room)[:-1])
    return [taken[np.concatenate([np.array(batch, np.int64), more])] for batch, more in zip(batches, rest, strict=True)]
