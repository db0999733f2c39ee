"""Rates from samples, with intervals that hold for few rows and few hits.

:func:`exact` is for a simple random sample, and for any part of one that is chosen by a column (a group, a language): given
its size, such a part is a simple random sample of that part of the population. :func:`weighted` is for a stratified one.
Both treat the population as infinite: where the sample is a sizeable part of it, the intervals are wider than need be.
"""

from collections.abc import Sequence
from typing import NamedTuple

CONFIDENCE = 0.95


class Estimate(NamedTuple):
    """``hits`` of ``rows`` that were looked at, the rate that they tell of (None where there are none), and its interval."""

    rows: int
    hits: int
    rate: float | None
    low: float
    high: float


class Stratum(NamedTuple):
    """One stratum of a population: its rows in all, those of a random sample of it that were looked at, and the hits."""

    population: int
    rows: int
    hits: int


def exact(hits: int, rows: int, confidence: float = CONFIDENCE) -> Estimate:
    """The interval of Clopper and Pearson (Biometrika 26, 1934): it covers at least as often as it says, at any rate."""
    if not 0 <= hits <= rows:
        raise ValueError(f"{hits} hits of {rows} rows")
    if not rows:
        return Estimate(0, 0, None, 0.0, 1.0)
    return Estimate(rows, hits, hits / rows, *_clopper_pearson(hits, rows, confidence))


def mean(value: float, rows: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of the mean of ``rows`` figures between 0 and 1, such as scores of queries.

    That of a rate, whose figures are 0 or 1 and so as far apart as can be: it is wider than need be, and holds for few rows
    and for a mean of 0 or 1 too.
    """
    return _clopper_pearson(value * rows, rows, confidence) if rows else (0.0, 1.0)


def weighted(strata: Sequence[Stratum], confidence: float = CONFIDENCE) -> Estimate:
    """The rate of a population from samples of its strata, each weighing as many rows as it has.

    The interval is that of Korn and Graubard (Survey Methodology 24, 1998): the exact one, of as many rows of a simple
    random sample as would tell the same (see :func:`_worth`). Strata of which no row was looked at are left out: the
    estimate is of the others, and :func:`unseen` says how much that leaves out.
    """
    seen = [each for each in strata if each.rows]
    rows, hits = sum(each.rows for each in seen), sum(each.hits for each in seen)
    if not rows:
        return exact(0, 0)
    if any(each.hits > each.rows or each.rows > each.population for each in seen):
        raise ValueError(f"more hits than rows, or more rows than there are: {seen}")
    whole = sum(each.population for each in seen)
    rate = min(sum(each.population / whole * each.hits / each.rows for each in seen), 1.0)
    worth = _worth(seen, rate, confidence)
    return Estimate(rows, hits, rate, *_clopper_pearson(rate * worth, worth, confidence))


def unseen(strata: Sequence[Stratum]) -> float:
    """Share of the population that lies in strata of which no row was looked at."""
    whole = sum(each.population for each in strata)
    return sum(each.population for each in strata if not each.rows) / whole if whole else 0.0


def _worth(seen: Sequence[Stratum], rate: float, confidence: float) -> float:
    """Rows of a simple random sample that tell as much as these strata, lessened for few degrees of freedom.

    The variance of a stratum comes from its own rows; one row has none, so there it is that of the overall rate, and all
    such strata count as one for the degrees of freedom. They never tell more than weights alone say, the rate being the same
    everywhere: a heavy stratum in which few rows were looked at, none of them a hit, would else seem to be known for sure.
    """
    rows = sum(each.rows for each in seen)
    whole = sum(each.population for each in seen)
    shares = [each.population / whole for each in seen]
    spread = rate * (1 - rate)
    variance = sum(share**2 * _variance(each, spread) for share, each in zip(shares, seen, strict=True))
    even = 1 / sum(share**2 / each.rows for share, each in zip(shares, seen, strict=True))
    alike = spread / variance if variance > 0 else even
    strata = sum(each.rows > 1 for each in seen) + any(each.rows == 1 for each in seen)
    return min(alike * _fewer_degrees(rows - 1, max(rows - strata, 1), confidence), even)


def _variance(stratum: Stratum, spread: float) -> float:
    """Of the stratum's rate; ``spread`` is that of a single row where the stratum cannot tell its own."""
    if stratum.rows == 1:
        return spread
    rate = stratum.hits / stratum.rows
    return rate * (1 - rate) / (stratum.rows - 1)


def _fewer_degrees(simple: int, design: int, confidence: float) -> float:
    """What a variance from ``design`` degrees of freedom is worth beside one from ``simple`` of them."""
    from scipy.special import stdtrit

    tail = (1 + confidence) / 2
    return float((stdtrit(max(simple, 1), tail) / stdtrit(design, tail)) ** 2)


def _clopper_pearson(hits: float, rows: float, confidence: float) -> tuple[float, float]:
    """Quantiles of beta distributions, defined for fractions of rows too."""
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    misses = max(rows - hits, 0.0)
    low = float(betaincinv(hits, misses + 1, tail)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, misses, 1 - tail)) if misses > 0 else 1.0
    return low, high
