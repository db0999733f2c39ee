"""Whether two samples come from one distribution: of shares, of numbers kept as counts, and of many tests at once.

All chances are natural logarithms: at ten million rows a chance is often smaller than the smallest number. Every test has
two sides, and says the same of (a, b) and (b, a).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

EXACT_BELOW = 25
"""Rows expected in the emptiest of the four cells below which shares are tested exactly. The rule of thumb, 5, is for levels
of 5 %; corrected for hundreds of tests levels are near 1e-5, and from 25 on the approximation is within a factor of 1.5 there,
while that of the plain z test is off by 10 where one sample is much larger than the other."""

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Histogram = Mapping[int, int] | Mapping[float, int]
"""Value -> how often it occurs: a sample of any size in the memory of its distinct values."""

_STRAIGHT = 1e-6  # skewness of a law that is as good as normal
_SMALLEST = 1e-300  # of exact chances: a float holds hardly less


def shares(hits: Counts, rows: int, other_hits: Counts, other_rows: int) -> Floats:
    """For each of many categories the log chance that shares ``hits / rows`` and ``other_hits / other_rows`` differ so.

    Given the margins: exact (Fisher's test, twice the tail from there on) where fewer than :data:`EXACT_BELOW` rows are
    expected in a cell, else two proportions by the signed root of the likelihood ratio with a correction for continuity.
    """
    hits, other_hits = np.asarray(hits, np.int64), np.asarray(other_hits, np.int64)
    if not rows or not other_rows:
        return np.zeros(len(hits))
    both, all_rows = hits + other_hits, rows + other_rows
    rarest = np.minimum(both, all_rows - both) * (min(rows, other_rows) / all_rows)
    found = np.zeros(len(hits))
    few = rarest < EXACT_BELOW
    found[few] = _exact(hits[few], rows, both[few], all_rows)
    found[~few] = _by_likelihood(hits[~few], rows, both[~few], all_rows)
    return found


def least_chance(both: Counts, rows: int, other_rows: int) -> Floats:
    """The smallest log chance of the exact test where the two samples together have ``both`` rows of a category: that of all in
    one of them, or as many as it holds."""
    ends = (np.minimum(both, rows), np.maximum(0, both - other_rows))
    ways = [
        _log_choices(both, hits)
        + _log_choices(rows + other_rows - both, rows - hits)
        - _log_choices(rows + other_rows, rows)
        for hits in ends
    ]
    found: Floats = np.minimum(0.0, np.log(2) + np.minimum(*ways))
    return found


def _log_choices(of: npt.ArrayLike, number: npt.ArrayLike) -> Floats:
    """Log of the number of ways to choose so many of so many."""
    from scipy.special import gammaln

    of, number = np.asarray(of, np.float64), np.asarray(number, np.float64)
    found: Floats = gammaln(of + 1) - gammaln(number + 1) - gammaln(of - number + 1)
    return found


def _exact(hits: Counts, rows: int, both: Counts, all_rows: int) -> Floats:
    from scipy.stats import hypergeom

    if not len(hits):
        return np.empty(0)
    common = 2 * both > all_rows  # told by its rest, of which there is less to add up
    hits, both = np.where(common, rows - hits, hits), np.where(common, all_rows - both, both)
    more = hits * all_rows > both * rows
    tail = np.empty(len(hits))
    tail[more] = hypergeom.sf(hits[more] - 1, all_rows, both[more], rows)
    tail[~more] = hypergeom.cdf(hits[~more], all_rows, both[~more], rows)
    found: Floats = np.log(np.clip(2 * tail, _SMALLEST, 1.0))
    return found


def _by_likelihood(hits: Counts, rows: int, both: Counts, all_rows: int) -> Floats:
    from scipy.special import xlogy

    expected = both * (rows / all_rows)
    off = np.maximum(np.abs(hits - expected) - 0.5, 0.0) * np.sign(hits - expected)
    margins = ((both, rows), (both, all_rows - rows), (all_rows - both, rows), (all_rows - both, all_rows - rows))
    likelihood = np.zeros(len(hits))
    for (category, sample), sign in zip(margins, (1, -1, -1, 1), strict=True):
        mean = category * (sample / all_rows)
        found = mean + sign * off
        likelihood += xlogy(found, found / mean)
    return two_sided(np.sqrt(2 * np.maximum(likelihood, 0.0)))


def two_sided(z: npt.ArrayLike) -> Floats:
    """Log chance that a standard normal number is at least as far from 0 as ``z``."""
    from scipy.special import log_ndtr

    found: Floats = np.minimum(0.0, np.log(2) + log_ndtr(-np.abs(z)))
    return found


class Shape(NamedTuple):
    """How two samples of numbers differ. ``distance``: the largest between their distributions (Kolmogorov, Smirnov), 0 to 1.

    ``shift``: by which share the median of the second one lies above the first one's; ``at``: the number where the distance
    is largest; ``log_chance`` of the smaller of two tests, counted twice: Kolmogorov and Smirnov's, which sees any
    difference, and that of ranks (Mann, Whitney), which sees a shift of all sooner.
    """

    distance: float
    at: float
    shift: float
    median: float
    other_median: float
    log_chance: float


def shape(sample: Histogram, other: Histogram) -> Shape:
    """How two samples of at least one number each differ; numbers that are equal are ties, which both tests allow for."""
    values, first, second = aligned(sample, other)
    n, m = first.sum(), second.sum()
    gaps = np.abs(np.cumsum(first) / n - np.cumsum(second) / m)
    place = int(gaps.argmax())
    distance = float(gaps[place])
    chance = min(kolmogorov(distance * np.sqrt(n * m / (n + m))), rank_sum(first, second).log_chance)
    median, other_median = (median_of(values, counts) for counts in (first, second))
    shift = other_median / median - 1 if median else float(other_median > 0)
    return Shape(distance, float(values[place]), shift, median, other_median, min(0.0, chance + np.log(2)))


def aligned(*samples: Histogram) -> tuple[Floats, ...]:
    """All values, ascending, and how often each of them occurs in each sample."""
    keys = [np.fromiter(one.keys(), np.float64, len(one)) for one in samples]
    values = np.unique(np.concatenate(keys))
    counts = []
    for one, own in zip(samples, keys, strict=True):
        there = np.zeros(len(values))
        there[np.searchsorted(values, own)] = np.fromiter(one.values(), np.float64, len(one))
        counts.append(there)
    return values, *counts


def kolmogorov(x: float) -> float:
    """Log of the chance that the largest distance, times the root of the rows, exceeds ``x``: the limit, never too small."""
    from scipy.special import kolmogorov as chance

    return float(np.log(chance(x))) if x < 5 else float(np.log(2) - 2 * x * x)  # the next term is below 1e-60


class RankSum(NamedTuple):
    """Sum of the ranks of the second of two samples: how far it is above what is expected if both are of one kind, and the
    second and third central moment that it then has."""

    excess: float
    variance: float
    third: float

    def plus(self, other: "RankSum", weight: float) -> "RankSum":
        """This sum and ``weight`` times that of another pair of samples."""
        return RankSum(
            *(mine + weight**power * its for power, (mine, its) in enumerate(zip(self, other, strict=True), 1))
        )

    @property
    def log_chance(self) -> float:
        """Of an excess as far from 0, on both sides (Mann and Whitney's test), its law taken for a shifted gamma law.

        A normal law forgets that the sum is skewed where one sample is much larger and most of its numbers are equal: five
        rows of 200 that differ, where one is expected, would have a chance too small by ten. Of the gamma law that has the
        same three moments a normal number is made by the cube root of Wilson and Hilferty (PNAS 17, 1931).
        """
        if self.variance <= 0:
            return 0.0
        z, skewness = self.excess / self.variance**0.5, self.third / self.variance**1.5
        if abs(skewness) > _STRAIGHT:
            root = np.cbrt(max(1 + z * skewness / 2, 0.0))
            z = 6 / skewness * (root - 1) + skewness / 6
        return float(two_sided(z))


def rank_sum(first: Floats, second: Floats) -> RankSum:
    """Of the second sample, of counts by value, the values ascending; equal numbers share their mean rank.

    Its moments are those of a sum of numbers drawn without being put back.
    """
    n, m, both = first.sum(), second.sum(), first + second
    total = n + m
    ranks = np.cumsum(both) - both / 2 - total / 2  # from their mean
    square, cube = (float(both @ ranks**power) / total for power in (2, 3))
    variance = square * n * m / (total - 1)
    return RankSum(float(second @ ranks), variance, cube * n * m * (n - m) / ((total - 1) * max(total - 2, 1)))


def median_of(values: Floats, counts: Floats) -> float:
    """The median, on the line through the middles of the steps: whole numbers would move by leaps."""
    middles = np.cumsum(counts) - counts / 2
    there = counts > 0
    return float(np.interp(counts.sum() / 2, middles[there], values[there]))


def holm(log_chances: Floats) -> Floats:
    """Log chances corrected for their number (Holm, Scandinavian Journal of Statistics 6, 1979): of all tests together, one
    falsely at or below a level has at most that chance, however they hang together."""
    order = np.argsort(log_chances, kind="stable")
    stepped = log_chances[order] + np.log(np.arange(len(order), 0, -1))
    found = np.empty(len(order))
    found[order] = np.minimum(0.0, np.maximum.accumulate(stepped)) if len(order) else stepped
    return found
