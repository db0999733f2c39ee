"""Exact and near duplicates of a row, at a Jaccard similarity that is wanted, and computed exactly.

Two kinds: of group short_long the positive is edited and the twin belongs to another task (its query and positive together
are the near duplicate, its query alone is none); of group long_short the query is edited, within the same task.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from random import Random
from typing import NamedTuple

from pairsmith.factory.taxonomy import Role
from pairsmith.factory.text import jaccard, shingles, tokens
from rehearsal.material import Pool
from rehearsal.rows import Row, Template, Writer

GRAM = 3  # tokens: what ``gates.duplicates`` compares
LONG = 150  # words: in a shorter text one exchanged word leaves less than the highest level
UNSPACED = 0.25  # share of clusters in scripts without spaces, which few recordings are in
RUNS = 6  # places at which a text is edited, at most: one is a passage exchanged, many are words here and there

_LONG_ROLE: dict[str, Role] = {"short_long": "positive", "long_short": "query"}


class Twin(NamedTuple):
    """A row like another. ``jaccard``: of their token 3-grams, in the view ``view`` (query, or pair: query and positive)."""

    row: Row
    jaccard: float
    view: str


class Twins:
    """Makes clusters of twins: :meth:`base` is their original, each :meth:`near` and :meth:`exact` one is like it."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._templates = [template for template in writer.sound if _is_long(template)]
        self.base = lru_cache(maxsize=64)(self._base)

    def _base(self, number: int) -> tuple[Row, Template]:
        random = self._writer.random(number)
        template = random.choice(self._templates)
        language = random.choice(self._writer.unspaced) if random.random() < UNSPACED else None
        return self._writer.row(number, random, template, language), template

    def exact(self, number: int, of: int) -> Twin:
        """A row that says the same: spaces may be doubled, its negatives are others."""
        base, template = self.base(of)
        random = self._writer.random(number)
        copy = self._writer.row(number, random, template, base["query_language"])
        spaced = "  " if random.random() < 0.5 else " "
        copy["query"] = base["query"]
        copy["positive"] = base["positive"].replace(" ", spaced) if not self._pool(base).unspaced else base["positive"]
        return Twin(copy, 1.0, "pair")

    def near(self, number: int, of: int, level: float) -> Twin:
        """A row whose similarity to its original is ``level`` or as little above as whole tokens allow."""
        base, template = self.base(of)
        random = self._writer.random(number)
        role = _LONG_ROLE[template.request.group]
        copy = self._writer.row(number, random, template, base["query_language"])
        copy["query"] = base["query"]
        if role == "positive":
            copy["instruction"] = self._other_task(random, template)
        fixed = base["query"] if role == "positive" else ""

        def view(text: str) -> str:
            return f"{fixed}\n{text}"

        copy[role], found = edited(base[role], self._pool(base), random, level, view)
        return Twin(copy, found, "query" if role == "query" else "pair")

    def _pool(self, row: Row) -> Pool:
        return self._writer.pools[row["query_language"]]

    def _other_task(self, random: Random, template: Template) -> str:
        tasks = {one.request.instruction for one in self._templates if one.request.group == template.request.group}
        return random.choice(sorted(tasks - {template.request.instruction}))


def _is_long(template: Template) -> bool:
    role = _LONG_ROLE.get(template.request.group)
    return role is not None and template.lengths[role] >= LONG


def edited(text: str, pool: Pool, random: Random, level: float, view: Callable[[str], str]) -> tuple[str, float]:
    """``text`` with as many units exchanged as leave ``view`` of it at least ``level`` similar, and that similarity."""
    units = pool.units(text)
    donor = pool.units(pool.passage(random, 2 * LONG))
    places = list(places_of(random, len(units)))
    grams = shingles(tokens(view(text)), GRAM)

    def made(count: int) -> tuple[str, float]:
        copy = list(units)
        for place in places[:count]:
            copy[place] = donor[place % len(donor)]
        found = pool.joined(copy)
        return found, jaccard(grams, shingles(tokens(view(found)), GRAM))

    low, high = 0, len(units)  # units that may be exchanged, that are too many
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if made(middle)[1] >= level else (low, middle)
    return made(low)


def places_of(random: Random, size: int) -> Iterator[int]:
    """All places of a text in the order in which they are exchanged: some runs that grow together."""
    starts = [int(random.random() * size) for _ in range(1 + int(random.random() * RUNS))]
    seen: set[int] = set()
    for step in range(size):
        for start in starts:
            place = (start + step) % size
            if place not in seen:
                seen.add(place)
                yield place
