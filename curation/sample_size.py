"""How many rows people must look at until they may say that fewer than a given share of all accepted rows are defective.

Two ways: a size that is fixed before (:func:`planned`), which may be looked at once; and the bound of
:mod:`pairsmith.curation.acceptance`, which may be looked at after every answer (:func:`any_time`), for a few rows more.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from pairsmith.curation.acceptance import PRIOR, Prior, least_at, shows_fewer

MOST = 100_000
"""Rows beyond which no size is looked for: half a year of one person's work."""

POWER = 0.8
"""How likely a planned sample must be to show it, where the rate is as expected: what is usual for planned studies."""

CHANCES = (0.5, POWER)


class Planned(NamedTuple):
    """A sample of fixed size, looked at once: it shows it where at most ``allowed`` of ``rows`` are defective.

    ``power``: how likely that is, where the rate is as expected.
    """

    rows: int
    allowed: int
    power: float


Chance = Callable[[int, int], float]
"""(hits, rows) -> chance of at most so many hits among so many rows."""


def planned(population: int | None, limit: float, confidence: float, expected: float) -> Planned | None:
    """The smallest planned sample: exact, for rows drawn from ``population``, or (None) from one without end.

    Where the true rate is ``limit`` or more, it shows the contrary with chance 1 - ``confidence`` at most; where it is
    ``expected``, it shows what is so with chance :data:`POWER` at least. None where that takes more than :data:`MOST` rows.
    """
    if population is None:
        most, at_limit, at_expected = MOST, _binomial(limit), _binomial(expected)
    else:
        most = min(population, MOST)
        at_limit = _hypergeometric(population, least_at(population, limit))
        at_expected = _hypergeometric(population, int(expected * population))
    rows = 0
    for allowed in range(most):
        rows = _least_rows(at_limit, allowed, 1 - confidence, max(rows, allowed + 1), most)
        if rows > most:
            return None
        power = at_expected(allowed, rows)
        if power >= POWER:
            return Planned(rows, allowed, power)
    return None


def _least_rows(chance: Chance, hits: int, risk: float, least: int, most: int) -> int:
    """The least of ``least`` to ``most`` rows that leave ``hits`` a chance of ``risk`` at most; ``most`` + 1 where none do."""
    below, above = least - 1, most + 1
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (below, middle) if chance(hits, middle) <= risk else (middle, above)
    return above


def _binomial(rate: float) -> Chance:
    from scipy.special import bdtr

    return lambda hits, rows: float(bdtr(hits, rows, rate))


def _hypergeometric(population: int, defective: int) -> Chance:
    from scipy.stats import hypergeom

    return lambda hits, rows: float(hypergeom.cdf(hits, population, defective, rows))


def any_time(
    population: int,
    limit: float,
    confidence: float,
    rate: float,
    chances: Sequence[float] = CHANCES,
    prior: Prior = PRIOR,
) -> list[int | None]:
    """After how many rows the always-valid bound is below ``limit``, where ``rate`` of the population are defective.

    For each of ``chances``, in rising order, the number of rows by which it has been so at least once, looked at after
    every answer; None where that takes more than :data:`MOST` rows.
    """
    found: list[int | None] = []
    for rows, shown in shown_by(population, limit, confidence, int(rate * population), prior):
        while len(found) < len(chances) and shown >= chances[len(found)]:
            found.append(rows)
        if len(found) == len(chances):
            break
    return found + [None] * (len(chances) - len(found))


def shown_by(
    population: int, limit: float, confidence: float, defective: int, prior: Prior = PRIOR
) -> Iterator[tuple[int, float]]:
    """(rows, chance that the bound was below ``limit`` after one of them or before), row by row, exactly.

    ``alive[h]`` is the chance of h hits so far with the bound never below the limit yet.
    """
    import numpy as np

    alive, shown, allowed = np.ones(1), 0.0, -1
    for rows in range(1, min(population, MOST) + 1):
        hit = alive * np.clip((defective - np.arange(len(alive))) / (population - rows + 1), 0, 1)
        alive = np.append(alive - hit, 0.0) + np.append(0.0, hit)
        while shows_fewer(population, rows, min(allowed + 1, rows), limit, confidence, prior) and allowed < rows:
            allowed += 1
        shown += float(alive[: allowed + 1].sum())
        alive[: allowed + 1] = 0
        alive = alive[: 1 + int(np.flatnonzero(alive > _NOTHING).max(initial=0))]
        yield rows, shown


_NOTHING = 1e-15
"""A chance that is not followed further."""
